//! What dispatch has found of a notification, for its journey to know.

use crate::domain::decision::{NotificationId, Reason};
use crate::domain::journey::JourneyKey;
use crate::domain::receipt::Received;

/// What has become of a notification, and what follows for its journey.
#[derive(Clone, Debug)]
pub struct Sequel {
    pub key: JourneyKey,
    pub notification: NotificationId,
    pub fate: Fate,
    /// The trace that what follows from it belongs to.
    pub traceparent: Option<String>,
}

/// What becomes of a notification.
#[derive(Clone, Debug)]
pub enum Fate {
    /// It must not leave.
    Withdrawn(Reason),
    /// Its attempt is over.
    Received(Received),
}

impl Sequel {
    pub fn new(key: JourneyKey, notification: NotificationId, fate: Fate, traceparent: Option<String>) -> Self {
        Self { key, notification, fate, traceparent }
    }
}
