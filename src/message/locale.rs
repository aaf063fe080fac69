//! Which words a customer gets, and how dates and sums are written within them.

use std::collections::BTreeSet;

/// What is left when neither the customer's nor the shop's language has words.
const LAST_RESORT: &str = "en";

/// The folder of templates, and the locale for dates and sums.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub words: String,
    pub formats: String,
}

/// From the customer's locale to its language, then the shop's, then English: the first for
/// which there are words. Dates and sums follow the most specific locale of that language, so
/// that French words for a customer in Canada come with Canadian dates.
pub fn choose(customer: Option<&str>, shop: &str, available: &BTreeSet<&str>) -> Option<Choice> {
    let customer = customer.and_then(normal);
    let shop = normal(shop);
    let wanted = [customer.as_deref(), shop.as_deref(), Some(LAST_RESORT)];
    let words = wanted.into_iter().flatten().flat_map(|tag| [tag, language(tag)]).find(|tag| available.contains(tag));
    let words = words.or_else(|| available.first().copied())?;
    let same = |tag: &&str| language(tag) == language(words);
    let formats = [customer.as_deref(), shop.as_deref()].into_iter().flatten().find(same).unwrap_or(words);
    Some(Choice { words: words.to_owned(), formats: formats.to_owned() })
}

fn language(tag: &str) -> &str {
    tag.split('-').next().unwrap_or(tag)
}

/// `fr_ca.UTF-8` → `fr-CA`; `None` if it is no locale.
fn normal(tag: &str) -> Option<String> {
    let tag = tag.trim().split(['.', '@']).next().unwrap_or_default().replace('_', "-");
    // extensions would choose calendars and digits that the words know nothing of
    let locale = icu_locale_core::Locale::try_from_str(&tag).ok()?;
    (!locale.id.language.is_unknown()).then(|| locale.id.to_string())
}
