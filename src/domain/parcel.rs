//! The lives of a waybill, computed from everything that was ever said of it.
//!
//! A carrier reuses numbers and a return reuses the waybill, so one number can have several
//! lives. They follow from the links and the scans in the order in which these *happened*; the
//! order in which they arrived does not matter.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::event::{HoldNotice, ParcelStatus, Waybill};
use super::journey::{Announced, Eta, Hold, HoldKind, Parcel, ParcelKey, Scan};
use super::time::{Timestamp, Window};

/// The shop gave the buyer this number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Given {
    pub at: Timestamp,
    pub shipment_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_url: Option<String>,
}

/// Everything that was ever said of one waybill, unordered.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub given: Vec<Given>,
    pub scans: Vec<Scan>,
    pub etas: Vec<Announced>,
    pub replaced_by: Option<Waybill>,
}

impl Facts {
    /// Takes the facts back out of the lives they made up.
    pub fn gather<'a>(lives: impl Iterator<Item = &'a Parcel>) -> Self {
        let mut facts = Self::default();
        for life in lives {
            facts.given.extend(life.given_before.iter().cloned());
            if let Some(shipment_id) = life.shipment_id.clone() {
                facts.given.push(Given { at: life.linked_at, shipment_id, tracking_url: life.tracking_url.clone() });
            }
            facts.scans.extend(life.scans.iter().cloned());
            facts.etas.extend(life.etas.iter().cloned());
            facts.replaced_by = facts.replaced_by.or_else(|| life.replaced_by.clone());
        }
        facts
    }

    /// The scans and when numbers were given, in the order in which they happened. Scans of one
    /// moment stand in the order of the parcel's way, so that the result depends on nothing else.
    fn sort(&mut self) {
        self.given.sort_by(|a, b| (a.at, &a.shipment_id).cmp(&(b.at, &b.shipment_id)));
        let mut known = BTreeSet::new();
        self.given.retain(|given| known.insert(given.shipment_id.clone()));
        self.scans.sort_by(|a, b| rank(a).cmp(&rank(b)));
        self.etas.sort_by(|a, b| rank_of_eta(a).cmp(&rank_of_eta(b)));
        self.etas.dedup();
    }

    /// The lives of the waybill. `promise` is what was expected before any carrier spoke;
    /// `hold_kind` tells whether collecting was the buyer's wish.
    pub fn lives(mut self, waybill: &Waybill, hold_kind: HoldKind, promise: Option<Window>) -> Vec<Parcel> {
        self.sort();
        let mut lives: Vec<Parcel> = Vec::new();
        let mut given = std::mem::take(&mut self.given).into_iter().peekable();
        // a link to the number is good for all its lives
        let mut tracking_url = None;
        let begin = |lives: &mut Vec<Parcel>, at: Timestamp, is_return: bool| {
            let epoch = u32::try_from(lives.len()).unwrap_or(u32::MAX);
            lives.push(Parcel {
                key: ParcelKey { waybill: waybill.clone(), epoch },
                shipment_id: None,
                tracking_url: None,
                scans: Vec::new(),
                etas: Vec::new(),
                eta: None,
                hold: None,
                delivered_to: None,
                linked_at: at,
                given_before: Vec::new(),
                replaced_by: None,
                is_return,
            });
        };
        let mut give = |lives: &mut Vec<Parcel>, next: Given| {
            let lived = |life: &Parcel| life.is_return || (life.shipment_id.is_some() && life.status().is_terminal());
            if lives.last().is_none_or(lived) {
                begin(lives, next.at, false);
            }
            if let Some(life) = lives.last_mut() {
                if let Some(shipment_id) = life.shipment_id.replace(next.shipment_id) {
                    let tracking_url = life.tracking_url.take();
                    life.given_before.push(Given { at: life.linked_at, shipment_id, tracking_url });
                }
                tracking_url = next.tracking_url.or(tracking_url.take());
                life.linked_at = next.at;
                life.tracking_url.clone_from(&tracking_url);
            }
        };
        for scan in self.scans {
            while let Some(next) = given.next_if(|given| given.at <= scan.at) {
                give(&mut lives, next);
            }
            match lives.last() {
                None => begin(&mut lives, scan.at, false),
                Some(life) if goes_back(life, &scan) => begin(&mut lives, scan.at, true),
                Some(_) => {}
            }
            if let Some(life) = lives.last_mut() {
                life.scans.push(scan);
            }
        }
        for next in given {
            give(&mut lives, next);
        }
        if lives.is_empty() {
            // all that is known is an arrival, or that another number took its place
            begin(&mut lives, self.etas.first().map_or(Timestamp::from_millis(0), |eta| eta.at), false);
        }
        for life in &mut lives {
            life.hold = hold(life, hold_kind);
            life.delivered_to = life.scans.iter().rev().find_map(|scan| scan.delivered_to.clone());
            life.replaced_by.clone_from(&self.replaced_by);
        }
        announce(&mut lives, self.etas, promise);
        lives
    }
}

