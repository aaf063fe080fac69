//! The contract on SQLite, and what only a file can suffer.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use reassure::packing::{Kind, Packer};
use reassure::ports::{Batch, JourneyWrite, Next, State, Store, StoreError};
use reassure::store::sqlite::{Settings, Sqlite};
use rusqlite::Connection;
use tempfile::TempDir;

use super::contract::spending::{addressee, spent};
use super::fixture::*;

super::contract::suite!(crate::store::place::Place::file());

/// A store and the folder that goes with it.
pub struct Opened {
    pub store: std::sync::Arc<dyn reassure::ports::Store>,
    _place: TempDir,
}

pub fn opened() -> Opened {
    let place = TempDir::new().unwrap();
    Opened { store: std::sync::Arc::new(open(&place)), _place: place }
}

fn open(place: &TempDir) -> Sqlite {
    Sqlite::open(place.path().join("store.db"), Settings::default()).unwrap()
}

/// The file as a stranger sees it.
fn stranger(place: &TempDir) -> Connection {
    Connection::open(place.path().join("store.db")).unwrap()
}

/// What customers were told is kept under names that nobody can read, and each store has its own.
#[tokio::test]
async fn whom_it_was_told_is_not_kept_in_clear() {
    let mut ids = Vec::new();
    for _ in 0..2 {
        let place = TempDir::new().unwrap();
        let ada = addressee("atelier", "ada@example.org");
        let store = open(&place);
        store.commit(spent(ada.clone(), None, Default::default()), &lease("me", 60), &none()).await.unwrap();
        drop(store);
        let file = std::fs::read(place.path().join("store.db")).unwrap();
        assert!(!file.windows(5).any(|part| part == b"ada@e"), "the contact stands in the file");
        ids.push(stranger(&place).query_row("SELECT id FROM spending", [], |row| row.get::<_, i64>(0)).unwrap());
        assert!(open(&place).spending(&[ada]).await.unwrap()[0].is_some(), "the key is kept");
    }
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn what_was_written_is_there_after_reopening() {
    let place = TempDir::new().unwrap();
    let store = open(&place);
    let full = Batch {
        advances: vec![advance(0, None, 10)],
        ..batch([JourneyWrite { notifications: vec![email("n1")], ..write("A", None) }])
    };
    store.commit(full, &lease("me", 60), &plenty()).await.unwrap();
    drop(store);
    assert!(!place.path().join("store.db-wal").exists(), "closing writes the log back");
    let store = open(&place);
    assert_eq!(store.offsets().await.unwrap()[&partition(0)], 10);
    assert_eq!(store.load(&[key("A")]).await.unwrap()[0].as_ref().unwrap().version, 1);
    assert!(store.claim("brevo", at(59), &lease("new", 120), 10).await.unwrap().is_empty());
    assert_eq!(names(&store.claim("brevo", at(60), &lease("new", 120), 10).await.unwrap()), ["n1"]);
}

/// Commits one batch after the other and says so on its output, until it is killed.
fn write_until_killed(path: &Path) -> ! {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Sqlite::open(path, Settings::default()).unwrap();
        for number in 0.. {
            let expected = (number > 0).then_some(number);
            let orders = [format!("{number}a"), format!("{number}b")];
            let writes = orders.map(|order| JourneyWrite {
                entries: vec![entry(number, "placed")],
                notifications: vec![email(&order)],
                ..write(&order, None)
            });
            let batch = Batch { advances: vec![advance(0, expected, number + 1)], ..batch(writes) };
            store.commit(batch, &lease("killed", 60), &plenty()).await.unwrap();
            println!("committed {}", number + 1);
        }
    });
    unreachable!("it is killed")
}

