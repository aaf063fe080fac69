//! A journey while a batch changes it.

use std::sync::Arc;

use crate::domain::confirmation;
use crate::domain::decision::{Entry, NotificationId, Reason};
use crate::domain::event::Event;
use crate::domain::journey::{Journey, Link};
use crate::domain::notification::{Content, Notification};
use crate::domain::party::Party;
use crate::domain::receipt::Received;
use crate::domain::spending::{Addressee, Elsewhere};
use crate::domain::time::Timestamp;
use crate::ports::{JourneyWrite, Publication, Wake};
use crate::shops::Shops;

/// What a journey is put through, with the trace that it belongs to; an event has its own.
pub(super) enum Taken {
    /// With the moment at which it came.
    Event(Arc<Event>, Timestamp),
    /// All deadlines that are due.
    Due(Option<String>),
    Withdrawn(NotificationId, Reason, Option<String>),
    Receipt(Received, Option<String>),
}

impl Taken {
    pub fn trace(&self) -> Option<&str> {
        match self {
            Self::Event(event, _) => event.traceparent.as_deref(),
            Self::Due(trace) | Self::Withdrawn(.., trace) | Self::Receipt(_, trace) => trace.as_deref(),
        }
    }
}

pub(super) struct Sheet {
    pub journey: Arc<Journey>,
    expected_version: Option<u64>,
    /// As it was when the batch came to it.
    pub began: Arc<Journey>,
    /// When it was first heard of, if that is now.
    heard_at: Timestamp,
    /// When the store wakes it; unknown if its word is not to be relied on.
    pub wakes_before: Option<Wake>,
    pub links: Vec<Link>,
    pub entries: Vec<Entry>,
    pub publications: Vec<Publication>,
    pub notifications: Vec<(Notification, Content)>,
    /// Only then is it written.
    pub is_changed: bool,
    /// All that it was put through, in case it has to be once more.
    pub taken: Vec<Taken>,
    /// Something is said, or taken back.
    pub speaks: bool,
    /// What it comes to hangs on what other orders have told the customer, and that is not known.
    pub asks_elsewhere: bool,
    /// That, once it is.
    pub elsewhere: Option<Elsewhere>,
}

impl Sheet {
    pub fn new(journey: Arc<Journey>, expected_version: Option<u64>, heard_at: Timestamp) -> Self {
        let wakes_before = expected_version.map_or(Wake::Never, |_| journey.wakes_at().into());
        Self {
            began: Arc::clone(&journey),
            heard_at,
            journey,
            expected_version,
            wakes_before: Some(wakes_before),
            links: Vec::new(),
            entries: Vec::new(),
            publications: Vec::new(),
            notifications: Vec::new(),
            is_changed: expected_version.is_none(),
            taken: Vec::new(),
            speaks: false,
            asks_elsewhere: false,
            elsewhere: None,
        }
    }

    /// As it began, now that it is known what other orders have told the customer; returns what it is to
    /// be put through once more.
    pub fn begin_anew(&mut self, elsewhere: Elsewhere) -> Vec<Taken> {
        self.journey = Arc::clone(&self.began);
        self.entries.clear();
        self.publications.clear();
        self.notifications.clear();
        self.asks_elsewhere = false;
        self.elsewhere = Some(elsewhere);
        std::mem::take(&mut self.taken)
    }

    /// Who is to be forgotten from now on.
    pub fn forgotten(&self, shops: &Shops) -> Vec<Addressee> {
        let rules = shops.rules(&self.journey.key.shop).filter(|_| self.journey.erased && !self.began.erased);
        let Some(rules) = rules else { return Vec::new() };
        Party::ALL.into_iter().filter_map(|to| Addressee::of(&self.began, to, &rules.shop)).collect()
    }

    pub fn write(self, shops: &Shops, now: Timestamp) -> JourneyWrite {
        let wakes_after = Wake::from(self.journey.wakes_at());
        let rules = shops.rules(&self.journey.key.shop);
        // `None` if the order was not known
        let before = self.expected_version.map(|_| &*self.began);
        let confirmation =
            rules.map(|rules| confirmation::change(before, &self.journey, &rules.shop, self.heard_at, now));
        JourneyWrite {
            confirmation: confirmation.unwrap_or_default(),
            wake: if self.wakes_before == Some(wakes_after) { Wake::Kept } else { wakes_after },
            journey: self.journey,
            expected_version: self.expected_version,
            links: self.links,
            entries: self.entries,
            notifications: self.notifications,
        }
    }
}
