//! Answers against the published OpenAPI documents, and the rules that those do not tell.

use super::*;
use crate::base::material;
use crate::demo::world::cast;
use crate::demo::world::exchange::Body;
use crate::demo::world::facts::MediaKind;

/// Long after the last post.
fn now() -> Timestamp {
    Timestamp::parse_rfc3339("2026-09-01T00:00:00Z").unwrap()
}

fn get(facts: &Facts, address: &str) -> (u16, Value) {
    let url = url::Url::parse(&format!("https://api.x.com{address}")).unwrap();
    let call = Call {
        host: "api.x.com".into(),
        path: url.path().into(),
        query: url.query_pairs().into_owned().collect(),
        headers: [("authorization".into(), concat_bearer())].into(),
        ..Call::default()
    };
    let answer = answer_at(facts, (&Limits::default(), &Quirks::default()), &call, now());
    let Body::Whole(body) = answer.body else { panic!("JSON is sent whole") };
    (answer.status, serde_json::from_slice(&body).unwrap())
}

/// The strings at `pointer/*/key`.
fn strings(value: &Value, pointer: &str, key: &str) -> Vec<String> {
    let list = value.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
    list.iter().map(|item| item[key].as_str().unwrap().to_owned()).collect()
}

#[test]
fn wrong_requests_are_refused_with_the_parameter_named() {
    let facts = cast::build();
    let check = |address: &str, named: &str| {
        let (status, body) = get(&facts, address);
        assert_eq!(status, 400, "{address}: {body}");
        assert!(body["errors"][0]["parameters"].get(named).is_some(), "{address}: {body}");
    };
    check("/2/users/by", "usernames");
    check("/2/users/by?usernames=not-a-handle", "usernames");
    check("/2/users/by?usernames=a,", "usernames");
    check(&format!("/2/users/by?usernames={}", ["a"; 101].join(",")), "usernames");
    check("/2/users?ids=12a", "ids");
    check("/2/users?ids=1&media.fields=url", "media.fields");
    check("/2/users/1/tweets?max_results=4", "max_results");
    check("/2/users/1/tweets?max_results=101", "max_results");
    check("/2/users/1/tweets?since_id=12345678901234567890", "since_id");
    check("/2/users/1/tweets?exclude=likes", "exclude");
    check("/2/users/1/tweets?query=x", "query");
    check("/2/users/3300000002/tweets?pagination_token=zzz", "pagination_token");
    check("/2/users/x/tweets", "id");
    check("/2/tweets/search/all", "query");
    check("/2/tweets/search/all?query=from:a&max_results=501", "max_results");
    check("/2/tweets/search/all?query=from:a&start_time=2006-03-20T23:59:59Z", "start_time");
    check("/2/tweets/search/all?query=from:a&start_time=2020-01-01", "start_time");
    check(
        "/2/tweets/search/all?query=from:a&start_time=2021-01-02T00:00:00Z&end_time=2021-01-01T00:00:00Z",
        "start_time",
    );
    check("/2/tweets/search/all?query=from:a%20near:me", "query");
    check("/2/tweets/search/all?query=has:images", "query");
    check("/2/tweets?ids=1&tweet.fields=created_at,created_at", "tweet.fields");
    check("/2/tweets?ids=1&tweet.fields=id&post.fields=id", "tweet.fields");
    check("/2/tweets?ids=1&ids=2", "ids");
}

#[test]
fn a_token_is_needed_and_paths_are_few() {
    let facts = cast::build();
    let mut call = Call {
        host: "api.x.com".into(),
        path: "/2/users".into(),
        query: vec![("ids".into(), "1".into())],
        headers: [("authorization".into(), "Bearer stolen".into())].into(),
        ..Call::default()
    };
    assert_eq!(answer_at(&facts, (&Limits::default(), &Quirks::default()), &call, now()).status, 401);
    call.path = "/2/users/1/liked_tweets".into();
    assert_eq!(answer_at(&facts, (&Limits::default(), &Quirks::default()), &call, now()).status, 404);
}

#[test]
fn users_are_found_by_handle_and_id_with_errors_beside() {
    let facts = cast::build();
    let (_, body) = get(
        &facts,
        "/2/users/by?usernames=Demo_Juniper,demo_cedar_old,demo_cedar_gone,demo_cedar&user.fields=protected",
    );
    assert_eq!(strings(&body, "/data", "username"), ["demo_juniper", "demo_cedar"]);
    assert_eq!(body["data"][1]["protected"], true);
    assert_eq!(strings(&body, "/errors", "title"), ["Forbidden", "Not Found Error"]);
    let (_, body) = get(&facts, "/2/users?ids=3300000002,5");
    assert_eq!(strings(&body, "/data", "username"), ["demo_rowan"]);
    assert_eq!(strings(&body, "/errors", "resource_id"), ["5"]);
    let (_, body) = get(&facts, "/2/users/by/username/demo_rowan");
    assert_eq!(body["data"]["id"], "3300000002");
}

