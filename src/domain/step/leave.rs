//! Whether a rule may use a channel at all, whatever it has to say.

use super::super::contact::{Recipient, is_same_address, reach_party};
use super::super::decision::Reason;
use super::super::journey::Journey;
use super::super::order::Channel;
use super::super::party::Party;
use super::super::rule::{Purpose, Rule, RuleSet};
use super::super::shop::Shop;
use super::super::time::Timestamp;

/// Where the rule reaches whom it is for on `channel`, or why it must not.
pub(super) fn leave(
    journey: &Journey,
    rules: &RuleSet,
    rule: &Rule,
    channel: Channel,
    now: Timestamp,
) -> Result<Recipient, Reason> {
    let restraints = rules.restraints();
    let recipient = reach_party(rule.to, &journey.order, &rules.shop, channel)?;
    if restraints.is_off_on(journey, &rule.name, channel, now) {
        return Err(Reason::SwitchedOff);
    }
    let marketing = || rule.to.person(&journey.order)?.marketing.as_ref();
    let agreed = || marketing().is_some_and(|agreed| agreed.contains(&channel));
    if rule.purpose == Purpose::Marketing && channel != Channel::Webhook && !agreed() {
        return Err(Reason::NoConsent);
    }
    if journey.has_bounced(rule.to, channel) {
        return Err(Reason::AddressBounced);
    }
    if restraints.suppressed.contains(&recipient) {
        return Err(Reason::AddressSuppressed);
    }
    Ok(recipient)
}

/// An address that is given once more is no other one: what is known of it counts on.
pub(super) fn keep_bounces(before: &Journey, journey: &mut Journey, shop: &Shop) {
    for (to, channel) in Party::ALL.into_iter().flat_map(|to| Channel::ALL.map(|channel| (to, channel))) {
        if before.has_bounced(to, channel) {
            let persons = to.person(&before.order).zip(to.person(&journey.order));
            let is_same = persons.is_some_and(|(one, other)| is_same_address(one, other, shop, channel));
            journey.learn_address(to, channel, is_same);
        }
    }
}

/// The customer or the operator does not want it: it must not leave, even if it is written already. Nor
/// does the buyer who has taken out whom the present is for.
pub(super) fn is_wish(reason: Reason) -> bool {
    use Reason::{AddressSuppressed, ChannelDeclined, NoConsent, RecipientMissing, SwitchedOff};
    matches!(reason, ChannelDeclined | NoConsent | AddressSuppressed | SwitchedOff | RecipientMissing)
}
