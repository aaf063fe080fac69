//! A batch made ready to be written: all the JSON and the compression happen here, before anything
//! is locked.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::columns;
use super::spending::{Pseudonyms, Row, row};
use super::vault::Keyring;
use crate::domain::confirmation::Change;
use crate::domain::decision::{NotificationId, Reason};
use crate::domain::event::EventKey;
use crate::domain::journey::Journey;
use crate::domain::notification::{Content, Notification};
use crate::packing::{Kind, Packer};
use crate::ports::{Advance, Batch, DeadRecord, JourneyWrite, Leased, Parked, Publication, Spoken, StoreError, Wake};

pub(super) struct Prepared {
    pub advances: Vec<Advance>,
    pub journeys: Vec<PreparedJourney>,
    /// With the reference as text.
    pub parked: Vec<(Parked, String)>,
    pub released: Vec<EventKey>,
    /// With the headers as text.
    pub dead: Vec<(DeadRecord, String)>,
    pub redriven: Vec<i64>,
    pub withdrawn: BTreeMap<NotificationId, Reason>,
    pub publications: Vec<Publication>,
    pub spoken: Vec<Spoken>,
    /// By row.
    pub spent: Vec<Row>,
    pub forgotten: Vec<i64>,
}

pub(super) struct PreparedJourney {
    pub journey: Arc<Journey>,
    pub expected_version: Option<u64>,
    pub body: Vec<u8>,
    /// Reference and `since`.
    pub links: Vec<(String, i64)>,
    /// The moment in milliseconds, where it is another than before; inner `None`: never.
    pub wake: Option<Option<i64>>,
    pub confirmation: Change,
    /// What its messages say must not be kept.
    pub erases: bool,
    /// The key that has sealed them is to be forgotten.
    pub forgets_key: bool,
    /// When each was, in milliseconds, and its row.
    pub entries: Vec<(i64, Vec<u8>)>,
    pub notifications: Vec<PreparedNotification>,
}

pub(super) struct PreparedNotification {
    pub notification: Notification,
    pub content: Content,
    pub subject: String,
    pub packed: Vec<u8>,
}

impl Prepared {
    /// Sealed as far as `keyring` has keys.
    pub fn new(batch: Batch, keyring: &Keyring, pseudonyms: &Pseudonyms) -> Result<Self, StoreError> {
        let mut packer = Packer::default();
        let mut spent = batch.spent.iter().map(|spent| row(spent, pseudonyms)).collect::<Result<Vec<_>, _>>()?;
        spent.sort_by_key(|row| row.id);
        Ok(Self {
            advances: batch.advances,
            journeys: batch
                .journeys
                .into_iter()
                .map(|write| journey(write, &mut packer, keyring))
                .collect::<Result<_, _>>()?,
            parked: batch
                .parked
                .into_iter()
                .map(|parked| columns::reference(&parked.reference).map(|reference| (parked, reference)))
                .collect::<Result<_, _>>()?,
            released: batch.released,
            dead: batch
                .dead
                .into_iter()
                .map(|dead| columns::headers(&dead.record.headers).map(|headers| (dead, headers)))
                .collect::<Result<_, _>>()?,
            redriven: batch.redriven,
            withdrawn: batch.withdrawn.into_iter().collect(),
            publications: batch.publications,
            spoken: batch.spoken,
            spent,
            forgotten: batch.forgotten.iter().map(|addressee| pseudonyms.row(addressee)).collect(),
        })
    }
}

fn journey(write: JourneyWrite, packer: &mut Packer, keyring: &Keyring) -> Result<PreparedJourney, StoreError> {
    let key = &write.journey.key;
    Ok(PreparedJourney {
        body: keyring.seal_journey(packer, &write.journey)?,
        erases: write.journey.erased,
        forgets_key: write.journey.erased && keyring.is_configured(),
        expected_version: write.expected_version,
        links: write
            .links
            .iter()
            .map(|link| Ok((columns::reference(&link.reference)?, link.since.millis())))
            .collect::<Result<_, StoreError>>()?,
        wake: match write.wake {
            Wake::Kept => None,
            Wake::Never => Some(None),
            Wake::At(moment) => Some(Some(columns::millis_after(moment))),
        },
        confirmation: write.confirmation,
        entries: write
            .entries
            .iter()
            .map(|entry| Ok((entry.at.millis(), packer.pack(Kind::Entry, entry)?)))
            .collect::<Result<_, StoreError>>()?,
        notifications: write
            .notifications
            .into_iter()
            .map(|(notification, content)| {
                Ok(PreparedNotification {
                    subject: columns::subject(&notification.subject)?,
                    // nothing of it is to be written, not even for the length of a transaction
                    packed: if write.journey.erased {
                        Vec::new()
                    } else {
                        keyring.seal_content(packer, key, &notification.id, &content)?
                    },
                    notification,
                    content,
                })
            })
            .collect::<Result<_, StoreError>>()?,
        journey: write.journey,
    })
}

/// What a commit leased of its own batch (a journey's index, and a notification's within it, in
/// order), complete: what was given need not be read back.
pub(super) fn pick(journeys: Vec<PreparedJourney>, leased: &[(usize, usize)]) -> Vec<Leased> {
    let mut wanted = leased.iter().peekable();
    let mut picked = Vec::with_capacity(leased.len());
    for (index, write) in journeys.into_iter().enumerate() {
        for (number, prepared) in write.notifications.into_iter().enumerate() {
            if wanted.next_if_eq(&&(index, number)).is_some() {
                picked.push(Leased {
                    notification: prepared.notification,
                    key: write.journey.key.clone(),
                    content: prepared.content,
                    attempts: 0,
                });
            }
        }
    }
    picked
}
