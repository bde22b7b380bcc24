//! Searches by image.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::world::{Reply, World};
use crate::base::ids::Networks;
use crate::front::fake::FakeBroker;
use crate::proto::front::{Client, FrontQuestion};

#[tokio::test]
async fn search_is_for_those_who_may() {
    let world = World::new(FakeBroker::default()).await;
    let head = "POST /search?account_name=%40jane&turned=1 HTTP/1.1\r\nContent-Type: image/png";
    let reply = world.exchange(head, &[7; 999]).await;
    assert_eq!((reply.status, reply.json()["identifier"].as_str()), (200, Some("abc")));
    assert_eq!(reply.json()["results"].as_array().unwrap().len(), 2);
    let question = FrontQuestion::SearchImage {
        len_bytes: 999,
        account_name: Some("jane".to_owned()),
        networks: Networks::default(),
        turned: true,
        client: Client::Exempt,
    };
    assert_eq!(world.last_asked(), (question, Some(999)));
    assert_eq!(world.exchange("POST /search HTTP/1.1", b"").await.json()["error"], "IMAGE_MISSING");
    world.exchange("POST /search HTTP/1.1", &[7; 1001]).await.check_error(413, "PAYLOAD_TOO_LARGE");
    let chunked = b"3e9\r\n".iter().chain(&[7; 0x3e9]).chain(b"\r\n0\r\n\r\n").copied().collect::<Vec<_>>();
    let mut stream = TcpStream::connect(world.addr).await.unwrap();
    stream
        .write_all(
            b"POST /search HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
        )
        .await
        .unwrap();
    stream.write_all(&chunked).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    Reply::parse(&text).check_error(413, "PAYLOAD_TOO_LARGE");

    assert_eq!(world.get("/search?identifier=abc").await.json()["identifier"], "abc");
    assert_eq!(world.last_asked().0, FrontQuestion::SearchState { identifier: "abc".to_owned() });
    assert_eq!(world.get("/search").await.json()["error"], "IDENTIFIER_MISSING");
    assert_eq!(world.get("/search").await.json()["identifier"], Value::Null);

    world.get_as("192.0.2.1", "/search?identifier=abc").await.check_error(403, "FORBIDDEN");
    let head = "POST /search HTTP/1.1\r\nX-Forwarded-For: 192.0.2.1";
    world.exchange(head, b"x").await.check_error(403, "FORBIDDEN");
}

#[tokio::test]
async fn an_image_comes_as_a_body_a_form_or_an_address() {
    let world = World::new(FakeBroker::default()).await;
    let form = |fields: &str| format!("{}--X--\r\n", fields.replace('\n', "\r\n")).into_bytes();
    let head = "POST /search HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=X";
    let field = |name: &str, value: &str| {
        format!("--X\nContent-Disposition: form-data; name=\"{name}\"\n\n{value}\n")
    };
    let file = "--X\nContent-Disposition: form-data; name=\"f\"; filename=\"a.png\"\nContent-Type: image/png\n\npixels\n";
    let image = |account: Option<&str>, turned, len_bytes| FrontQuestion::SearchImage {
        len_bytes,
        account_name: account.map(str::to_owned),
        networks: Networks::default(),
        turned,
        client: Client::Exempt,
    };
    let by_url = |account: Option<&str>, turned| FrontQuestion::SearchUrl {
        url: "https://i.example/a.png".to_owned(),
        account_name: account.map(str::to_owned),
        networks: Networks::default(),
        turned,
        client: Client::Exempt,
    };
    let reply = world.exchange(head, &form(&(field("account_name", "@jane") + file))).await;
    assert_eq!((reply.status, reply.json()["identifier"].as_str()), (200, Some("abc")), "{}", reply.body);
    assert_eq!(world.last_asked(), (image(Some("jane"), false, 6), Some(6)));
    world.exchange(head, &form(&(field("image", "four") + &field("turned", "on")))).await;
    assert_eq!(world.last_asked(), (image(None, true, 4), Some(4)));
    world.exchange(head, &form(&field("url", "https://i.example/a.png"))).await;
    assert_eq!(world.last_asked().0, by_url(None, false));
    let json = "POST /search HTTP/1.1\r\nContent-Type: application/json; charset=utf-8";
    let body = b"{\"url\":\"https://i.example/a.png\",\"account_name\":\"jane\"}";
    assert_eq!(world.exchange(json, body).await.status, 200);
    assert_eq!(world.last_asked().0, by_url(Some("jane"), false));
    let body = b"{\"url\":\"https://i.example/a.png\",\"turned\":true}";
    assert_eq!(world.exchange(json, body).await.status, 200);
    assert_eq!(world.last_asked().0, by_url(None, true));

    let asked = world.broker.asked().len();
    for (head, body, status, code) in [
        (head, form(""), 200, "IMAGE_MISSING"),
        (head, form(&field("image", "")), 200, "IMAGE_MISSING"),
        (head, form(&field("image", &"x".repeat(1001))), 413, "PAYLOAD_TOO_LARGE"),
        (head, form(&field("url", &"x".repeat(5000))), 413, "PAYLOAD_TOO_LARGE"),
        (
            head,
            b"--X\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\nno end".to_vec(),
            400,
            "BAD_REQUEST",
        ),
        ("POST /search HTTP/1.1\r\nContent-Type: multipart/form-data", b"x".to_vec(), 400, "BAD_REQUEST"),
        (json, b"{\"url\":\"ftp://i.example/\"}".to_vec(), 200, "NOT_AN_URL"),
        (json, b"{\"url\":\"\"}".to_vec(), 200, "IMAGE_MISSING"),
        (json, b"{\"uri\":\"\"}".to_vec(), 400, "BAD_REQUEST"),
    ] {
        let about = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let reply = world.exchange(head, &body).await;
        assert_eq!((reply.status, reply.json()["error"].as_str()), (status, Some(code)), "{about}");
    }
    assert_eq!(world.broker.asked().len(), asked);
}
