//! Connections: no more than so many at once, and none for those who dawdle.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

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
    /// From the first byte that could be sent to the last of a request's head. Between requests too, so it
    /// is longer than the minute for which proxies as a rule keep a connection that is idle.
    pub head_within: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { most: 1_024, head_within: Duration::from_secs(75) }
    }
}

/// Answers on `listener` until `end` is told; then what is under way ends, within the deadline of answers.
pub async fn serve<L>(mut listener: L, router: Router, bounds: Bounds, mut end: watch::Receiver<bool>)
where
    L: Listener<Addr = SocketAddr>,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(bounds.head_within);
    let router = TowerToHyperService::new(router);
    let places = Arc::new(Semaphore::new(bounds.most));
    let under_way = GracefulShutdown::new();
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, (stream, address)) = tokio::select! {
            biased;
            () = told(&mut end) => break,
            accepted = accepted => accepted,
        };
        let router = router.clone();
        let service = service_fn(move |mut request: hyper::Request<_>| {
            request.extensions_mut().insert(ConnectInfo(Peer(address)));
            router.call(request)
        });
        let connection = under_way.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            // who breaks off has nothing left to be told
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    let _ = timeout(DEADLINE, under_way.shutdown()).await;
}
