//! A server that does to a connection exactly what it is told, below HTTP.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What is done to every connection.
#[derive(Clone)]
pub enum Act {
    /// Reads the request, writes these bytes, closes.
    Answer(Vec<u8>),
    /// Reads the request, writes these bytes, and keeps the line open without another word.
    AnswerAndHold(Vec<u8>),
    /// Reads the request, writes these bytes over and over.
    Flood { head: Vec<u8>, block: Vec<u8> },
    /// Reads the request and resets the connection.
    Reset,
    /// Never reads, never writes.
    Hold,
}

pub struct Raw {
    pub address: std::net::SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    server: JoinHandle<()>,
}

impl Raw {
    pub async fn start(act: Act) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&requests);
        let server = tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (act, heard) = (act.clone(), Arc::clone(&heard));
                held.push(tokio::spawn(serve(stream, act, heard)));
            }
        });
        Self { address, requests, server }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests that were read, head and body.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(mut stream: TcpStream, act: Act, heard: Arc<Mutex<Vec<String>>>) {
    if matches!(act, Act::Hold) {
        std::future::pending::<()>().await;
    }
    let Some(request) = read_request(&mut stream).await else { return };
    heard.lock().unwrap().push(request);
    match act {
        Act::Answer(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Act::AnswerAndHold(bytes) => {
            let _ = stream.write_all(&bytes).await;
            std::future::pending::<()>().await;
        }
        Act::Flood { head, block } => {
            let _ = stream.write_all(&head).await;
            while stream.write_all(&block).await.is_ok() {}
        }
        Act::Reset => stream.set_zero_linger().unwrap(),
        Act::Hold => {}
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut block = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .map_or(0, |(_, length)| length.trim().parse().unwrap());
            if body.len() >= length {
                return Some(text);
            }
        }
        match stream.read(&mut block).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&block[..read]),
        }
    }
}

/// An answer as it stands on the wire.
pub fn http(status: u16, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status} Whatever\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    format!("{text}connection: close\r\n\r\n{body}").into_bytes()
}
