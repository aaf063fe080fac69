//! A recording: CloudEvents, one JSON object a line, played in the order in which they were
//! recorded: each at its `recordedtime` (the CloudEvents extension of that name), else at its
//! `time`. A file that is not in that order is read twice, and only the places are sorted.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::Scope;

use bytes::Bytes;
use serde::Deserialize;

use super::Recorded;
use crate::domain::time::Timestamp;
use crate::envelope::{self, Format, Limits, Reading};
use crate::ports::{Partition, Record};
use crate::shops::Shops;

/// Events handed over together.
const AT_ONCE: usize = 2_000;
/// Batches read ahead.
const AHEAD: usize = 4;

/// When a line is to be played, and where it stands.
#[derive(Clone, Copy)]
struct Place {
    at: i64,
    offset: u64,
    length: u32,
}

/// As much of a line as it takes to put it in its order.
#[derive(Deserialize)]
struct Peek<'a> {
    #[serde(borrow, default)]
    time: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow, default)]
    recordedtime: Option<std::borrow::Cow<'a, str>>,
}

/// A file of events, and the order in which they are played.
pub struct Recording {
    file: File,
    places: Vec<Place>,
    refused: BTreeMap<String, u64>,
}

/// Some events, or how many lines before them were refused and why.
pub struct Batch {
    pub events: Vec<Recorded>,
    pub lines: usize,
    pub refused: BTreeMap<String, u64>,
}

impl Recording {
    /// Looks through a file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        Self::of(File::open(path)?)
    }

    /// Keeps what `write` writes in a file that is gone with the recording.
    ///
    /// # Errors
    /// Those of `write`, and of the folder for temporary files.
    pub fn spool(write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> std::io::Result<Self> {
        let name = format!("reassure-{}-{:016x}.ndjson", std::process::id(), rand::random::<u64>());
        let path = std::env::temp_dir().join(name);
        let file = File::options().read(true).write(true).create_new(true).open(&path)?;
        // it lives as long as it is open
        std::fs::remove_file(&path)?;
        let mut out = std::io::BufWriter::new(&file);
        write(&mut out)?;
        out.flush()?;
        drop(out);
        Self::of(file)
    }

    fn of(file: File) -> std::io::Result<Self> {
        use std::io::{Seek, SeekFrom};
        (&file).seek(SeekFrom::Start(0))?;
        let mut reader = BufReader::with_capacity(1 << 20, &file);
        let (mut line, mut offset) = (Vec::new(), 0);
        let (mut places, mut refused) = (Vec::new(), BTreeMap::new());
        loop {
            line.clear();
            let length = reader.read_until(b'\n', &mut line)?;
            if length == 0 {
                break;
            }
            if !line.trim_ascii().is_empty() {
                match time_of(&line).and_then(|at| Ok((at, u32::try_from(length).map_err(|_| "too_large")?))) {
                    Ok((at, length)) => places.push(Place { at: at.millis(), offset, length }),
                    Err(cause) => *refused.entry(cause.to_owned()).or_default() += 1,
                }
            }
            offset += length as u64;
        }
        drop(reader);
        // lines of one moment stay in their order
        if !places.is_sorted_by_key(|place: &Place| place.at) {
            places.sort_by_key(|place| place.at);
        }
        Ok(Self { file, places, refused })
    }

    /// Leaves out what was recorded before `from`, or at `to` and later.
    pub fn cut(&mut self, from: Option<Timestamp>, to: Option<Timestamp>) {
        let (from, to) = (from.map_or(i64::MIN, Timestamp::millis), to.map_or(i64::MAX, Timestamp::millis));
        self.places.retain(|place| (from..to).contains(&place.at));
    }

    /// How many events there are to play.
    pub fn count(&self) -> usize {
        self.places.len()
    }

    /// Reads the events on a thread of its own, some batches ahead. A time without a zone is read in
    /// the zone of its shop.
    ///
    /// The last batch tells an error, if reading failed.
    pub fn batches<'scope>(
        self,
        scope: &'scope Scope<'scope, '_>,
        shops: &'scope Shops,
        limits: Limits,
    ) -> Receiver<std::io::Result<Batch>> {
        let (sender, receiver) = sync_channel(AHEAD);
        scope.spawn(move || {
            let mut refused = self.refused;
            for places in self.places.chunks(AT_ONCE) {
                let batch = read(&self.file, places, shops, &limits, std::mem::take(&mut refused));
                let failed = batch.is_err();
                if sender.send(batch).is_err() || failed {
                    return;
                }
            }
            if !refused.is_empty() {
                // nobody may be left to hear it
                let _ = sender.send(Ok(Batch { events: Vec::new(), lines: 0, refused }));
            }
        });
        receiver
    }
}

fn read(
    file: &File,
    places: &[Place],
    shops: &Shops,
    limits: &Limits,
    mut refused: BTreeMap<String, u64>,
) -> std::io::Result<Batch> {
    let partition = Partition { topic: Arc::from("recording"), number: 0 };
    let mut events = Vec::with_capacity(places.len());
    for place in places {
        let mut line = vec![0; place.length as usize];
        file.read_exact_at(&mut line, place.offset)?;
        let at = Timestamp::from_millis(place.at);
        let record = Record {
            partition: partition.clone(),
            offset: 0,
            key: None,
            value: Some(Bytes::from(line)),
            headers: Vec::new(),
            timestamp: Some(place.at),
        };
        let zone_of = |shop: &str| shops.zone(shop);
        let reading = Reading { format: &Format::CloudEvents, schema: None, zone_of: &zone_of, limits, now: at };
        match envelope::decode(&record, &reading) {
            Ok(decoded) => {
                events.extend(decoded.into_iter().map(|decoded| Recorded { at, event: Arc::new(decoded.event) }));
            }
            Err(refusal) => *refused.entry(refusal.cause.to_owned()).or_default() += 1,
        }
    }
    Ok(Batch { events, lines: places.len(), refused })
}

/// When the event of a line is to be played, or why it cannot be.
fn time_of(line: &[u8]) -> Result<Timestamp, &'static str> {
    let peek: Peek<'_> = serde_json::from_slice(line).map_err(|_| "malformed_json")?;
    let text = peek.recordedtime.as_deref().or(peek.time.as_deref()).ok_or("no_time")?;
    Timestamp::parse(text).map_err(|_| "no_time")
}

/// An event as a line of a recording.
pub fn line(recorded: &Recorded) -> Vec<u8> {
    let mut text = envelope::encode(&recorded.event);
    if text.pop() == Some(b'}') {
        text.extend_from_slice(format!(",\"recordedtime\":\"{}\"}}\n", recorded.at).as_bytes());
    }
    text
}
