//! The dictionaries with which rows are compressed. `REASSURE_TRAIN=1 cargo test --test it store::dictionaries` makes
//! new ones of generated journeys and of the default messages, in `target/dictionaries`. They get the next number:
//! rows are read with those that there are.

use std::path::Path;

use reassure::domain::contact::Recipient;
use reassure::domain::decision::Entry;
use reassure::domain::journey::Journey;
use reassure::domain::order::Channel;
use reassure::message::{Letter, Templates, sample};
use reassure::packing::{Kind, Packer, Unpacker};
use reassure::simulate::Recorded;
use reassure::simulate::world::{Witness, World};
use serde::Serialize;

use crate::generated::Stream;
use crate::simulate::shops;

/// Twice as large saves next to nothing.
const DICTIONARY_BYTES: usize = 24 * 1024;
/// Of the states that journeys go through, one in so many.
const EVERY: usize = 5;
const SEED: u64 = 1;

/// Examples of the kind, as JSON. Another seed gives other orders; the messages are always the same.
fn examples(kind: Kind, seed: u64) -> Vec<Vec<u8>> {
    match kind {
        Kind::Content => contents(),
        Kind::Journey => Album::of(seed).journeys,
        Kind::Entry => Album::of(seed).entries,
    }
}

/// States of journeys, and lines of their timelines.
#[derive(Default)]
struct Album {
    seen: usize,
    journeys: Vec<Vec<u8>>,
    entries: Vec<Vec<u8>>,
}

impl Album {
    fn of(seed: u64) -> Self {
        let (shops, mut album) = (shops(None), Self::default());
        let mut world = World::new(&shops).expect("metrics");
        for generated in Stream::new(seed, 1_000, 100) {
            world.take(&Recorded { at: generated.at, event: generated.event.into() }, &mut album);
        }
        album
    }
}

impl Witness for Album {
    fn decided(&mut self, journey: &Journey, entry: Entry) {
        self.seen += 1;
        if self.seen.is_multiple_of(EVERY) {
            self.journeys.push(json(journey));
            self.entries.push(json(&entry));
        }
    }
}

/// Every message that a sample can have, on every channel and in every language.
fn contents() -> Vec<Vec<u8>> {
    let templates = Templates::load(None).unwrap_or_else(|faults| panic!("{faults:#?}"));
    let recipients = [
        (Channel::Email, Recipient::Email("camille.moreau@example.com".into())),
        (Channel::Sms, Recipient::Phone("+33612345678".into())),
        (Channel::Webhook, Recipient::Webhook),
    ];
    let mut contents = Vec::new();
    for message in templates.messages() {
        for locale in ["fr-FR", "en-GB"] {
            for mut sample in sample::all() {
                sample.journey.order.customer.locale = Some(locale.to_owned());
                for (channel, recipient) in &recipients {
                    let letter = Letter {
                        shop_id: "maison-orme",
                        shop: &sample.shop,
                        journey: &sample.journey,
                        subject: &sample.subject,
                        message,
                        channel: *channel,
                        recipient,
                        notification: &sample::notification(),
                        now: sample.now,
                    };
                    // not every message is for every journey
                    contents.extend(templates.write(&letter).ok().map(|content| json(&content)));
                }
            }
        }
    }
    contents
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain data")
}

#[test]
fn rows_take_a_fraction_of_their_json() {
    for (kind, at_least) in [(Kind::Journey, 4), (Kind::Entry, 4), (Kind::Content, 6)] {
        let (mut packer, mut unpacker) = (Packer::default(), Unpacker::default());
        let (mut plain, mut packed) = (0, 0);
        let examples = examples(kind, SEED + 1);
        for example in &examples {
            let row = packer.compress(kind, example).unwrap();
            assert!(unpacker.decompress(kind, &row).unwrap() == *example, "a {} comes back as it was", kind.as_str());
            plain += example.len();
            packed += row.len();
        }
        let count = examples.len();
        println!("{}: {} bytes of {} on average of {count}", kind.as_str(), packed / count, plain / count);
        assert!(packed * at_least < plain, "{}: new dictionaries are due, see the head of this file", kind.as_str());
    }
}

/// What a store in the field holds can be read for ever.
#[test]
fn rows_of_earlier_builds_are_read() {
    for kind in Kind::ALL {
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/store/rows");
        let row = std::fs::read(place.join(format!("{}.1", kind.as_str()))).unwrap();
        let expected = std::fs::read(place.join(format!("{}.1.json", kind.as_str()))).unwrap();
        let found = Unpacker::default().decompress(kind, &row).unwrap();
        assert!(found == expected, "the row reads {}", String::from_utf8_lossy(&found));
        if kind != Kind::Content {
            continue;
        }
        let cut = &row[..row.len() - 1];
        assert!(Unpacker::default().decompress(kind, cut).is_err(), "a damaged row is told");
    }
}

#[test]
fn dictionaries_can_be_made_anew() {
    if std::env::var_os("REASSURE_TRAIN").is_none() {
        return;
    }
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/dictionaries");
    std::fs::create_dir_all(&place).unwrap();
    for kind in Kind::ALL {
        let dictionary = zstd::dict::from_samples(&examples(kind, SEED), DICTIONARY_BYTES).unwrap();
        std::fs::write(place.join(kind.as_str()), dictionary).unwrap();
    }
}
