//! Who asks dawdles, breaks off or comes in numbers: the others are answered, and a stop is bounded.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;
use reassure::http::connection::{Bounds, Peer, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n";
/// More than the system keeps for a connection.
const MUCH: usize = 64 * 1024 * 1024;
/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

struct Server {
    address: SocketAddr,
    end: watch::Sender<bool>,
    task: JoinHandle<()>,
}

async fn server(most: usize, head_within: Duration) -> Server {
    bounded(Bounds { most, of_one: most, head_within, taken_within: LONG }).await
}

async fn bounded(bounds: Bounds) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (end, ending) = watch::channel(false);
    let whence = async |ConnectInfo(Peer(peer)): ConnectInfo<Peer>| peer.to_string();
    let router = Router::new().route("/", get(whence)).route("/much", get(async || vec![b'x'; MUCH]));
    let task = tokio::spawn(serve(listener, router, bounds, ending));
    Server { address, end, task }
}

/// What is answered to a request, as long as the connection is left open.
async fn answered(stream: &mut TcpStream) -> String {
    stream.write_all(REQUEST).await.unwrap();
    let mut answer = vec![0; 1_000];
    let length = timeout(LONG, stream.read(&mut answer)).await.unwrap().unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

/// It is closed from the other side.
async fn is_closed(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    timeout(LONG, stream.read_to_end(&mut rest)).await.expect("it is closed").ok();
}

#[tokio::test]
async fn a_request_says_where_it_comes_from() {
    let server = server(9, LONG).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let own = stream.local_addr().unwrap().to_string();
    for _ in 0..2 {
        let answer = answered(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with(&own), "{answer}");
    }
}

#[tokio::test]
async fn who_does_not_finish_a_head_is_cut_off() {
    let server = server(9, Duration::from_millis(200)).await;
    for begun in [&b""[..], b"GET / HTTP/1.1\r\nhost: he"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(begun).await.unwrap();
        is_closed(&mut stream).await;
    }
}

#[tokio::test]
async fn who_does_not_take_the_answer_is_cut_off() {
    let taken_within = Duration::from_millis(200);
    let server = bounded(Bounds { most: 1, of_one: 1, head_within: LONG, taken_within }).await;
    let mut deaf = TcpStream::connect(server.address).await.unwrap();
    deaf.write_all(b"GET /much HTTP/1.1\r\nhost: here\r\n\r\n").await.unwrap();
    let mut next = TcpStream::connect(server.address).await.unwrap();
    let answer = answered(&mut next).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "its place is free again: {answer}");
    let mut taken = Vec::new();
    timeout(LONG, deaf.read_to_end(&mut taken)).await.expect("it is closed").ok();
    assert!(taken.len() < MUCH);
}

#[tokio::test]
async fn who_takes_the_answer_in_time_gets_all_of_it() {
    let server = server(1, LONG).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /much HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut taken = Vec::new();
    timeout(LONG, stream.read_to_end(&mut taken)).await.unwrap().unwrap();
    assert!(taken.len() > MUCH);
}

#[tokio::test]
async fn a_head_without_end_is_cut_off() {
    let server = server(9, LONG).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: here\r\n").await.unwrap();
    // less than what could be held for each connection otherwise, and never finished
    for _ in 0..20 {
        let _ = stream.write_all(format!("x-flood: {}\r\n", "a".repeat(4_000)).as_bytes()).await;
    }
    let mut answer = Vec::new();
    timeout(LONG, stream.read_to_end(&mut answer)).await.expect("it is closed").ok();
    assert!(!String::from_utf8_lossy(&answer).contains("200 OK"));
}

#[tokio::test]
async fn one_address_does_not_have_all_places() {
    let server = bounded(Bounds { most: 9, of_one: 2, head_within: LONG, taken_within: LONG }).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        answered(&mut stream).await;
        held.push(stream);
    }
    is_closed(&mut TcpStream::connect(server.address).await.unwrap()).await;
    let elsewhere = TcpSocket::new_v4().unwrap();
    elsewhere.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let answer = answered(&mut elsewhere.connect(server.address).await.unwrap()).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    held.clear();
    // what was let go of can be had again
    loop {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let _ = stream.write_all(REQUEST).await;
        if timeout(LONG, stream.read_u8()).await.unwrap().is_ok() {
            break;
        }
    }
}

#[tokio::test]
async fn more_wait_until_there_is_a_place() {
    let server = server(1, LONG).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    answered(&mut first).await;
    let mut second = TcpStream::connect(server.address).await.unwrap();
    second.write_all(REQUEST).await.unwrap();
    assert!(timeout(Duration::from_millis(300), second.read_u8()).await.is_err(), "there is no place for it");
    drop(first);
    assert_eq!(timeout(LONG, second.read_u8()).await.unwrap().unwrap(), b'H');
}

#[tokio::test]
async fn a_stop_waits_for_nobody_who_is_idle() {
    let server = server(9, LONG).await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    answered(&mut idle).await;
    server.end.send_replace(true);
    timeout(LONG, server.task).await.expect("it ends").unwrap();
    is_closed(&mut idle).await;
}
