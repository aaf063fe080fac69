//! From one version of the schema to the next, and back: replicas of both side by side on one store.
//! The previous version is no likeness of it: it is built from git (`tests/stack/previous`).

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use super::fleet::{self, Fleet};
use super::load::Load;
use super::{REPLICAS, balanced, ground};
use crate::service::events::{placed, scan, shipped};
use crate::service::harness::{LONG, Service, World, eventually, text};
use crate::stack;

/// So many more messages are received before the next step: both versions have work to do.
const BETWEEN: u64 = 30;

async fn more(world: &World, received: &mut u64) {
    *received += BETWEEN;
    eventually("they work", async || world.sandbox.count() >= *received).await;
    *received = world.sandbox.count();
}

/// Promises 1, 2, 8, 9, 11 and 13 over an upgrade and the way back: nobody is killed, so nothing at all
/// may be sent twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_is_upgraded_and_rolled_back_under_load_and_nothing_is_lost_or_doubled() {
    let (Some((old, _)), Some(world)) = (stack::previous(), ground::shared().await) else { return };
    let new = fleet::binary();
    let version = format!("SELECT version FROM {}.schema_version", world.ground.schema());
    let database = ground::database().await;
    let version = async || -> i32 { database.query_one(&version, &[]).await.unwrap().get(0) };
    let mut fleet = Fleet::new(&world);
    let load = Load::new(&world);
    let calm = AtomicBool::new(false);
    let steps = async {
        let mut received = 0;
        for _ in 0..REPLICAS {
            fleet.start_of(&old);
        }
        fleet.ready().await;
        more(&world, &mut received).await;
        let before = version().await;
        let migrated = world.command(&["migrate"]);
        assert!(migrated.status.success(), "{}", text(&migrated.stderr));
        assert_eq!(version().await, before + 1, "the migration of this version");
        more(&world, &mut received).await;
        for binary in [&new, &old, &new] {
            for _ in 0..REPLICAS {
                fleet.replace_one_by(binary).await;
                more(&world, &mut received).await;
            }
        }
        calm.store(true, Ordering::Relaxed);
    };
    tokio::join!(steps, load.run(&calm));
    eprintln!("{}", balanced(&world, fleet, load).await);
}

/// A file serves one process at a time; so the versions take turns.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_taken_over_by_the_next_version_and_given_back() {
    let Some((old, _)) = stack::previous() else { return };
    let new = fleet::binary();
    let world = World::new().await;
    let (mut versions, mut told) = (Vec::new(), 0);
    for (turn, binary) in [&old, &new, &old, &new].into_iter().enumerate() {
        let mut service = Service::start(Command::new(binary), &world.config());
        service.address().await;
        // each goes on with what the other has begun
        let mut events = vec![placed(&format!("Z{turn}"))];
        events.extend(turn.checked_sub(1).map(|before| shipped(&format!("Z{before}"))));
        events.extend(turn.checked_sub(2).map(|before| scan(&format!("Z{before}"), "delivered", 1)));
        told += 2 * events.len();
        world.publish(&events).await;
        world.messages_until("all are told", |all| all.len() >= told).await;
        let pending = "SELECT count(*) FROM outbox WHERE state = 'pending'";
        eventually("nothing is pending", async || world.count(pending) == 0).await;
        service.signal("TERM");
        assert_eq!(service.ended_within(LONG).await.code(), Some(0), "{}", service.log());
        versions.push(world.count("SELECT user_version FROM pragma_user_version"));
        assert_eq!(world.messages().len(), told, "each once");
    }
    let before = versions[0];
    assert_eq!(versions, [before, before + 1, before + 1, before + 1]);
}

/// What a store in the field has run is never edited.
#[test]
fn the_migrations_of_the_previous_version_are_as_they_were() {
    let Some((_, source)) = stack::previous() else { return };
    for store in ["sqlite", "postgres"] {
        let folder = Path::new("src/store/migrations").join(store);
        for migration in fs::read_dir(source.join(&folder)).unwrap() {
            let name = migration.unwrap().file_name();
            let read = |root: &Path| fs::read_to_string(root.join(&folder).join(&name)).unwrap_or_default();
            let (then, now) = (read(&source), read(Path::new(env!("CARGO_MANIFEST_DIR"))));
            assert!(then == now, "{} was edited: write the next migration instead", folder.join(&name).display());
        }
    }
}
