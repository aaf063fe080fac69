//! Stand-ins for the providers at the edge of the world: one server that speaks every vendor's
//! documented contract, keeps what it received exactly as it came, and misbehaves on request.
//! For the demo, the tests and the benches.
//!
//! The vendors share one base URL, told apart by their paths; webhooks go to `/webhooks/…` and
//! the generic provider to `/generic/…`. The vendors that honour a key of idempotency do so here.

mod behaviour;
mod contract;
mod ledger;
mod line;
mod request;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use chrono::Utc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::contract::Verdict;
use self::ledger::Ledger;
use self::line::{Line, Lines};
use self::request::Incoming;
use crate::domain::time::Timestamp;
use crate::provider::webhook::Key;

pub use self::behaviour::{Behaviour, Call};
pub use self::ledger::Received;
pub use self::request::Vendor;

/// No message of ours is longer; what is, is refused.
const LONGEST_REQUEST: usize = 4 * 1024 * 1024;

/// How long a stop waits for connections to end before it ends them.
const LONGEST_STOP: Duration = Duration::from_secs(2);

type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;
type Plan = Arc<dyn Fn(&Call<'_>) -> Behaviour + Send + Sync>;

/// How a sandbox is set up.
#[derive(Clone)]
pub struct Options {
    /// Where it listens; by default a free port of 127.0.0.1.
    pub address: SocketAddr,
    /// The time that each record carries beside the real one.
    pub virtual_time: Clock,
    /// Decides request by request how the vendor behaves.
    pub plan: Plan,
    /// A directory for one JSON file per request: `000001.json`, …
    pub directory: Option<PathBuf>,
    /// How many records are kept in memory; the oldest go first.
    pub keep: usize,
    /// The credential that every vendor wants to see; by default any.
    pub token: Option<String>,
    /// The secrets that webhooks may be signed with (`whsec_…`); with none, a signature must be
    /// there and is not verified.
    pub webhook_secrets: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            virtual_time: Arc::new(|| Timestamp(Utc::now())),
            plan: Arc::new(|_| Behaviour::Answer),
            directory: None,
            keep: 100_000,
            token: None,
            webhook_secrets: Vec::new(),
        }
    }
}

/// A running sandbox. Dropped without [`Sandbox::stop`], it ends with the runtime's next turn.
pub struct Sandbox {
    url: String,
    world: Arc<World>,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
}

struct World {
    virtual_time: Clock,
    plan: Plan,
    rules: contract::Rules,
    ledger: Ledger,
    stop: watch::Receiver<bool>,
}

impl Sandbox {
    /// # Errors
    /// The address is taken, the directory cannot be made, or a webhook secret is none.
    pub async fn start(options: Options) -> std::io::Result<Self> {
        if let Some(directory) = &options.directory {
            tokio::fs::create_dir_all(directory).await?;
        }
        let webhook_keys = options
            .webhook_secrets
            .iter()
            .map(|secret| Key::parse(secret).map_err(|error| std::io::Error::other(format!("the secret {error}"))))
            .collect::<Result<Vec<_>, _>>()?;
        let listener = TcpListener::bind(options.address).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (stop, stopped) = watch::channel(false);
        let world = Arc::new(World {
            virtual_time: options.virtual_time,
            plan: options.plan,
            rules: contract::Rules { token: options.token, webhook_keys },
            ledger: Ledger::new(options.keep, options.directory),
            stop: stopped.clone(),
        });
        let service = Router::new()
            .fallback(receive)
            .with_state(Arc::clone(&world))
            .into_make_service_with_connect_info::<Line>();
        let server = tokio::spawn(async move {
            let ended = axum::serve(Lines(listener), service).with_graceful_shutdown(asked_to_stop(stopped));
            // the listener retries its own faults; there is no other end than the stop
            let _ = ended.await;
        });
        Ok(Self { url, world, stop, server })
    }

    /// The base of every vendor's URL: `http://127.0.0.1:41234`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What has been received and is still kept, in the order in which it came.
    pub fn received(&self) -> Vec<Received> {
        self.world.ledger.received()
    }

    /// The same, and keeps none of it: for runs that are longer than memory.
    pub fn take(&self) -> Vec<Received> {
        self.world.ledger.take()
    }

    /// How many requests have been received since the start, kept or not.
    pub fn count(&self) -> u64 {
        self.world.ledger.count()
    }

    /// Waits until so many requests have been received in all.
    pub async fn received_at_least(&self, count: u64) {
        self.world.ledger.at_least(count).await;
    }

    /// Ends open connections, hanging ones too, and gives the port back.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if tokio::time::timeout(LONGEST_STOP, &mut self.server).await.is_err() {
            self.server.abort();
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

async fn asked_to_stop(mut stop: watch::Receiver<bool>) {
    // an error says that the sandbox is gone, which asks the same
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn receive(
    State(world): State<Arc<World>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LONGEST_REQUEST).await else {
        return answer(Verdict::bare(StatusCode::PAYLOAD_TOO_LARGE));
    };
    let incoming = Incoming::new(&head, &body);
    let call =
        Call { vendor: incoming.vendor, key: &incoming.key, nth: world.ledger.next_of(incoming.vendor, &incoming.key) };
    let behaviour = (world.plan)(&call);
    if behaviour == Behaviour::ResetUnheard {
        line.cut();
        return answer(Verdict::bare(StatusCode::OK));
    }
    let judge = || world.ledger.with_memory(|memory| contract::judge(&world.rules, &incoming, memory));
    let verdict = match behaviour.misbehave(&incoming) {
        None => judge(),
        // a webhook's receiver has said yes with its status, whatever stands beside it
        Some(odd) if incoming.vendor == Vendor::Webhook && odd.status.is_success() => {
            let Verdict { taken, duplicate, .. } = judge();
            Verdict { taken, duplicate, ..odd }
        }
        Some(odd) => odd,
    };
    let answered = !matches!(behaviour, Behaviour::ResetTaken | Behaviour::Hang);
    world.ledger.write(&incoming, &verdict, answered, (world.virtual_time)()).await;
    match behaviour {
        Behaviour::ResetTaken => line.cut(),
        Behaviour::Hang => {
            asked_to_stop(world.stop.clone()).await;
            line.cut();
        }
        _ => {}
    }
    answer(verdict)
}

fn answer(verdict: Verdict) -> Response<Body> {
    let mut response = Response::new(Body::from(verdict.body));
    *response.status_mut() = verdict.status;
    for (name, value) in verdict.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}
