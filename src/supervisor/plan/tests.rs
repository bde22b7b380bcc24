//! Lives of a small tree, row by row: when, what happens, what is to be done.

use proptest::prelude::*;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::*;
use crate::supervisor::restart::RestartPolicy;

const MIB: u64 = 1 << 20;

/// A broker, a listing and a console, with limits of 100 MiB; given up after three failures.
fn small_tree() -> Plan {
    let place = |role, link, restart| Place::new(role, link, restart, 100 * MIB, Monotonic(0));
    let places = vec![
        place(Role::Broker, LinkKind::Broker, Restart::Always),
        place(Role::Listing, LinkKind::Stage, Restart::Always),
        place(Role::Console, LinkKind::None, Restart::OnFailure),
    ];
    let restart_policy = RestartPolicy { ceiling: 3, ..RestartPolicy::default() };
    Plan::new(places, Options { restart_policy, ..Options::default() }, Monotonic(0))
}

/// The same after its start: the containers 1, 2 and 3 work, as the processes 101, 102 and 103.
fn working() -> Plan {
    let mut plan = small_tree();
    check(
        &mut plan,
        [
            (0, Event::Tick, "start 0 as 1; start 1 as 2; start 2 as 3"),
            (10, started(1), ""),
            (10, started(2), ""),
            (10, started(3), ""),
            (20, hello(2, Role::Listing), "welcome 2"),
            (30, hello(1, Role::Broker), "welcome 1; join 2 with 1"),
            (40, hello(3, Role::Console), "welcome 3"),
            (50, Event::Ready(ContainerId(1)), ""),
            (60, Event::Ready(ContainerId(2)), ""),
            (70, Event::Ready(ContainerId(3)), "tell: 3 are ready after 70 ms"),
        ],
    );
    plan
}

fn started(id: u32) -> Event {
    Event::Started { id: ContainerId(id), pid: Some(100 + id) }
}

fn hello(id: u32, role: Role) -> Event {
    Event::Linked { id: ContainerId(id), hello: Some((role, 100 + id)) }
}

fn heard(id: u32) -> Event {
    Event::Heard(ContainerId(id))
}

fn link_closed(id: u32) -> Event {
    Event::LinkClosed { id: ContainerId(id), babbled: false }
}

/// Its link has closed before.
fn died(id: u32, how: &str) -> Event {
    let ended = Ended { in_order: how == "exit status 0", how: how.to_owned() };
    Event::Ended { id: ContainerId(id), ended, link_is_open: false }
}

/// Its last message may be on its way.
fn died_speaking(id: u32, how: &str) -> Event {
    let ended = Ended { in_order: how == "exit status 0", how: how.to_owned() };
    Event::Ended { id: ContainerId(id), ended, link_is_open: true }
}

fn show(act: &Act) -> String {
    match act {
        Act::Start { place, id } => format!("start {place} as {}", id.0),
        Act::Welcome(id) => format!("welcome {}", id.0),
        Act::Join { id, broker } => format!("join {} with {}", id.0, broker.0),
        Act::TellToStop(id) => format!("stop {}", id.0),
        Act::Terminate { id, why } => format!("terminate {}: {why:?}", id.0),
        Act::Kill { id, why } => format!("kill {}: {why:?}", id.0),
        Act::Forget(id) => format!("forget {}", id.0),
        Act::TellLeft { id, .. } => format!("tell: {} left", id.0),
        Act::TellDied { id, how, decision, .. } => match decision {
            Decision::Restart { pause, .. } => {
                format!("tell: {} died, {how}, again in {} ms", id.0, pause.as_millis())
            }
            Decision::GiveUp { failures } => {
                format!("tell: {} died, {how}, given up after {failures}", id.0)
            }
        },
        Act::TellReady { containers, after: Some(after) } => {
            format!("tell: {containers} are ready after {} ms", after.as_millis())
        }
        Act::TellReady { containers, after: None } => format!("tell: {containers} are ready"),
        Act::RefuseReload => "refuse to reload".to_owned(),
        Act::FeedWatchdog => "feed the watchdog".to_owned(),
        Act::TellStopping { why } => format!("tell: stopping, {why}"),
        Act::Weigh => "weigh".to_owned(),
        Act::End { result: Ok(exit), .. } => format!("end: {}", exit.by),
        Act::End { result: Err(error), .. } => format!("end: {error}"),
    }
}