/// All post ids that paging yields, newest first.
fn walk(facts: &Facts, address: &str, token_name: &str) -> (Vec<String>, usize) {
    let (mut ids, mut pages, mut token) = (Vec::new(), 0, String::new());
    loop {
        let (status, body) = get(facts, &format!("{address}{token}"));
        assert_eq!(status, 200, "{body}");
        pages += 1;
        ids.extend(strings(&body, "/data", "id"));
        match body.pointer("/meta/next_token").and_then(Value::as_str) {
            Some(next) => token = format!("&{token_name}={next}"),
            None => return (ids, pages),
        }
        assert!(pages < 100, "paging does not end");
    }
}

#[test]
fn the_timeline_pages_through_everything() {
    let facts = cast::build();
    let id = facts.accounts[cast::ROWAN].id;
    let all: Vec<String> = facts.posts_of(cast::ROWAN).map(|post| post.id.to_string()).collect();
    let (ids, pages) = walk(&facts, &format!("/2/users/{id}/tweets?max_results=100"), "pagination_token");
    assert_eq!(ids, all);
    // 200 posts are two full pages: the third is empty.
    assert_eq!(pages, 3);
    let (ids, _) = walk(
        &facts,
        &format!("/2/users/{id}/tweets?max_results=7&exclude=retweets,replies"),
        "pagination_token",
    );
    assert!(ids.len() < all.len() && ids.len() > 150);
    let (ids, _) =
        walk(&facts, &format!("/2/users/{id}/tweets?max_results=5&since_id={}", all[10]), "pagination_token");
    assert_eq!(ids, all[..10]);
}

#[test]
fn search_finds_what_has_images_but_not_all_of_it() {
    let facts = cast::build();
    let query = "/2/tweets/search/all?query=from:demo_juniper%20has:images%20-is:retweet";
    let (ids, _) =
        walk(&facts, &format!("{query}&max_results=500&start_time=2006-03-21T00:00:00Z"), "next_token");
    let is_photo = |media: &usize| facts.media[*media].kind == MediaKind::Photo;
    let with_photos = facts.posts_of(cast::JUNIPER).filter(|post| post.media.iter().any(is_photo));
    let (missed, known): (Vec<&Post>, Vec<&Post>) = with_photos.partition(|post| post.missed_by_search);
    assert!(missed.len() > 3 && known.len() > 100);
    assert!(known.iter().all(|post| ids.contains(&post.id.to_string())));
    assert!(missed.iter().all(|post| !ids.contains(&post.id.to_string())));
    let by_id = query.replace("demo_juniper", &facts.accounts[cast::JUNIPER].id.to_string());
    let (same, _) =
        walk(&facts, &format!("{by_id}&max_results=100&start_time=2006-03-21T00:00:00Z"), "next_token");
    assert_eq!(same, ids);
    // Without a start: the last thirty days.
    let (ids, _) = walk(&facts, query, "next_token");
    assert!(ids.is_empty());
}

#[test]
fn unreadable_accounts_answer_with_errors() {
    let facts = cast::build();
    for (id, kind) in [
        (3_300_000_007_u64, "not-authorized-for-resource"),
        (3_300_000_009, "not-authorized-for-resource"),
        (3_300_000_008, "resource-not-found"),
        (4, "resource-not-found"),
    ] {
        let (status, body) = get(&facts, &format!("/2/users/{id}/tweets"));
        assert_eq!(status, 200);
        assert!(body["errors"][0]["type"].as_str().unwrap().ends_with(kind), "{id}: {body}");
        assert!(body.get("data").is_none() && body.get("meta").is_none());
    }
}

/// The documents that X publishes; their license keeps them out of the repository.
fn documents() -> Vec<(String, Value)> {
    let folder = std::fs::read_dir(material::outside("../contracts/x")).expect("X's contract is there");
    let paths = folder
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"));
    paths
        .map(|path| {
            (path.display().to_string(), serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap())
        })
        .collect()
}

