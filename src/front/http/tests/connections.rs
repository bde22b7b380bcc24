//! How connections are limited and end.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

use super::world::{Reply, World, query_question};
use crate::config::Settings;
use crate::front::fake::FakeBroker;
use crate::front::http::serve;
use crate::front::http::state::{Api, MAX_CONNECTIONS_PER_ADDRESS};
use crate::proto::front::Client;

#[tokio::test]
async fn half_open_connections_of_one_address_leave_others_served() {
    let world = World::new(FakeBroker::default()).await;
    let connect_as = async |ip: [u8; 4]| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((ip, 0))).unwrap();
        socket.connect(world.addr).await.unwrap()
    };
    let mut half_open = Vec::new();
    for _ in 0..MAX_CONNECTIONS_PER_ADDRESS {
        let mut stream = connect_as([127, 0, 0, 2]).await;
        stream.write_all(b"GET /query?url=").await.unwrap();
        half_open.push(stream);
    }
    let mut text = String::new();
    connect_as([127, 0, 0, 2]).await.read_to_string(&mut text).await.unwrap();
    Reply::parse(&text).check_error(503, "BUSY");

    let mut other = connect_as([127, 0, 0, 3]).await;
    other.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    text.clear();
    other.read_to_string(&mut text).await.unwrap();
    assert_eq!(Reply::parse(&text).status, 200);
}

#[tokio::test]
async fn slow_requests_are_cut() {
    let world = World::with(FakeBroker::default(), |settings| {
        settings.http.header_timeout = Duration::from_millis(200);
        settings.http.body_timeout = Duration::from_millis(200);
    })
    .await;
    let until_closed = async |request: &str| {
        let mut stream = TcpStream::connect(world.addr).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        let read = stream.read_to_string(&mut text);
        tokio::time::timeout(Duration::from_secs(30), read).await.expect("the server closes").unwrap();
        text
    };
    until_closed("").await; // says nothing
    until_closed("GET /healthz HTTP/1.1\r\nHost:").await; // never ends its headers
    let idle = until_closed("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await; // asks once, then idles
    assert!(idle.starts_with("HTTP/1.1 200"), "{idle}");
    let body = "POST /search HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 100\r\n\r\nx";
    Reply::parse(&until_closed(body).await).check_error(408, "REQUEST_TIMEOUT");
}

#[tokio::test]
async fn the_unix_socket_serves_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("http.sock");
    let (stop, stopped) = watch::channel(false);
    let broker = Arc::new(FakeBroker::default());
    let api = Api::new(&Settings::default(), broker.clone(), stopped.clone());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let local = crate::front::local_socket::LocalSocket::open(&path, 0o660).unwrap();
    let server = tokio::spawn(serve::serve(listener, Some(local), api, stopped));
    let mut stream = tokio::net::UnixStream::connect(&path).await.unwrap();
    let request = "GET /query?url=https://a.example/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
        X-Forwarded-For: 127.0.0.1, 192.0.2.7\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert_eq!(Reply::parse(&text).status, 200);
    let client = Client::Limited { key: "192.0.2.7".to_owned() };
    assert_eq!(broker.asked()[0].0, query_question("https://a.example/", client));
    stop.send(true).unwrap();
    server.await.unwrap();
    assert!(!path.exists(), "the socket goes with its server");
}
