//! What is said of the order and of the customer.

use std::collections::BTreeSet;

use super::super::event::{HoldNotice, OrderUpdated, Waybill};
use super::super::journey::person::{take_addressee, take_recipient};
use super::super::journey::{Hold, HoldKind, Journey, Promised};
use super::super::order::Customer;
use super::super::time::Timestamp;
use super::parcel::{facts_of, settle};
use super::{MOST_PROMISES, News, is_newest};

/// Puts `given` in the place of `known`, if `at` is the newest word on it.
macro_rules! replace_fact {
    ($journey:ident, $news:ident, $fact:expr, $given:expr, $at:ident => $($known:tt)+) => {
        if let Some(given) = $given {
            if $at < $journey.placed_at || !is_newest($journey, $fact, $at) {
                $news = if $news == News::Known { News::Old } else { $news };
            } else if $journey.$($known)+ != *given {
                $journey.$($known)+ = given.clone();
                $news = News::Fresh;
            }
        }
    };
}

pub(super) fn update_order(journey: &mut Journey, data: &OrderUpdated, at: Timestamp) -> News {
    let expected = |journey: &Journey| (journey.hold_kind(), journey.first_promise());
    let before = expected(journey);
    let mut news = News::Known;
    let (mut delivery, mut gift, mut order_url) =
        (data.delivery.clone(), data.gift.clone(), data.order_url.clone().map(Some));
    if journey.erased {
        order_url = order_url.map(|_| None);
        delivery.as_mut().and_then(|delivery| delivery.address.as_mut()).map(take_addressee);
        gift.as_mut().map(take_recipient);
    }
    replace_fact!(journey, news, "items", &data.items, at => order.items);
    replace_fact!(journey, news, "delivery", &delivery, at => order.delivery);
    replace_fact!(journey, news, "order_url", &order_url, at => order.order_url);
    replace_fact!(journey, news, "gift", &gift.map(Some), at => order.gift);
    if let Some(window) = data.promise {
        let promised = Promised { window, at };
        let latest = journey.promises.last().is_none_or(|last| last.at <= at);
        if at >= journey.placed_at && !journey.promises.contains(&promised) {
            let position = journey.promises.partition_point(|known| known.at <= at);
            journey.promises.insert(position, promised);
            if journey.promises.len() > MOST_PROMISES {
                journey.promises.remove(MOST_PROMISES / 2);
            }
            journey.order.promise = journey.promises.last().map(|promised| promised.window);
            news = if latest { News::Fresh } else { news };
        }
        news = if news == News::Known && !latest { News::Old } else { news };
    }
    if expected(journey) != before {
        // whether a hold was chosen and whether it comes later than expected follow from the order
        let waybills: BTreeSet<Waybill> = journey.parcels.iter().map(|parcel| parcel.key.waybill.clone()).collect();
        for waybill in &waybills {
            let facts = facts_of(journey, waybill);
            settle(journey, waybill, facts);
        }
    }
    news
}

pub(super) fn update_customer(journey: &mut Journey, given: &Customer, at: Timestamp) -> News {
    if journey.erased {
        return News::Known;
    }
    let mut given = given.clone();
    drop_blanks(&mut given);
    let mut news = News::Known;
    replace_fact!(journey, news, "customer.name", &given.name.map(Some), at => order.customer.name);
    replace_fact!(journey, news, "customer.email", &given.email.map(Some), at => order.customer.email);
    replace_fact!(journey, news, "customer.phone", &given.phone.map(Some), at => order.customer.phone);
    replace_fact!(journey, news, "customer.locale", &given.locale.map(Some), at => order.customer.locale);
    replace_fact!(journey, news, "customer.time_zone", &given.time_zone.map(Some), at => order.customer.time_zone);
    replace_fact!(journey, news, "customer.channels", &given.channels.map(Some), at => order.customer.channels);
    replace_fact!(journey, news, "customer.marketing", &given.marketing.map(Some), at => order.customer.marketing);
    news
}

/// It waits in the store, unless it has been collected.
pub(super) fn hold_in_store(journey: &mut Journey, notice: &HoldNotice, at: Timestamp) -> News {
    let newest = is_newest(journey, "store_hold", at);
    if journey.steps.collected.is_some() {
        return News::Old;
    }
    match &mut journey.store_hold {
        Some(hold) => {
            hold.since = hold.since.min(at);
            if !newest {
                return News::Old;
            }
            if hold.notice == *notice {
                return News::Known;
            }
            hold.notice = notice.clone();
        }
        None => journey.store_hold = Some(Hold { kind: HoldKind::Chosen, since: at, notice: notice.clone() }),
    }
    News::Fresh
}

/// An address of white space is none.
pub(super) fn drop_blanks(customer: &mut Customer) {
    for text in [&mut customer.name, &mut customer.email, &mut customer.phone] {
        if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
            *text = None;
        }
    }
}

/// Forgets who the customer is; what was bought and when stays.
pub(super) fn forget(journey: &mut Journey) {
    drop(journey.take_person());
    journey.as_of.retain(|fact, _| !fact.starts_with("customer."));
}