#[test]
#[cfg_attr(not(material), ignore = "needs AOTF_TEST_MATERIAL")]
fn answers_have_the_published_shape() {
    let facts = cast::build();
    for (name, document) in documents() {
        let schema = Schema { document: &document };
        let new = document["components"]["schemas"].get("Post").is_some();
        let (fields, tables) = if new { ("post.fields", POST) } else { ("tweet.fields", TWEET) };
        let posts = format!(
            "{fields}={}&user.fields=created_at,description,entities,protected,public_metrics,url,verified,profile_image_url\
             &media.fields=media_key,type,url,preview_image_url,width,height,variants,duration_ms",
            tables.fields
        );
        let expansions = format!("&expansions={}", tables.expansions);
        // `post.fields` is what tells the dialects apart, also where no post is asked for.
        let users = format!(
            "{fields}=id&user.fields=created_at,description,entities,protected,url,verified,profile_image_url"
        );
        let some: Vec<String> =
            facts.posts.iter().step_by(9).take(99).map(|post| post.id.to_string()).collect();
        for (path, address) in [
            (
                "/2/users/by",
                format!("/2/users/by?usernames=demo_juniper,demo_maple,nobody,demo_aspen_old&{users}"),
            ),
            ("/2/users", format!("/2/users?ids=3300000002,7&{users}")),
            (
                "/2/users/{id}/tweets",
                format!("/2/users/3300000002/tweets?max_results=100&{posts}{expansions}"),
            ),
            ("/2/users/{id}/tweets", format!("/2/users/3300000007/tweets?{posts}{expansions}")),
            ("/2/users/{id}/tweets", format!("/2/users/3300000010/tweets?{posts}{expansions}")),
            (
                "/2/tweets/search/all",
                format!(
                    "/2/tweets/search/all?query=from:demo_juniper&max_results=500&start_time=2006-03-21T00:00:00Z&{posts}{expansions}"
                ),
            ),
            ("/2/tweets", format!("/2/tweets?ids={},1&{posts}{expansions}", some.join(","))),
            ("/2/tweets", format!("/2/tweets?ids=1&{fields}=id")),
            // The older document has the numbers of posts as numbers, the newer one as text.
            (
                "/2/usage/tweets",
                format!(
                    "/2/usage/tweets?usage.fields=cap_reset_day{}",
                    if new { ",project_cap,project_usage" } else { "" }
                ),
            ),
        ] {
            let (status, body) = get(&facts, &address);
            assert_eq!(status, 200, "{name}: {address}: {body}");
            let wanted =
                &document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
            let mut faults = Vec::new();
            schema.check(wanted, &body, "", &mut faults);
            assert!(faults.is_empty(), "{name}: {address}:\n{}", faults.join("\n"));
        }
        if !new {
            let (status, body) = get(&facts, "/2/tweets");
            assert_eq!(status, 400);
            let mut faults = Vec::new();
            schema.check(
                &json!({ "$ref": "#/components/schemas/InvalidRequestProblem" }),
                &body,
                "",
                &mut faults,
            );
            assert!(faults.is_empty(), "{name}: {faults:?}");
        }
    }
}

/// What each dialect calls the fields that listing needs.
struct Names {
    fields: &'static str,
    expansions: &'static str,
}

const TWEET: Names = Names {
    fields: "created_at,attachments,author_id,possibly_sensitive,referenced_tweets,entities,edit_history_tweet_ids,public_metrics,lang,conversation_id",
    expansions: "attachments.media_keys,author_id,referenced_tweets.id",
};
const POST: Names = Names {
    fields: "created_at,attachments,author_id,possibly_sensitive,referenced_posts,entities,edit_history_post_ids,public_metrics,lang,conversation_id",
    expansions: "attachments.media_keys,author_id,referenced_posts",
};

#[test]
#[cfg_attr(not(material), ignore = "needs AOTF_TEST_MATERIAL")]
fn the_tables_of_parameters_are_those_published() {
    for (name, document) in documents() {
        let schema = Schema { document: &document };
        for (path, table) in [
            ("/2/users/by", check::USERS_BY_HANDLE),
            ("/2/users", check::USERS_BY_ID),
            ("/2/users/{id}/tweets", check::TIMELINE),
            ("/2/tweets/search/all", check::SEARCH),
            ("/2/tweets", check::POSTS),
            ("/2/usage/tweets", check::USAGE),
        ] {
            let operation = document["paths"][path]["get"]["parameters"].as_array().unwrap();
            for parameter in
                operation.iter().map(|one| schema.resolve(one)).filter(|one| one["in"] == "query")
            {
                let wanted = parameter["name"].as_str().unwrap();
                let Some((_, form)) = table.iter().find(|(known, _)| *known == wanted) else {
                    panic!("{name}: {path} takes {wanted}");
                };
                let published = &schema.resolve(&parameter["schema"]);
                match form {
                    check::Form::Words(list) => {
                        let words = check::words(list);
                        let list = published.pointer("/items/enum").or(published.get("enum")).unwrap();
                        for word in list.as_array().unwrap() {
                            assert!(
                                words.iter().any(|known| word == known),
                                "{name}: {path} {wanted}: {word}"
                            );
                        }
                    }
                    check::Form::Number(min, max) => {
                        assert_eq!(
                            (published["minimum"].as_u64(), published["maximum"].as_u64()),
                            (Some(*min as u64), Some(*max as u64))
                        );
                    }
                    check::Form::Handles | check::Form::Ids => assert_eq!(published["maxItems"], 100),
                    _ => assert_eq!(published["type"], "string", "{name}: {path} {wanted}"),
                }
            }
        }
    }
}

