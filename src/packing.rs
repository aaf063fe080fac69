//! JSON as the stores keep it: compressed, with a dictionary of what its kind repeats in every row.
//!
//! A journey, the lines of its timeline and its messages are a few KiB of the same names and the same
//! words. Without the dictionary they would be half their size, with it a fraction: more of a large
//! store then lies in memory, and less is written for each event.

use std::sync::LazyLock;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

use crate::ports::StoreError;

/// Level 1 halves the time of the default and stores a tenth more.
const LEVEL: i32 = 1;

/// Nothing is larger; a length beyond it is a damaged row, not a reason to allocate.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// What is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Journey,
    /// A line of the timeline.
    Entry,
    /// What a message says.
    Content,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Journey, Self::Entry, Self::Content];

    /// As errors and files name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Journey => "journey",
            Self::Entry => "entry",
            Self::Content => "content",
        }
    }

    /// Rows in the field are read with it: it never changes. Another one would stand beside it; a
    /// row names the one that it was packed with.
    pub fn dictionary(self) -> &'static [u8] {
        match self {
            Self::Journey => include_bytes!("packing/journey.1"),
            Self::Entry => include_bytes!("packing/entry.1"),
            Self::Content => include_bytes!("packing/content.1"),
        }
    }

    fn damaged(self) -> StoreError {
        StoreError::Corrupt(format!("a row ({}): damaged", self.as_str()))
    }
}

/// Of each kind, in the order of [`Kind::ALL`].
static ENCODERS: LazyLock<[EncoderDictionary<'static>; 3]> =
    LazyLock::new(|| Kind::ALL.map(|kind| EncoderDictionary::copy(kind.dictionary(), LEVEL)));
static DECODERS: LazyLock<[DecoderDictionary<'static>; 3]> =
    LazyLock::new(|| Kind::ALL.map(|kind| DecoderDictionary::copy(kind.dictionary())));

/// Packs one value after the other; a compressor is costly to set up.
#[derive(Default)]
pub struct Packer {
    compressors: [Option<Compressor<'static>>; 3],
    plain: Vec<u8>,
}

impl Packer {
    /// # Errors
    /// [`StoreError::Corrupt`] if the value is none that JSON can hold; [`StoreError::Unavailable`]
    /// without memory.
    pub fn pack<T: Serialize>(&mut self, kind: Kind, value: &T) -> Result<Vec<u8>, StoreError> {
        let mut plain = std::mem::take(&mut self.plain);
        plain.clear();
        serde_json::to_writer(&mut plain, value).map_err(|error| unreadable(kind.as_str(), &error))?;
        let packed = self.compress(kind, &plain);
        self.plain = plain;
        packed
    }

    /// Packs what is JSON already.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without memory.
    pub fn compress(&mut self, kind: Kind, json: &[u8]) -> Result<Vec<u8>, StoreError> {
        let unavailable = |error: std::io::Error| StoreError::Unavailable(error.to_string());
        let compressor = match &mut self.compressors[kind as usize] {
            Some(compressor) => compressor,
            none => none.insert(Compressor::with_prepared_dictionary(&ENCODERS[kind as usize]).map_err(unavailable)?),
        };
        let mut packed = compressor.compress(json).map_err(unavailable)?;
        packed.shrink_to_fit();
        Ok(packed)
    }
}

/// Unpacks one row after the other.
#[derive(Default)]
pub struct Unpacker([Option<Decompressor<'static>>; 3]);

impl Unpacker {
    /// # Errors
    /// [`StoreError::Corrupt`], without quoting the row (I9).
    pub fn unpack<T: DeserializeOwned>(&mut self, kind: Kind, packed: &[u8]) -> Result<T, StoreError> {
        let plain = self.decompress(kind, packed)?;
        serde_json::from_slice(&plain).map_err(|error| unreadable(kind.as_str(), &error))
    }

    /// The JSON itself.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the row is damaged.
    pub fn decompress(&mut self, kind: Kind, packed: &[u8]) -> Result<Vec<u8>, StoreError> {
        let size = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten();
        let size = size.filter(|size| *size <= MAX_BYTES).ok_or_else(|| kind.damaged())?;
        let decompressor = match &mut self.0[kind as usize] {
            Some(decompressor) => decompressor,
            none => none.insert(
                Decompressor::with_prepared_dictionary(&DECODERS[kind as usize])
                    .map_err(|error| StoreError::Unavailable(error.to_string()))?,
            ),
        };
        let size = usize::try_from(size).map_err(|_| kind.damaged())?;
        decompressor.decompress(packed, size).map_err(|_| kind.damaged())
    }
}

/// `what` holds JSON that cannot be read. The decoder's own text may quote values, which may be
/// personal data (I9): only the place and the kind are told.
pub(crate) fn unreadable(what: &str, error: &serde_json::Error) -> StoreError {
    let kind = match error.classify() {
        serde_json::error::Category::Data => "not of the expected form",
        _ => "not JSON",
    };
    StoreError::Corrupt(format!("{what}: {kind} at line {} column {}", error.line(), error.column()))
}
