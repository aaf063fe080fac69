//! The whole service from the broker to the provider, measured against what its parts could do
//! alone: `cargo bench --bench pipeline -- [--quick] [--check] [--json]`.
//!
//! The service is `reassure run` in a process of its own, its store a SQLite file, its provider a
//! sink in another process. This process holds the broker and the publisher.
//!
//! `--brokers` and `--postgres` put a real Kafka and a real PostgreSQL in their place; with the latter, several
//! replicas are measured beside one. `--stores` only compares the two stores.

#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "figures")]

#[path = "pipeline/author.rs"]
mod author;
#[path = "pipeline/events.rs"]
mod events;
#[path = "pipeline/limits.rs"]
mod limits;
#[path = "pipeline/preload.rs"]
mod preload;
#[path = "pipeline/report.rs"]
mod report;
#[path = "pipeline/service.rs"]
mod service;
#[path = "pipeline/sink.rs"]
mod sink;
#[path = "pipeline/stock.rs"]
mod stock;
#[path = "pipeline/stores.rs"]
mod stores;
#[path = "pipeline/traffic.rs"]
mod traffic;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use reassure::domain::time::Timestamp;

use events::plan;
use report::{Cost, Latency, Limits, Report, Run};
use service::{Place, Services, machine_seconds};
use sink::Sink;
use stock::{Progress, Stock};
use traffic::{Broker, Topics, flood, stroll};

/// Measures the whole service against its own limits.
#[derive(Clone, Parser)]
struct Options {
    /// Events of each round.
    #[arg(long, default_value_t = 60_000)]
    events: usize,
    /// Journeys in the large store, a million in 4 GB; the small one has a hundredth, at least 10,000.
    #[arg(long, default_value_t = 1_000_000)]
    journeys: u32,
    /// Small: to see that it runs.
    #[arg(long)]
    quick: bool,
    /// Fail if a target is missed.
    #[arg(long)]
    check: bool,
    #[arg(long)]
    json: bool,
    /// `host:port` of a broker, in place of the embedded one.
    #[arg(long)]
    brokers: Option<String>,
    /// The URL of a PostgreSQL, in place of SQLite: one replica and several, on the small store.
    #[arg(long)]
    postgres: Option<String>,
    /// Only compare the stores: the same batches in SQLite and in that PostgreSQL.
    #[arg(long, requires = "postgres")]
    stores: bool,
    /// Where the stores are put; by default the folder for temporary files.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
    #[arg(long, hide = true)]
    role: Option<String>,
    #[arg(long, hide = true)]
    config: Option<PathBuf>,
    #[arg(long, hide = true)]
    begin: Option<i64>,
    /// Messages.
    #[arg(long, hide = true)]
    messages: Option<usize>,
}

/// Beside one, where several can share a store.
const REPLICAS: usize = 3;
/// Of each store, in turns.
const ROUNDS: usize = 5;

fn main() -> ExitCode {
    let mut options = Options::parse();
    if !options.bench {
        eprintln!("not run as a bench; nothing is measured");
        return ExitCode::SUCCESS;
    }
    if options.quick {
        options.events = options.events.min(8_000);
        options.journeys = options.journeys.min(14_000);
    }
    match options.role.as_deref() {
        Some(sink::ROLE) => sink::serve(),
        Some(role) => limit(role, &options),
        None => return measure(&options),
    }
    ExitCode::SUCCESS
}

/// A limit, in its own process.
fn limit(role: &str, options: &Options) {
    let config = options.config.as_deref().expect("a configuration");
    let begin = Timestamp::from_millis(options.begin.expect("a beginning"));
    let events = plan(options.journeys, options.events);
    match role {
        limits::CONSUME => limits::consume(config, options.events),
        limits::STORE => limits::store(config, &events, begin),
        limits::HTTP => limits::http(config, &events, options.messages.expect("a count"), begin),
        _ => unreachable!("no such role"),
    }
}

fn measure(options: &Options) -> ExitCode {
    let mut folder = tempfile::Builder::new();
    let folder = folder.prefix("reassure-bench-");
    let folder = match &options.folder {
        Some(place) => folder.tempdir_in(place),
        None => folder.tempdir(),
    }
    .expect("a folder for the stores");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let bench = Bench { options, folder: folder.path(), begin: Timestamp(chrono::Utc::now()) };
    if options.stores {
        let url = options.postgres.as_deref().expect("--stores needs --postgres");
        runtime.block_on(bench.compare(url));
        return ExitCode::SUCCESS;
    }
    let report = runtime.block_on(bench.run());
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report).expect("plain data"));
    } else {
        println!("{}", report.table());
    }
    let missed = report.missed();
    missed.iter().for_each(|words| eprintln!("missed: {words}"));
    if options.check && !missed.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