#[tokio::test]
async fn a_killed_process_leaves_whole_batches_and_all_that_it_reported() {
    const CHILD: &str = "REASSURE_TEST_STORE_TO_WRITE_UNTIL_KILLED";
    if let Some(path) = std::env::var_os(CHILD) {
        // in a thread of its own: a runtime cannot start within another
        let path = std::path::PathBuf::from(path);
        std::thread::spawn(move || write_until_killed(&path)).join().unwrap();
    }
    let place = TempDir::new().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--nocapture", "--exact"])
        .arg("store::sqlite::a_killed_process_leaves_whole_batches_and_all_that_it_reported")
        .env(CHILD, place.path().join("store.db"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut reported =
        lines.filter_map(|line| line.split_once("committed ").map(|(_, number)| number.parse::<i64>().unwrap()));
    let before = reported.nth(19).expect("it commits");
    child.kill().unwrap();
    child.wait().unwrap();
    let last = reported.last().unwrap_or(before);

    let store = open(&place);
    let next = store.offsets().await.unwrap()[&partition(0)];
    assert!(next >= last, "what was reported is there: {next} of {last}");
    for number in 0..=next {
        for order in [format!("{number}a"), format!("{number}b")] {
            let timeline = store.timeline(&key(&order)).await.unwrap();
            let found = timeline.map(|timeline| (timeline.entries.len(), timeline.notifications.len()));
            assert_eq!(found, (number < next).then_some((1, 1)), "order {order} with offset {next}");
        }
    }
    let expected = usize::try_from(next).unwrap() * 2;
    let claimed = store.claim("brevo", at(60), &lease("new", 120), 100_000).await.unwrap();
    assert_eq!(claimed.len(), expected, "its leases run out");
}

#[tokio::test]
async fn a_schema_one_version_newer_is_worked_with_and_left_alone() {
    let place = TempDir::new().unwrap();
    drop(open(&place));
    let version = || -> i64 { stranger(&place).pragma_query_value(None, "user_version", |row| row.get(0)).unwrap() };
    let next = version() + 1;
    stranger(&place).pragma_update(None, "user_version", next).unwrap();
    let store = open(&place);
    super::fixture::place(&store, "A", vec![email("n1")]).await;
    store.ping().await.unwrap();
    assert_eq!(version(), next);
}

#[tokio::test]
async fn a_far_newer_schema_is_refused_and_left_alone() {
    let place = TempDir::new().unwrap();
    drop(open(&place));
    stranger(&place).pragma_update(None, "user_version", 999).unwrap();
    let refused = Sqlite::open(place.path().join("store.db"), Settings::default()).map(|_| ());
    let Err(StoreError::Corrupt(why)) = refused else { panic!("{refused:?}") };
    assert!(why.contains("version 999") && why.contains("a newer version wrote it"), "{why}");
    let version: i64 = stranger(&place).pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 999);
}

#[test]
fn a_file_of_another_program_is_refused() {
    let place = TempDir::new().unwrap();
    stranger(&place).execute_batch("CREATE TABLE notes (text TEXT)").unwrap();
    let refused = Sqlite::open(place.path().join("store.db"), Settings::default()).map(|_| ());
    assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{refused:?}");
    std::fs::write(place.path().join("text.db"), "not a database at all, ".repeat(100)).unwrap();
    let refused = Sqlite::open(place.path().join("text.db"), Settings::default()).map(|_| ());
    assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{refused:?}");
    let refused = Sqlite::open(place.path().join("nowhere/store.db"), Settings::default()).map(|_| ());
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
}

#[tokio::test]
async fn a_full_disk_refuses_and_works_again_once_there_is_room() {
    let place = TempDir::new().unwrap();
    let store = open(&place);
    store.limit_pages(1).await.unwrap();
    let mut written = 0_i64;
    let refused = loop {
        let order = written.to_string();
        let batch = Batch {
            advances: vec![advance(0, (written > 0).then_some(written), written + 1)],
            ..batch([JourneyWrite { notifications: vec![email(&order)], ..write(&order, None) }])
        };
        match store.commit(batch, &lease("me", 60), &plenty()).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 10_000, "it is never full");
    };
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
    // nothing of the refused batch is there, reading works, and so does what needs no room
    let order = written.to_string();
    assert_eq!(store.offsets().await.unwrap().get(&partition(0)).copied().unwrap_or(0), written);
    assert!(store.load(&[key(&order)]).await.unwrap()[0].is_none());
    store.limit_pages(1_000_000).await.unwrap();
    let batch = Batch {
        advances: vec![advance(0, (written > 0).then_some(written), written + 1)],
        ..batch([JourneyWrite { notifications: vec![email(&order)], ..write(&order, None) }])
    };
    let leased = store.commit(batch, &lease("me", 60), &plenty()).await.unwrap();
    assert_eq!(names(&leased), [order]);
}

