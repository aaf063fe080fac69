//! The receiving end: the smallest server that answers as Resend does, in a process of its own.
//! It keeps the key and the moment of every request.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream as Blocking;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub const ROLE: &str = "sink";

const ACCEPTED: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 45\r\n\r\n{\"id\":\"5c1f2b9e-1d0a-4f6e-9a55-0c0ffee00001\"}";

/// Microseconds since 1970, the same clock for all processes of a machine.
pub fn micros() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(now.as_micros()).expect("before the year 500,000")
}

/// What came in: by key, the first moment and how often.
pub type Received = HashMap<String, (u64, u32)>;

/// The sink's side: serves until its standard input ends.
pub fn serve() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let received: Rc<RefCell<Received>> = Rc::default();
    tokio::task::LocalSet::new().block_on(&runtime, async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        println!("{}", listener.local_addr().expect("an address").port());
        loop {
            let (connection, _) = listener.accept().await.expect("a connection");
            connection.set_nodelay(true).expect("an option of the socket");
            tokio::task::spawn_local(talk(connection, Rc::clone(&received)));
        }
    });
}

async fn talk(mut connection: TcpStream, received: Rc<RefCell<Received>>) {
    let mut buffer = Vec::with_capacity(64 * 1024);
    loop {
        let head = loop {
            if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            if !matches!(connection.read_buf(&mut buffer).await, Ok(1..)) {
                return;
            }
        };
        let text = std::str::from_utf8(&buffer[..head]).unwrap_or_default();
        let field = |name: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once(": "));
            lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        };
        let length: usize = field("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let key = field("idempotency-key").unwrap_or_default().to_owned();
        let (counts, lists) = (text.starts_with("GET /count"), text.starts_with("GET /list"));
        while buffer.len() < head + length {
            if !matches!(connection.read_buf(&mut buffer).await, Ok(1..)) {
                return;
            }
        }
        buffer.drain(..head + length);
        let answer = if counts {
            plain(&received.borrow().len().to_string())
        } else if lists {
            let received = std::mem::take(&mut *received.borrow_mut());
            let lines = received.iter().map(|(key, (at, times))| format!("{key} {at} {times}\n"));
            plain(&lines.collect::<String>())
        } else {
            received.borrow_mut().entry(key).or_insert_with(|| (micros(), 0)).1 += 1;
            ACCEPTED.to_vec()
        };
        if connection.write_all(&answer).await.is_err() || counts || lists {
            return;
        }
    }
}

fn plain(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()).into_bytes()
}

/// The sink, as the bench holds it.
pub struct Sink {
    child: Child,
    port: u16,
}

impl Sink {
    pub fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--bench", "--role", ROLE])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the sink starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("its port");
        Self { child, port: line.trim().parse().expect("a port") }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How many keys came in since the last list.
    pub fn count(&self) -> usize {
        get(self.port, "/count").and_then(|body| body.parse().ok()).expect("a count of the sink")
    }

    /// Takes the list of what came in.
    pub fn list(&self) -> Received {
        let body = get(self.port, "/list").expect("the list of the sink");
        let line = |line: &str| {
            let mut words = line.split(' ');
            let key = words.next()?.to_owned();
            Some((key, (words.next()?.parse().ok()?, words.next()?.parse().ok()?)))
        };
        body.lines().filter_map(line).collect()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The body of a 200.
pub fn get(port: u16, path: &str) -> Option<String> {
    let mut connection = Blocking::connect(("127.0.0.1", port)).ok()?;
    write!(connection, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.starts_with("HTTP/1.1 200").then(|| body.to_owned())
}