/// Rows of milliseconds, event and acts. That the memory is looked at is left out.
#[track_caller]
fn check(plan: &mut Plan, rows: impl IntoIterator<Item = (u64, Event, &'static str)>) {
    for (at, event, expect) in rows {
        let shown = format!("{event:?}");
        let acts = plan.handle(event, Monotonic(at));
        let acts: Vec<_> = acts.iter().map(show).filter(|act| act != "weigh").collect();
        assert_eq!(acts.join("; "), expect, "at {at}: {shown}");
    }
}

#[test]
fn a_container_that_dies_is_started_again_and_joined() {
    check(
        &mut working(),
        [
            (5_000, link_closed(2), ""),
            (5_010, died(2, "signal 9"), "forget 2; tell: 2 died, signal 9, again in 100 ms"),
            (5_109, Event::Tick, ""),
            (5_110, Event::Tick, "start 1 as 4"),
            (5_110, started(4), ""),
            (5_200, hello(4, Role::Listing), "welcome 4; join 4 with 1"),
            (5_300, Event::Ready(ContainerId(4)), "tell: 3 are ready"),
        ],
    );
}

#[test]
fn what_cannot_be_started_is_tried_again() {
    let not_started = |id| Event::NotStarted { id: ContainerId(id), why: "no memory".to_owned() };
    check(
        &mut small_tree(),
        [
            (0, Event::Tick, "start 0 as 1; start 1 as 2; start 2 as 3"),
            (0, not_started(2), "forget 2; tell: 2 died, could not be started: no memory, again in 100 ms"),
            (100, Event::Tick, "start 1 as 4"),
        ],
    );
}

#[test]
fn the_last_words_of_the_dead_are_waited_for() {
    let failed = Event::Failed { id: ContainerId(2), why: "no disk".to_owned(), fatal: false };
    check(
        &mut working(),
        [
            (5_000, died_speaking(2, "exit status 1"), ""),
            (5_010, failed, ""),
            (5_020, link_closed(2), "forget 2; tell: 2 died, exit status 1: no disk, again in 100 ms"),
        ],
    );
    check(
        &mut working(),
        [
            (5_000, died_speaking(2, "exit status 1"), ""),
            (9_000, heard(1), ""),
            (9_000, heard(3), ""),
            (9_999, Event::Tick, ""),
            (10_000, Event::Tick, "forget 2; tell: 2 died, exit status 1, again in 100 ms"),
        ],
    );
}

#[test]
fn a_new_broker_is_joined_with_everybody() {
    check(
        &mut working(),
        [
            (40_000, died(1, "signal 9"), "forget 1; tell: 1 died, signal 9, again in 0 ms"),
            (40_000, heard(2), ""),
            (40_000, heard(3), ""),
            (40_000, Event::Tick, "start 0 as 4"),
            (40_000, started(4), ""),
            (40_100, hello(4, Role::Broker), "welcome 4; join 2 with 4"),
        ],
    );
}

#[test]
fn the_silent_are_ended_then_killed() {
    check(
        &mut working(),
        [
            (9_000, heard(1), ""),
            (9_000, heard(3), ""),
            (10_020, Event::Tick, ""),
            (10_021, Event::Tick, "terminate 2: Silent(10.001s)"),
            (12_021, Event::Tick, ""),
            (12_022, Event::Tick, "kill 2: Late"),
            (12_100, Event::Tick, ""),
            (
                12_100,
                died(2, "signal 9"),
                "forget 2; tell: 2 died, signal 9: silent for 10 s, again in 100 ms",
            ),
        ],
    );
}

#[test]
fn who_does_not_say_hello_or_says_it_wrongly_is_ended() {
    let nobody = Event::Unreachable { id: ContainerId(3), why: "no hello".to_owned() };
    check(
        &mut small_tree(),
        [
            (0, Event::Tick, "start 0 as 1; start 1 as 2; start 2 as 3"),
            (0, started(1), ""),
            (0, started(2), ""),
            (0, started(3), ""),
            (10, hello(1, Role::Front), "terminate 1: Unreachable(\"process 101 said hello as front\")"),
            (20, nobody, "terminate 3: Unreachable(\"no hello\")"),
            (30, hello(3, Role::Console), ""),
            (10_001, Event::Tick, "kill 1: Late; kill 3: Late; terminate 2: Silent(10.001s)"),
        ],
    );
}

#[test]
fn who_takes_too_much_memory_is_killed_once() {
    let weighed = |mib| Event::Weighed { id: ContainerId(2), bytes: mib * MIB };
    let mut plan = working();
    assert!(plan.handle(Event::Tick, Monotonic(1_000)).iter().any(|act| matches!(act, Act::Weigh)));
    check(
        &mut plan,
        [
            (1_000, weighed(100), ""),
            (2_000, weighed(101), "kill 2: TooBig { used_mib: 101, limit_mib: 100 }"),
            (3_000, weighed(101), ""),
            (
                3_000,
                died(2, "signal 9"),
                "forget 2; tell: 2 died, signal 9: it took 101 MiB of memory, 100 are allowed, again in 100 ms",
            ),
        ],
    );
}

#[test]
fn who_babbles_is_ended() {
    let babbles = Event::LinkClosed { id: ContainerId(2), babbled: true };
    check(&mut working(), [(100, babbles, "terminate 2: Babbles"), (2_101, Event::Tick, "kill 2: Late")]);
}

#[test]
fn who_fails_again_and_again_ends_the_program() {
    check(
        &mut working(),
        [
            (100, died(2, "signal 6"), "forget 2; tell: 2 died, signal 6, again in 100 ms"),
            (200, Event::Tick, "start 1 as 4"),
            (200, died(4, "signal 6"), "forget 4; tell: 4 died, signal 6, again in 200 ms"),
            (400, Event::Tick, "start 1 as 5"),
            (
                400,
                died(5, "signal 6"),
                "forget 5; tell: 5 died, signal 6, given up after 3; \
                 tell: stopping, listing failed 3 times within 120 s, last: signal 6; stop 3",
            ),
            (500, died(3, "exit status 0"), "forget 3"),
            (500, Event::Tick, "stop 1"),
            (600, died(1, "exit status 0"), "forget 1"),
            (600, Event::Tick, "end: listing failed 3 times within 120 s, last: signal 6"),
        ],
    );
}

#[test]
fn a_fatal_failure_ends_the_program() {
    let fatal = Event::Failed { id: ContainerId(2), why: "port taken".to_owned(), fatal: true };
    check(&mut working(), [(100, fatal, "tell: stopping, listing cannot work: port taken; stop 2; stop 3")]);
}

#[test]
fn a_console_may_leave() {
    check(
        &mut working(),
        [
            (100, died(3, "exit status 0"), "forget 3; tell: 3 left"),
            (200, died(2, "exit status 0"), "forget 2; tell: 2 died, exit status 0, again in 100 ms"),
        ],
    );
}

#[test]
fn the_broker_is_stopped_last() {
    check(
        &mut working(),
        [
            (100, Event::Signal(SIGTERM), "tell: stopping, SIGTERM; stop 2; stop 3"),
            // The first reason counts.
            (110, Event::StopRequested { by: "console".to_owned() }, ""),
            (200, died(3, "exit status 0"), "forget 3"),
            (200, Event::Tick, ""),
            (300, died_speaking(2, "exit status 0"), "forget 2"),
            (300, Event::Tick, "stop 1"),
            (400, died(1, "exit status 0"), "forget 1"),
            (400, Event::Tick, "end: SIGTERM"),
            (500, Event::Tick, ""),
        ],
    );
}

#[test]
fn the_late_are_killed_at_the_stop() {
    check(
        &mut working(),
        [
            (100, Event::Signal(SIGTERM), "tell: stopping, SIGTERM; stop 2; stop 3"),
            (1_101, Event::Tick, "stop 1"),
            (1_200, died(1, "exit status 0"), "forget 1"),
            (1_601, Event::Tick, "kill 2: Late; kill 3: Late"),
            (9_000, Event::Tick, ""),
            (9_000, died(2, "signal 9"), "forget 2"),
            (9_000, died(3, "signal 9"), "forget 3"),
            (9_000, Event::Tick, "end: SIGTERM"),
        ],
    );
}

#[test]
fn a_second_signal_means_hurry() {
    check(
        &mut working(),
        [
            (100, Event::Signal(SIGINT), "tell: stopping, SIGINT; stop 2; stop 3"),
            (300, Event::Signal(SIGINT), ""),
            (301, Event::Signal(SIGINT), "kill 1: Late; kill 2: Late; kill 3: Late"),
        ],
    );
}

#[test]
fn threads_are_neither_killed_nor_waited_for_for_ever() {
    let mut plan = small_tree();
    let linked = |id| Event::Linked { id: ContainerId(id), hello: None };
    check(
        &mut plan,
        [
            (0, Event::Tick, "start 0 as 1; start 1 as 2; start 2 as 3"),
            (0, linked(1), "welcome 1"),
            (0, linked(2), "welcome 2; join 2 with 1"),
            (0, linked(3), "welcome 3"),
            (60_000, Event::Tick, ""),
            (60_000, Event::Signal(SIGTERM), "tell: stopping, SIGTERM; stop 2; stop 3"),
            (61_001, Event::Tick, "stop 1"),
            (61_900, Event::Tick, ""),
            (61_901, Event::Tick, "end: SIGTERM"),
        ],
    );
}

#[test]
fn a_stop_during_the_start_reaches_who_comes_later() {
    check(
        &mut small_tree(),
        [
            (0, Event::Tick, "start 0 as 1; start 1 as 2; start 2 as 3"),
            (0, started(2), ""),
            (10, Event::Signal(SIGTERM), "tell: stopping, SIGTERM; stop 2; stop 3"),
            (20, hello(2, Role::Listing), "welcome 2; stop 2"),
        ],
    );
}

#[test]
fn a_service_is_not_ended_by_a_wish_to_reload() {
    let mut plan = working();
    check(&mut plan, [(100, Event::Signal(SIGHUP), "tell: stopping, SIGHUP; stop 2; stop 3")]);
    let mut plan = working();
    plan.options.notify_socket = Some("/run/notify".into());
    check(&mut plan, [(100, Event::Signal(SIGHUP), "refuse to reload")]);
}

#[test]
fn the_watchdog_is_fed_while_all_works_or_did_lately() {
    let mut plan = working();
    plan.options.watchdog = Some(Duration::from_secs(3));
    check(
        &mut plan,
        [
            (100, Event::Tick, "feed the watchdog"),
            (1_000, Event::Tick, ""),
            (1_100, died(2, "signal 9"), "forget 2; tell: 2 died, signal 9, again in 100 ms"),
            (1_100, Event::Tick, "feed the watchdog"),
            (1_200, Event::Tick, "start 1 as 4"),
        ],
    );
    for id in [1, 3] {
        check(&mut plan, [(60_000, heard(id), "")]);
    }
    check(&mut plan, [(60_999, Event::Tick, "feed the watchdog"), (62_000, Event::Tick, "")]);
}

fn any_event() -> impl Strategy<Value = Event> {
    let id = (1_u32..7).prop_map(ContainerId);
    let role = prop_oneof![Just(Role::Broker), Just(Role::Listing), Just(Role::Console)];
    prop_oneof![
        4 => Just(Event::Tick),
        4 => id.clone().prop_map(|id| Event::Started { id, pid: Some(100 + id.0) }),
        4 => (id.clone(), role).prop_map(|(id, role)| hello(id.0, role)),
        2 => id.clone().prop_map(Event::Heard),
        2 => id.clone().prop_map(Event::Ready),
        2 => (id.clone(), any::<bool>()).prop_map(|(id, babbled)| Event::LinkClosed { id, babbled }),
        2 => (id.clone(), any::<bool>()).prop_map(|(id, link_is_open)| {
            let ended = Ended { in_order: false, how: "signal 9".to_owned() };
            Event::Ended { id, ended, link_is_open }
        }),
        1 => id.prop_map(|id| Event::Weighed { id, bytes: 200 * MIB }),
    ]
}

proptest! {
    /// Whatever happens: nobody is killed twice or after the end, the loop does not spin, and a stop ends
    /// once all have died.
    #[test]
    fn every_stop_ends(events in proptest::collection::vec((0_u64..4_000, any_event()), 0..60)) {
        let (mut plan, mut now) = (small_tree(), Monotonic(0));
        let (mut killed, mut forgotten) = (Vec::new(), Vec::new());
        let mut look = |acts: &[Act]| {
            for act in acts {
                match act {
                    Act::Kill { id, .. } => {
                        assert!(!killed.contains(id) && !forgotten.contains(id), "{id} is killed again");
                        killed.push(*id);
                    }
                    Act::Forget(id) => {
                        assert!(!forgotten.contains(id), "{id} ends again");
                        forgotten.push(*id);
                    }
                    _ => {}
                }
            }
        };
        for (pause, event) in events {
            now = now.plus(Duration::from_millis(pause));
            look(&plan.handle(event, now));
            look(&plan.handle(Event::Tick, now));
            prop_assert!(plan.next_deadline(now) > now);
        }
        look(&plan.handle(Event::Signal(SIGTERM), now));
        for id in 0..200 {
            look(&plan.handle(died(id, "signal 9"), now));
        }
        let acts = plan.handle(Event::Tick, now);
        let is_end = |act: &Act| matches!(act, Act::End { .. });
        prop_assert!(acts.iter().any(is_end) || matches!(plan.phase, Phase::Ended));
    }
}

/// However many there are, and whether the broker or the system tells first.
#[test]
fn deaths_over_work_do_not_end_the_program() {
    let acts = |plan: &mut Plan, event, at| -> Vec<String> {
        let acts = plan.handle(event, Monotonic(at));
        acts.iter().map(show).filter(|act| act != "weigh").collect()
    };
    let mut plan = working();
    let (mut id, mut at) = (2, 1000);
    let mut die = |plan: &mut Plan, at: u64, over_work: Option<bool>| {
        let at_work = Event::DiedAtWork(ContainerId(id));
        if over_work == Some(true) {
            assert!(acts(plan, at_work.clone(), at).is_empty());
        }
        let told = acts(plan, died(id, "signal 9"), at);
        if over_work == Some(false) {
            assert!(acts(plan, at_work, at).is_empty());
        }
        id = if id == 2 { 4 } else { id + 1 };
        told
    };
    let start = |plan: &mut Plan, id: u32, at: u64| {
        assert_eq!(acts(plan, Event::Tick, at), [format!("start 1 as {id}")]);
        acts(plan, started(id), at);
        acts(plan, hello(id, Role::Listing), at);
    };
    for round in 0..12 {
        let told = die(&mut plan, at, Some(round % 2 == 0));
        assert!(told.last().unwrap().ends_with("again in 100 ms"), "{told:?}");
        at += 100;
        start(&mut plan, 4 + round, at);
    }
    for (number, pause) in [(16, 100), (17, 200)] {
        let told = die(&mut plan, at, None);
        assert!(told.last().unwrap().ends_with(&format!("again in {pause} ms")), "{told:?}");
        at += pause;
        start(&mut plan, number, at);
    }
    let told = die(&mut plan, at, None);
    assert!(told.iter().any(|act| act.ends_with("given up after 3")), "{told:?}");
}
