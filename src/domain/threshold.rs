//! How long a shop waits before it speaks: by carrier, lane, service and concern.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::journey::{Journey, Parcel};
use super::order::Concern;
use super::rule::Wait;
use super::shop::Shop;

/// The thresholds of a shop, by the names that rules give them. Of each, the first row that fits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Thresholds(BTreeMap<String, Vec<Row>>);

/// So long for what fits all that is said here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// As events name it: `colissimo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<Lane>,
    /// What the buyer chose, in the shop's words: `Express 24 h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Any of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub concerns: Vec<Concern>,
    pub after: Wait,
}

/// From the shop's country to that of the delivery, by ISO 3166-1: `FR > DE`, `FR > *`, `* > CH`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Lane {
    /// `None`: from or to anywhere.
    origin: Option<String>,
    destination: Option<String>,
}

impl TryFrom<String> for Lane {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let end = |end: &str| match end.trim() {
            "*" => Some(None),
            code if code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase()) => Some(Some(code.to_owned())),
            _ => None,
        };
        text.split_once('>')
            .and_then(|(origin, destination)| Some(Self { origin: end(origin)?, destination: end(destination)? }))
            .ok_or_else(|| format!("'{text}' is no lane; write it as \"FR > DE\" or \"FR > *\""))
    }
}

impl From<Lane> for String {
    fn from(lane: Lane) -> Self {
        let end = |end: Option<String>| end.unwrap_or_else(|| "*".to_owned());
        format!("{} > {}", end(lane.origin), end(lane.destination))
    }
}

impl Thresholds {
    /// How long to wait for this parcel, or for the order as a whole.
    pub fn wait(&self, name: &str, journey: &Journey, parcel: Option<&Parcel>, shop: &Shop) -> Option<&Wait> {
        self.0.get(name)?.iter().find(|row| row.fits(journey, parcel, shop)).map(|row| &row.after)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The first threshold of which the rows leave somebody without an answer, or one of which is
    /// never reached, and what would be right.
    pub fn fault(&self) -> Option<(&str, &'static str)> {
        self.0.iter().find_map(|(name, rows)| {
            let what = match rows.iter().position(Row::fits_all) {
                _ if rows.iter().any(|row| row.after.is_of_place()) => {
                    "open days and hours lead to the end of a hold; count working days, carrier days or hours"
                }
                None => "nothing fits the rest; end with a row that says 'after' alone",
                Some(at) if at + 1 < rows.len() => "a row that says 'after' alone fits all; put it last",
                Some(_) => return None,
            };
            Some((name.as_str(), what))
        })
    }
}

impl Row {
    fn fits_all(&self) -> bool {
        self.carrier.is_none() && self.lane.is_none() && self.service.is_none() && self.concerns.is_empty()
    }

    fn fits(&self, journey: &Journey, parcel: Option<&Parcel>, shop: &Shop) -> bool {
        let order = &journey.order;
        let carried_by = |carrier: &str| match parcel {
            Some(parcel) => parcel.key.waybill.carrier == carrier,
            None => journey.outbound().any(|parcel| parcel.key.waybill.carrier == carrier),
        };
        self.carrier.as_deref().is_none_or(carried_by)
            && self.lane.as_ref().is_none_or(|lane| {
                let destination = order.delivery.destination().map(|address| &*address.country);
                lane.origin.as_ref().is_none_or(|origin| origin.eq_ignore_ascii_case(&shop.country))
                    && lane.destination.as_ref().is_none_or(|wanted| {
                        destination.is_some_and(|destination| wanted.eq_ignore_ascii_case(destination))
                    })
            })
            && self.service.as_ref().is_none_or(|service| {
                order.delivery.service.as_ref().is_some_and(|chosen| chosen.trim().eq_ignore_ascii_case(service.trim()))
            })
            && (self.concerns.is_empty() || journey.concerns.iter().any(|one| self.concerns.contains(one)))
    }
}