#[tokio::test]
async fn a_damaged_row_is_told_without_what_it_holds() {
    let place = TempDir::new().unwrap();
    let store = open(&place);
    store.commit(batch([write("A", None), write("B", None)]), &lease("me", 60), &none()).await.unwrap();
    let stranger = stranger(&place);
    let strange = Packer::default().compress(Kind::Journey, br#"{"key":"ada@example.org"}"#).unwrap();
    stranger.execute("UPDATE journeys SET body = ?1 WHERE order_id = 'A'", [strange]).unwrap();
    for refused in [store.load(&[key("A")]).await.map(|_| ()), store.timeline(&key("A")).await.map(|_| ())] {
        let Err(StoreError::Corrupt(why) | StoreError::Unreadable { why, .. }) = refused else { panic!("{refused:?}") };
        assert!(!why.contains("ada"), "personal data in {why}");
    }
    assert!(store.load(&[key("B")]).await.unwrap()[0].is_some(), "the others are not touched");
}

#[tokio::test]
async fn a_notification_that_cannot_be_read_is_put_aside_and_the_others_go() {
    let place = TempDir::new().unwrap();
    let store = open(&place);
    place_two(&store).await;
    let stranger = stranger(&place);
    let damage = "UPDATE contents SET body = x'00' WHERE notification = (SELECT seq FROM outbox WHERE id = 'a1')";
    assert_eq!(stranger.execute(damage, []).unwrap(), 1);
    let claimed = store.claim("brevo", at(1), &lease("me", 60), 10).await.unwrap();
    assert_eq!(names(&claimed), ["b1", "a2"], "what comes behind it too");
    let backlog = store.backlog(at(1)).await.unwrap();
    assert_eq!((backlog.held, backlog.pending), (1, 3));
    assert!(store.redrive_notification(&id("a1"), at(2)).await.unwrap(), "once the row has been repaired");
}

async fn place_two(store: &Sqlite) {
    place(store, "A", vec![email("a1"), email("a2")]).await;
    place(store, "B", vec![email("b1"), email("b2")]).await;
}

#[tokio::test]
async fn groups_keep_their_own_offsets() {
    let place = TempDir::new().unwrap();
    let (one, other) = (open(&place), place.path().join("store.db"));
    let other = Sqlite::open(other, Settings { group: "trial".to_owned(), ..Settings::default() }).unwrap();
    let begin = || Batch { advances: vec![advance(0, None, 5)], ..Batch::default() };
    one.commit(begin(), &lease("me", 60), &none()).await.unwrap();
    assert!(other.offsets().await.unwrap().is_empty());
    other.commit(begin(), &lease("me", 60), &none()).await.unwrap();
}

#[tokio::test]
async fn two_processes_may_share_the_file() {
    let place = TempDir::new().unwrap();
    let (one, other) = (open(&place), open(&place));
    place_two(&one).await;
    assert_eq!(names(&one.claim("brevo", at(0), &lease("one", 60), 1).await.unwrap()), ["a1"]);
    assert_eq!(names(&other.claim("brevo", at(0), &lease("other", 60), 9).await.unwrap()), ["b1"]);
    one.commit(batch([write("A", Some(1))]), &lease("one", 60), &none()).await.unwrap();
    let late = other.commit(batch([write("A", Some(1))]), &lease("other", 60), &none()).await;
    assert!(matches!(late, Err(StoreError::Conflict)));
    let next = other.record(vec![attempt("b1", 1, Next::Accepted)], at(1), &lease("other", 60)).await.unwrap();
    assert_eq!(names(&next), ["b2"]);
    let story = one.timeline(&key("B")).await.unwrap().unwrap().notifications.remove(0);
    assert_eq!(story.state, State::Accepted);
}

#[tokio::test]
async fn one_that_writes_forever_makes_it_unavailable_not_stuck() {
    let place = TempDir::new().unwrap();
    drop(open(&place));
    for (busy_timeout_ms, deadline_ms) in [(1, 30_000), (30_000, 50)] {
        let settings = Settings { busy_timeout_ms, deadline_ms, ..Settings::default() };
        let store = Sqlite::open(place.path().join("store.db"), settings).unwrap();
        let stranger = stranger(&place);
        stranger.execute_batch("BEGIN IMMEDIATE").unwrap();
        let refused = store.ping().await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        assert!(store.timeline(&key("A")).await.is_ok(), "whoever asks is answered");
        stranger.execute_batch("ROLLBACK").unwrap();
        drop(store);
        open(&place).ping().await.unwrap();
    }
}

#[test]
fn each_connection_has_a_page_cache_of_its_own() {
    let connection = Connection::open_in_memory().unwrap();
    let mut options = connection.prepare("PRAGMA compile_options").unwrap();
    let options: Vec<String> = options.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    assert!(options.iter().any(|option| option.starts_with("THREADSAFE=")), "{options:?}");
    let shared = options.iter().any(|option| option == "ENABLE_MEMORY_MANAGEMENT");
    assert!(!shared, "SQLite was not compiled as .cargo/config.toml says");
}
