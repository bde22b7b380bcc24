//! Whatever X answers, the client neither panics nor asks for ever.

use proptest::prelude::*;

use super::*;
use crate::base::ids::PostKey;
use crate::domain::accounts::AccountRef;

/// Every place in a JSON value, as pointers.
fn places(value: &Value, here: &str, found: &mut Vec<String>) {
    found.push(here.to_owned());
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| places(value, &format!("{here}/{name}"), found));
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, value)| places(value, &format!("{here}/{index}"), found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn odd_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!({})),
        Just(json!([])),
        Just(json!([null, 1, "x", {}])),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ]
}

/// An answer with everything in it that the client looks at.
fn full_answer() -> Value {
    let mut first = photo_post(9);
    first["entities"] =
        json!({"urls": [{"expanded_url": "https://x.com/other/status/5/photo/1", "media_key": "3_9"}]});
    first["referenced_tweets"] = json!([{"type": "quoted", "id": "5"}]);
    let mut body = page(&[first, photo_post(8), text_post(7)], Some("next"));
    body["errors"] = json!([{"resource_id": "42", "value": "42", "detail": "User has been suspended: [42].", "code": 88,
        "parameters": {"max_results": ["1"]}, "type": "https://api.x.com/2/problems/resource-not-found"}]);
    body["data"][2] =
        json!({"id": "42", "username": "artist", "protected": false, "public_metrics": {"tweet_count": 5}});
    body["title"] = "UsageCapExceeded".into();
    body
}

fn ask_everything(answer: impl Fn() -> Answer + Send + Sync + 'static) -> usize {
    let world = World::with(2, |_| {}, move |_| answer());
    for cursor in [Cursor::Search(None), Cursor::Timeline(Some("1".to_owned()))] {
        let _ = world.list(&artist(), &cursor);
    }
    let _ = world.client.resolve(&[AccountRef::Id(artist().key)]);
    let _ = world.client.check_posts(&[PostKey::new(Network::Twitter, "9")]);
    world.asked().len()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn odd_answers(
        status in prop_oneof![Just(200), Just(400), Just(403), Just(404), Just(429), Just(503), 100_u16..600],
        spoils in prop::collection::vec((any::<prop::sample::Index>(), odd_value()), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut body = full_answer();
        for (place, odd) in spoils {
            let mut found = Vec::new();
            places(&body, "", &mut found);
            *body.pointer_mut(&found[place.index(found.len())]).unwrap() = odd;
        }
        let mut body = body.to_string().into_bytes();
        if let Some(cut) = cut {
            body.truncate(cut.index(body.len()));
        }
        let asked = ask_everything(move || reply(status, &[], body.clone()));
        prop_assert!(asked < 60, "{asked} requests");
    }
}
