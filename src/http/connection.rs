//! Connections: no more than so many at once, and none for those who dawdle.

mod impatient;
mod places;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::sync::watch;
use tokio::time::timeout;

use impatient::Impatient;
use places::Places;

use super::DEADLINE;
use crate::ingest::told;

/// Where a connection comes from.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// What a listener takes upon itself (I10).
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Connections at once; more wait with the operating system.
    pub most: usize,
    /// Of these, for one address; what is more is closed. So nobody alone keeps a probe from being answered.
    pub of_one: usize,
    /// From the first byte that could be sent to the last of a request's head. Between requests too, so it
    /// is longer than the minute for which proxies as a rule keep a connection that is idle.
    pub head_within: Duration,
    /// Of an answer, from the first byte that is not taken at once to the last.
    pub taken_within: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { most: 1_024, of_one: 256, head_within: Duration::from_secs(75), taken_within: Duration::from_secs(30) }
    }
}

/// No head is longer. What is read of a request beforehand is held for every connection.
const LONGEST_HEAD: usize = 32 * 1024;

/// Answers on `listener` until `end` is told; then what is under way ends, within the deadline of answers.
pub async fn serve<L>(mut listener: L, router: Router, bounds: Bounds, mut end: watch::Receiver<bool>)
where
    L: Listener<Addr = SocketAddr>,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(bounds.head_within).max_buf_size(LONGEST_HEAD);
    let router = TowerToHyperService::new(router);
    let places = Places::new(bounds.most, bounds.of_one);
    let under_way = GracefulShutdown::new();
    loop {
        let accepted = async {
            let free = places.free().await;
            (free, listener.accept().await)
        };
        let (free, (stream, address)) = tokio::select! {
            biased;
            () = told(&mut end) => break,
            accepted = accepted => accepted,
        };
        let Some(place) = places.take(free, address.ip().to_canonical()) else { continue };
        let router = router.clone();
        let service = service_fn(move |mut request: hyper::Request<_>| {
            request.extensions_mut().insert(ConnectInfo(Peer(address)));
            router.call(request)
        });
        let connection =
            under_way.watch(http.serve_connection(TokioIo::new(Impatient::new(stream, bounds.taken_within)), service));
        tokio::spawn(async move {
            // who breaks off has nothing left to be told
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    let _ = timeout(DEADLINE, under_way.shutdown()).await;
}