/// As much of JSON Schema as the documents use.
struct Schema<'a> {
    document: &'a Value,
}

impl Schema<'_> {
    fn resolve(&self, schema: &Value) -> Value {
        let mut schema = schema.clone();
        while let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            schema = self.document.pointer(reference.trim_start_matches('#')).unwrap().clone();
        }
        schema
    }

    /// One line for each place where the value differs from the schema, unknown properties included.
    fn check(&self, schema: &Value, value: &Value, place: &str, faults: &mut Vec<String>) {
        self.check_form(schema, value, place, faults);
        let mut known = Vec::new();
        self.properties(schema, value, &mut known);
        if let (Some(object), false) = (value.as_object(), known.is_empty()) {
            for key in object.keys().filter(|key| !known.contains(key)) {
                faults.push(format!("{place}/{key}: not in the document"));
            }
        }
    }

    /// The alternatives that apply to this value: all of `allOf`, and the one that the discriminator names.
    fn branches(&self, schema: &Value, value: &Value) -> Vec<Value> {
        let mut branches = schema["allOf"].as_array().cloned().unwrap_or_default();
        let property = schema.pointer("/discriminator/propertyName").and_then(Value::as_str);
        if let Some(kind) = property.and_then(|property| value[property].as_str()) {
            match schema["discriminator"]["mapping"].get(kind) {
                Some(reference) => branches.push(json!({ "$ref": reference })),
                None => branches.push(json!({ "enum": [format!("one of the discriminator, not {kind}")] })),
            }
        } else if let Some(first) = schema["oneOf"].as_array().and_then(|list| list.first()) {
            branches.push(first.clone());
        }
        branches
    }

    fn check_form(&self, schema: &Value, value: &Value, place: &str, faults: &mut Vec<String>) {
        let schema = self.resolve(schema);
        if value.is_null() && schema["nullable"] == true {
            return;
        }
        let fits = match schema["type"].as_str() {
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            _ => true,
        };
        if !fits {
            faults.push(format!("{place}: {value} is not of type {}", schema["type"]));
        }
        if let Some(list) = schema["enum"].as_array().filter(|list| !list.contains(value)) {
            faults.push(format!("{place}: {value} is not one of {list:?}"));
        }
        for name in schema["required"].as_array().into_iter().flatten() {
            if value.get(name.as_str().unwrap()).is_none() {
                faults.push(format!("{place}: {name} is missing"));
            }
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            if let Some(inner) = value.get(name) {
                self.check(property, inner, &format!("{place}/{name}"), faults);
            }
        }
        if let Some(items) = value.as_array() {
            if (items.len() as u64) < schema["minItems"].as_u64().unwrap_or(0) {
                faults.push(format!("{place}: only {} items", items.len()));
            }
            for (index, item) in items.iter().enumerate().filter(|_| schema.get("items").is_some()) {
                self.check(&schema["items"], item, &format!("{place}/{index}"), faults);
            }
        }
        for branch in self.branches(&schema, value) {
            let mut inner = self.resolve(&branch);
            self.open_circle(&mut inner);
            self.check_form(&inner, value, place, faults);
        }
    }

    fn properties(&self, schema: &Value, value: &Value, known: &mut Vec<String>) {
        let schema = self.resolve(schema);
        known.extend(schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()));
        for branch in self.branches(&schema, value) {
            let mut inner = self.resolve(&branch);
            self.open_circle(&mut inner);
            self.properties(&inner, value, known);
        }
    }

    /// What a discriminator maps to contains (`allOf`) the schema with the discriminator: there it is
    /// taken out, since it has been followed already.
    fn open_circle(&self, schema: &mut Value) {
        for part in schema["allOf"].as_array_mut().into_iter().flatten() {
            let mut resolved = self.resolve(part);
            if let Some(object) = resolved.as_object_mut() {
                object.remove("discriminator");
                object.remove("oneOf");
            }
            *part = resolved;
        }
    }
}
