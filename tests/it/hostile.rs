//! What hostile hosts of the demo world get to know.

use aotf::demo::world::hostile::Hostile;
use aotf::demo::world::{Options, World};

use crate::daemon::{Daemon, Setup};
use crate::faults::{assert_found, pages};

#[test]
fn secrets_stay_with_the_host_that_they_are_for() {
    const SITE: &str = "www.deviantart.com";
    const OTHER: &str = "www.furaffinity.net";
    let world = World::start(Options::default()).unwrap();
    let page = pages(&world, SITE)[0].clone();
    let extra = "[links.cookies]\ndeviantart = \"auth=secret\"\n";
    let daemon = Daemon::start_in(tempfile::tempdir().unwrap(), world, &Setup { extra, ..Setup::default() });
    assert_found(&daemon.query(&page));
    let own = |secrets: &[String]| secrets.iter().any(|host| host == SITE);
    assert!(own(&daemon.world.secrets_sent()), "{:?}", daemon.world.secrets_sent());
    daemon.world.set_hostile(SITE, Some(Hostile::LeadsTo(OTHER)));
    daemon.world.set_hostile("api.x.com", Some(Hostile::LeadsTo(OTHER)));
    daemon.begin(&format!("{page}#again"));
    let told = daemon.command(&["scan", "--wait", "demo_maple"]);
    assert!(!told.status.success(), "{told:?}");
    let secrets = daemon.world.secrets_sent();
    let allowed = [SITE, "api.x.com", "api.tumblr.com"];
    assert!(secrets.iter().all(|host| allowed.contains(&host.as_str())), "{secrets:?}");
}
