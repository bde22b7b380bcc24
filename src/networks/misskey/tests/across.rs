//! Accounts that are led from one kind of server to the other.

use super::*;

/// The Fediverse as both clients see it together, from the side of `network`.
fn both(
    network: Network,
    answer: impl Fn(&Asked, &Request) -> Answer + Send + Sync + 'static,
) -> OfFediverse {
    let servers = FakeServers::answering(move |request| {
        let is_mastodons = request.url.path().starts_with("/api/v1/");
        let asked = match is_mastodons {
            true => Asked {
                host: request.url.host_str().unwrap().to_owned(),
                path: request.url.path().to_owned(),
                body: Value::Null,
            },
            false => read(request),
        };
        answer(&asked, request)
    });
    let waiter = Arc::new(FakeWaiter::default());
    let mastodon = MastodonClient::new(servers.clone(), &config::Mastodon::default(), waiter.clone());
    let misskey = MisskeyClient::new(servers, &config::Misskey::default(), waiter);
    let misskey = misskey.with_softwares(mastodon.softwares());
    match network {
        Network::Misskey => OfFediverse::new(misskey, Some(mastodon)),
        _ => OfFediverse::new(mastodon, Some(misskey)),
    }
}

/// A server that says that it runs this software, and has the account `ann`.
fn of_software(asked: &Asked, request: &Request, name: &str) -> Answer {
    let host = &asked.host;
    match asked.path.as_str() {
        "/.well-known/webfinger" => {
            let actor = json!({"rel": "self", "type": "application/activity+json",
                "href": format!("https://{host}/users/9annannann")});
            reply(200, &[], &json!({"subject": format!("acct:ann@{host}"), "links": [actor]}))
        }
        "/.well-known/nodeinfo" => {
            let link = json!({"rel": "http://nodeinfo.diaspora.software/ns/schema/2.0",
                "href": format!("https://{host}/nodeinfo/2.0")});
            reply(200, &[], &json!({"links": [link]}))
        }
        "/nodeinfo/2.0" => reply(200, &[], &json!({"software": {"name": name}})),
        "/api/meta" => reply(200, &[], &json!({"version": "13.0.0"})),
        "/api/users/show" => reply(200, &[], &ann()),
        "/@ann" => reply(200, &[], &json!({})),
        path if path.starts_with("/api/") => refused(404, "UNKNOWN_API_ENDPOINT"),
        _ => panic!("{request:?}"),
    }
}

fn on_mastodon(name: &str) -> AccountRef {
    match name.starts_with("https://") {
        true => AccountRef::Id(AccountKey::new(Network::Mastodon, name)),
        false => AccountRef::Handle { network: Network::Mastodon, handle: name.to_owned() },
    }
}

#[test]
fn a_server_is_told_by_its_software_or_by_what_it_has() {
    let found = "misskey:https://key.example/users/9annannann @ann@key.example";
    for software in ["misskey", "Sharkey", "a-fork-of-tomorrow"] {
        let client = both(Network::Mastodon, |asked, request| of_software(asked, request, software));
        let names = ["ann@key.example", "https://key.example/users/9annannann"];
        assert_eq!(words(&client, &names.map(on_mastodon)), [found; 2], "{software}");
    }
    // What says that it is another's is not asked for more.
    let client = both(Network::Mastodon, |asked, request| of_software(asked, request, "Iceshrimp.NET"));
    let told = words(&client, &[on_mastodon("ann@key.example")]);
    assert_eq!(told, ["is on a server of a kind that is not read (iceshrimp.net)"]);
}

#[test]
fn a_fork_that_has_mastodons_api_too_is_asked_by_its_own() {
    let client = both(Network::Mastodon, |asked, request| match asked.path.as_str() {
        "/api/v1/accounts/lookup" => reply(
            200,
            &[],
            &json!({"id": "9annannann", "acct": "Ann", "uri": "https://key.example/users/9annannann"}),
        ),
        _ => of_software(asked, request, "sharkey"),
    });
    let found = words(&client, &[on_mastodon("ann@key.example")]);
    assert_eq!(found, ["misskey:https://key.example/users/9annannann @ann@key.example"]);
}

#[test]
fn who_moved_is_followed_across_the_kinds() {
    let answer = |asked: &Asked, request: &Request| match (asked.host.as_str(), asked.path.as_str()) {
        ("old.example", "/api/users/show") => {
            let mut mover = ann();
            mover["movedTo"] = "https://art.example/users/ann".into();
            reply(200, &[], &mover)
        }
        ("art.example", "/api/v1/accounts/lookup") => reply(
            200,
            &[],
            &json!({"id": "1", "acct": "ann", "uri": "https://art.example/users/ann", "indexable": true,
                "moved": {"id": "2", "acct": "ann@key.example"}}),
        ),
        ("art.example", _) => panic!("{request:?}"),
        _ => of_software(asked, request, "misskey"),
    };
    let client = both(Network::Misskey, answer);
    assert_eq!(
        told(&client, &["ann@old.example"]),
        [
            "misskey:https://old.example/users/9annannann @ann@old.example",
            "mastodon:https://art.example/users/ann @ann@art.example"
        ]
    );
    let client = both(Network::Mastodon, answer);
    assert_eq!(
        words(&client, &[on_mastodon("ann@art.example")]),
        [
            "mastodon:https://art.example/users/ann @ann@art.example",
            "misskey:https://key.example/users/9annannann @ann@key.example"
        ]
    );
}