struct Bench<'a> {
    options: &'a Options,
    folder: &'a Path,
    begin: Timestamp,
}

impl Bench<'_> {
    async fn run(&self) -> Report {
        let large = self.options.journeys;
        let small = if self.options.quick { large / 7 } else { large.min((large / 100).max(10_000)) };
        let mut scenes = vec![(small, 1)];
        match self.options.postgres {
            Some(_) => scenes.push((small, REPLICAS)),
            None => scenes.extend((large > small).then_some((large, 1))),
        }
        let mut stocks = Vec::new();
        for (journeys, replicas) in scenes {
            stocks.push((journeys, replicas, self.stock(journeys, replicas).await, Vec::new()));
        }
        // in turns: what else the machine does then weighs on each alike
        for round in 0..ROUNDS {
            for (journeys, replicas, stock, runs) in &mut stocks {
                runs.push(self.service(*journeys, *replicas, stock, round).await);
            }
        }
        let mut runs = Vec::new();
        for (_, _, stock, rounds) in stocks {
            stock.drop().await;
            runs.push(Run::best(rounds));
        }
        let limits = self.limits(small, runs[0].messages_per_event).await;
        Report::new(runs, limits, if self.options.postgres.is_some() { 0.35 } else { 0.4 })
    }

    async fn compare(&self, url: &str) {
        let config = self.idle(&Stock::File(self.folder.join("compared.db")));
        stores::compare(self.folder, &config, url, self.options.journeys, self.options.events, self.begin).await;
    }

    /// The configuration of a service that reads from nowhere.
    fn idle(&self, store: &Stock) -> PathBuf {
        let topics = Topics { orders: "none".to_owned(), scans: "none".to_owned() };
        let place =
            Place { folder: self.folder, store, brokers: "none", topics: &topics, group: "none", sink: "http://none" };
        service::configure(&place).0
    }

    /// A store with so many journeys.
    async fn stock(&self, journeys: u32, replicas: usize) -> Stock {
        say(&format!("filling a store with {journeys} journeys"));
        let stock = match &self.options.postgres {
            Some(url) => {
                let name = format!("bench_{}_{:08x}", std::process::id(), rand::random::<u32>());
                Stock::Schema { url: url.clone(), name }
            }
            None => Stock::File(self.folder.join(format!("{journeys}-{replicas}.db"))),
        };
        stock.fill(&self.idle(&stock), self.begin, journeys).await;
        stock
    }

    async fn service(&self, journeys: u32, replicas: usize, store: &Stock, round: usize) -> Run {
        let (broker, sink) = (Broker::start(self.options.brokers.as_deref()).await, Sink::start());
        let count = self.options.events;
        let events = plan(journeys, (ROUNDS + 1) * count).split_off(round * count);
        let group = format!("reassure-bench-{}-{journeys}-{replicas}-{round}", std::process::id());
        let place = Place {
            folder: self.folder,
            store,
            brokers: broker.servers(),
            topics: &broker.topics,
            group: &group,
            sink: &sink.url(),
        };
        let service = Services::start(&place, replicas);
        let progress = Progress::of(service.config()).await;
        say(&format!("ready after {:?}; {count} events as fast as they are taken", service.ready_after()));
        let (flooded, rest) = events.split_at(count);
        let rest = if round + 1 == ROUNDS { rest } else { &[] };
        let begun = first(&progress, &service);
        let published = flood(&broker, flooded, self.begin, || progress.records());
        let (mut published, begun) = tokio::join!(published, begun);
        let messages = flooded.iter().filter(|event| event.message().is_some()).count();
        until(|| progress.records() >= count && sink.count() >= messages).await;
        let (seconds, processor, machine) = (
            begun.at.elapsed().as_secs_f64(),
            service.processor_seconds() - begun.processor_seconds,
            machine_seconds() - begun.machine_seconds,
        );
        let (read, written) = service.transferred_kib();
        let counted = (count - begun.records) as f64;
        let rate = counted / seconds;

        // the paced part is as long as ten seconds, or as its events last
        let pace = (rate / 5.0).min(2_000.0);
        let strolled = &rest[..rest.len().min((pace * if self.options.quick { 4.0 } else { 20.0 }) as usize)];
        say(&format!("{rate:.0} events/s; now {pace:.0} events/s"));
        tokio::time::sleep(Duration::from_secs(1)).await;
        let saturated = published.len();
        published.extend(stroll(&broker, strolled, self.begin, pace).await);
        let all = messages + strolled.iter().filter(|event| event.message().is_some()).count();
        until(|| sink.count() >= all).await;
        let received = sink.list();
        let latencies = |from: usize, to: usize| {
            let waits = (from..to).filter_map(|index| {
                let (at, _) = received.get(&events[index].message()?.0)?;
                Some(at.saturating_sub(published[index]))
            });
            Latency::of(waits.collect())
        };
        let run = Run {
            journeys,
            replicas,
            events: count,
            events_per_second: rate,
            messages_per_second: rate * messages as f64 / count as f64,
            messages_per_event: messages as f64 / count as f64,
            processor_seconds_per_million: processor / counted * 1e6,
            machine_seconds_per_million: machine / counted * 1e6,
            wall_seconds_per_million: seconds / counted * 1e6,
            read_kib_per_event: (read - begun.transferred_kib.0) / counted,
            written_kib_per_event: (written - begun.transferred_kib.1) / counted,
            peak_mib: service.peak_mib(),
            ready_milliseconds: service.ready_after().as_secs_f64() * 1e3,
            saturated: latencies(0, saturated),
            paced_events_per_second: pace,
            paced: latencies(saturated, published.len()),
            repeated: received.values().filter(|(_, times)| *times > 1).count(),
            costs: vec![Cost { processor: processor / counted * 1e6, wall: seconds / counted * 1e6 }],
        };
        drop(progress);
        service.stop();
        run
    }

    async fn limits(&self, journeys: u32, messages_per_event: f64) -> Limits {
        let store = self.stock(journeys, 1).await;
        let (broker, sink) = (Broker::start(self.options.brokers.as_deref()).await, Sink::start());
        let group = format!("reassure-bench-{}-limits", std::process::id());
        let place = Place {
            folder: self.folder,
            store: &store,
            brokers: broker.servers(),
            topics: &broker.topics,
            group: &group,
            sink: &sink.url(),
        };
        let (config, _) = service::configure(&place);
        let count = self.options.events;
        let messages = (count as f64 * messages_per_event) as usize;
        say("the limit of consuming");
        let consume_events = self.consume(&broker, journeys, &config).await;
        say("the limit of writing");
        let seconds = |role: &str| {
            let output = self.child(role, journeys, &config, messages).output().expect("the limit's process");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.trim().parse::<f64>().expect("its seconds")
        };
        let store_events = count as f64 / seconds(limits::STORE);
        say("the limit of HTTP");
        let http_messages = messages as f64 / seconds(limits::HTTP);
        store.drop().await;
        Limits { consume_events, store_events, http_messages }
    }

    async fn consume(&self, broker: &Broker, journeys: u32, config: &Path) -> f64 {
        let count = self.options.events;
        let events = plan(journeys, count);
        let mut child = self.child(limits::CONSUME, journeys, config, 0).spawn().expect("the limit's process");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let read = Arc::new(AtomicUsize::new(0));
        let sum = Arc::clone(&read);
        // from the first batch, whose records are not counted, to the last
        let timing = std::thread::spawn(move || {
            let mut first = None;
            for line in lines.map_while(Result::ok) {
                let so_far: usize = line.parse().expect("a count");
                sum.store(so_far, Ordering::Release);
                if so_far > 0 {
                    first.get_or_insert((Instant::now(), so_far));
                }
            }
            let (begin, before) = first.expect("a batch");
            (count - before) as f64 / begin.elapsed().as_secs_f64()
        });
        flood(broker, &events, self.begin, || read.load(Ordering::Acquire)).await;
        let rate = tokio::task::spawn_blocking(|| timing.join().expect("the timing")).await.expect("the timing");
        let _ = child.wait();
        rate
    }

    /// This program as one of the limits.
    fn child(&self, role: &str, journeys: u32, config: &Path, messages: usize) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--bench", "--role", role, "--config"]).arg(config).stdout(Stdio::piped());
        command.args(["--begin", &self.begin.millis().to_string(), "--journeys", &journeys.to_string()]);
        command.args(["--events", &self.options.events.to_string(), "--messages", &messages.to_string()]);
        command
    }
}

/// The moment from which a run is measured: the first records are stored.
struct Begun {
    at: Instant,
    records: usize,
    processor_seconds: f64,
    machine_seconds: f64,
    transferred_kib: (f64, f64),
}

async fn first(progress: &Progress, service: &Services) -> Begun {
    until(|| progress.records() > 0).await;
    Begun {
        at: Instant::now(),
        records: progress.records(),
        processor_seconds: service.processor_seconds(),
        machine_seconds: machine_seconds(),
        transferred_kib: service.transferred_kib(),
    }
}

async fn until(done: impl Fn() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < Duration::from_secs(120), "it does not come to an end");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn say(text: &str) {
    eprintln!("{text}");
}