/// What sets the scans of one waybill in order. At one moment the step further along the way
/// counts as the later one: carriers that know days only say everything of a day at midnight.
pub(super) fn rank(scan: &Scan) -> (Timestamp, u8, ParcelStatus, Option<&str>) {
    let step = match scan.status {
        ParcelStatus::Announced => 0,
        ParcelStatus::PickedUp => 1,
        ParcelStatus::InTransit | ParcelStatus::InCustoms => 2,
        ParcelStatus::Delayed | ParcelStatus::Exception | ParcelStatus::Damaged => 3,
        ParcelStatus::OutForDelivery => 4,
        ParcelStatus::AttemptFailed => 5,
        ParcelStatus::HeldAtPickup => 6,
        ParcelStatus::Refused | ParcelStatus::Returning => 7,
        ParcelStatus::Lost => 8,
        ParcelStatus::Delivered | ParcelStatus::Collected => 9,
        ParcelStatus::Returned => 10,
        ParcelStatus::Unknown => 11,
    };
    (scan.at, step, scan.status, scan.code.as_deref())
}

/// What sets announced arrivals in order.
pub(super) fn rank_of_eta(eta: &Announced) -> (Timestamp, Timestamp, Timestamp, Option<&str>) {
    (eta.at, eta.window.latest, eta.window.earliest, eta.reason.as_deref())
}

/// The parcel had come to its end and this scan sets it in motion again: a return on the same
/// waybill. A hold or a failed attempt after `delivered` is the carrier's correction instead.
fn goes_back(life: &Parcel, scan: &Scan) -> bool {
    let ended = matches!(life.status(), ParcelStatus::Delivered | ParcelStatus::Collected | ParcelStatus::Returned);
    let moves = scan.status.is_moving() || scan.status.is_return() || scan.status == ParcelStatus::Announced;
    ended && moves && scan.status != life.status()
}

/// The hold, if the parcel waits now: since the first scan of the unbroken run that says so,
/// with the newest of each fact.
fn hold(life: &Parcel, kind: HoldKind) -> Option<Hold> {
    let mut run = life
        .scans
        .iter()
        .rev()
        .filter(|scan| scan.status != ParcelStatus::Unknown)
        .take_while(|scan| scan.status == ParcelStatus::HeldAtPickup)
        .peekable();
    run.peek()?;
    let mut notice = HoldNotice::default();
    let mut since = None;
    for scan in run {
        since = Some(scan.at);
        if let Some(told) = &scan.hold {
            notice.point = notice.point.or_else(|| told.point.clone());
            notice.until = notice.until.or(told.until);
            notice.code = notice.code.or_else(|| told.code.clone());
            notice.id_required = notice.id_required.or(told.id_required);
        }
    }
    Some(Hold { kind, since: since?, notice })
}

/// Gives each life the arrivals that were announced during it, and tells the last from the one
/// before.
fn announce(lives: &mut [Parcel], etas: Vec<Announced>, promise: Option<Window>) {
    for eta in etas {
        let begun = |life: &Parcel| life.given_before.first().map_or(life.linked_at, |given| given.at);
        let at = lives.iter().rposition(|life| begun(life) <= eta.at).unwrap_or(0);
        if let Some(life) = lives.get_mut(at) {
            life.etas.push(eta);
        }
    }
    for life in lives {
        life.eta = life.etas.last().map(|last| Eta {
            window: last.window,
            at: last.at,
            before: life
                .etas
                .iter()
                .rev()
                .map(|eta| eta.window)
                .find(|window| *window != last.window)
                .or(promise.filter(|promise| *promise != last.window)),
            reason: last.reason.clone(),
        });
    }
}