#[test]
fn a_remote_account_is_led_to_its_home() {
    let client = both(Network::Misskey, |asked, request| match asked.host.as_str() {
        "old.example" => reply(200, &[], &json!({"id": "9remote", "username": "Ann", "host": "key.example"})),
        _ => of_software(asked, request, "misskey"),
    });
    assert_eq!(
        told(&client, &["https://old.example/users/9remote"]),
        ["misskey:https://key.example/users/9annannann @ann@key.example"]
    );
    // Two servers that know it as the other's.
    let client = both(Network::Misskey, |asked, request| match asked.path.as_str() {
        "/api/users/show" => {
            let other = if asked.host == "a.example" { "b.example" } else { "a.example" };
            reply(200, &[], &json!({"id": "9remote", "username": "ann", "host": other}))
        }
        _ => of_software(asked, request, "misskey"),
    });
    assert_eq!(told(&client, &["https://a.example/users/9remote"]), ["is passed on from server to server"]);
}

#[test]
fn a_post_is_read_where_it_is_at_home() {
    let answer = |asked: &Asked, request: &Request| match (asked.host.as_str(), asked.path.as_str()) {
        // A page of Misskey's that shows a status, and one of Mastodon's that shows a note.
        ("key.example", "/api/notes/show") if asked.says("noteId") == Some("9far") => {
            let mut note = note(7);
            note["user"]["host"] = "art.example".into();
            note["uri"] = "https://art.example/users/ann/statuses/7".into();
            reply(200, &[], &note)
        }
        ("key.example", "/api/notes/show") => reply(200, &[], &note(7)),
        ("art.example", "/api/v1/statuses/7") => reply(
            200,
            &[],
            &json!({"uri": "https://art.example/users/ann/statuses/7", "visibility": "public",
                "account": {"id": "1", "acct": "ann", "uri": "https://art.example/users/ann", "indexable": true},
                "media_attachments": [{"type": "image", "url": "https://files.art.example/7.png"}]}),
        ),
        ("art.example", "/api/v1/statuses/8") => {
            let uri = "https://key.example/notes/9note00007";
            reply(200, &[], &json!({"uri": uri, "account": {"id": "2", "acct": "ann@key.example"}}))
        }
        _ => of_software(asked, request, "misskey"),
    };
    let check = |network: Network, address: &str, expect: &str| {
        let client = both(network, answer);
        let found = client.look_posts_up(&[PostKey::new(network, address)]).unwrap().remove(0);
        let PostOutcome::Found { author, post } = found else { panic!("{address}: {found:?}") };
        assert_eq!(format!("{} by {}", post.key, author.handle), expect);
    };
    let status = "mastodon:https://art.example/users/ann/statuses/7 by ann@art.example";
    check(Network::Misskey, "https://key.example/notes/9far", status);
    let note = "misskey:https://key.example/notes/9note00007 by ann@key.example";
    check(Network::Mastodon, "https://art.example/@ann/8", note);
}

#[test]
fn what_is_switched_off_is_not_asked() {
    let servers = FakeServers::answering(|request| match request.url.path().starts_with("/api/v1/") {
        true => refused(404, "UNKNOWN_API_ENDPOINT"),
        false => of_software(&read(request), request, "misskey"),
    });
    let waiter = Arc::new(FakeWaiter::default());
    let mastodon = MastodonClient::new(servers.clone(), &config::Mastodon::default(), waiter.clone());
    let alone = OfFediverse::new(mastodon, None::<MisskeyClient>);
    let told = words(&alone, &[on_mastodon("ann@key.example")]);
    assert!(told[0].contains("switched off here (misskey"), "{told:?}");
    // A server of which nothing is known is asked by whichever is read.
    let misskey = MisskeyClient::new(servers, &config::Misskey::default(), waiter.clone());
    let alone = OfFediverse::new(misskey, None::<MastodonClient>);
    let told = words(&alone, &[on_mastodon("ann@key.example")]);
    assert_eq!(told, ["misskey:https://key.example/users/9annannann @ann@key.example"]);
    let other = FakeServers::answering(|request| of_software(&read(request), request, "mastodon"));
    let misskey = MisskeyClient::new(other, &config::Misskey::default(), waiter);
    let alone = OfFediverse::new(misskey, None::<MastodonClient>);
    let told = words(&alone, &[on_mastodon("ann@art.example")]);
    assert!(told[0].contains("switched off here (mastodon"), "{told:?}");
}
