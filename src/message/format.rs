//! Dates, times and sums as a reader of a locale writes them.
//!
//! ICU knows the patterns; building one of its formatters costs some hundred times what using
//! it does, so they are kept, per thread and locale.

mod helper;
mod money;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use chrono::{Datelike, Duration, NaiveDate, Timelike};
use chrono_tz::Tz;
use icu_calendar::{Date, Iso};
use icu_datetime::DateTimeFormatter;
use icu_datetime::fieldsets::{MD, MDE, T, YMDE};
use icu_decimal::DecimalFormatter;
use icu_locale_core::Locale;
use icu_plurals::{PluralCategory, PluralRules};
use icu_time::Time;

use crate::domain::time::Window;

pub use helper::{NAMES, register};

/// The formatters of one locale.
pub struct Formats {
    language: String,
    region: Option<String>,
    date: DateTimeFormatter<YMDE>,
    day: DateTimeFormatter<MDE>,
    day_short: DateTimeFormatter<MD>,
    time: DateTimeFormatter<T>,
    decimal: DecimalFormatter,
    plural: PluralRules,
}

/// Locales come from events: a stream that invents them must not fill the memory (I10).
const KEPT: usize = 64;

thread_local! {
    static FORMATS: RefCell<HashMap<String, Rc<Formats>>> = RefCell::default();
}

/// The formatters of `locale`; those of English if it is none.
pub fn formats(locale: &str) -> Option<Rc<Formats>> {
    FORMATS.with_borrow_mut(|kept| {
        if let Some(formats) = kept.get(locale) {
            return Some(Rc::clone(formats));
        }
        if kept.len() >= KEPT {
            kept.clear();
        }
        let formats = Rc::new(Formats::new(locale).or_else(|| Formats::new("en"))?);
        kept.insert(locale.to_owned(), Rc::clone(&formats));
        Some(formats)
    })
}

/// A clock reading, for patterns that show two of them.
fn is_part_of_a_day(window: Window) -> bool {
    window.latest.since(window.earliest) <= Duration::hours(12)
}

impl Formats {
    fn new(locale: &str) -> Option<Self> {
        let locale = Locale::try_from_str(locale).ok()?;
        Some(Self {
            language: locale.id.language.as_str().to_owned(),
            region: locale.id.region.map(|region| region.as_str().to_owned()),
            date: DateTimeFormatter::try_new((&locale).into(), YMDE::long()).ok()?,
            day: DateTimeFormatter::try_new((&locale).into(), MDE::long()).ok()?,
            day_short: DateTimeFormatter::try_new((&locale).into(), MD::medium()).ok()?,
            time: DateTimeFormatter::try_new((&locale).into(), T::hm()).ok()?,
            decimal: DecimalFormatter::try_new(
                (&locale).into(),
                icu_decimal::options::DecimalFormatterOptions::default(),
            )
            .ok()?,
            plural: PluralRules::try_new_cardinal((&locale).into()).ok()?,
        })
    }

    /// `lundi 2 mars 2026`
    pub fn date(&self, day: NaiveDate) -> Option<String> {
        Some(self.date.format(&iso(day)?).to_string())
    }

    /// `lundi 2 mars`: for days so near that the year goes without saying.
    pub fn day(&self, day: NaiveDate) -> Option<String> {
        Some(self.day.format(&iso(day)?).to_string())
    }

    /// `2 mars`
    pub fn day_short(&self, day: NaiveDate) -> Option<String> {
        Some(self.day_short.format(&iso(day)?).to_string())
    }

    /// `14:30`, `2:30 PM`
    pub fn time(&self, hour: u32, minute: u32) -> Option<String> {
        let time = Time::try_new(u8::try_from(hour).ok()?, u8::try_from(minute).ok()?, 0, 0).ok()?;
        Some(self.time.format(&time).to_string())
    }

    /// A day, part of a day with its hours, or from a day to a day.
    pub fn window(&self, window: Window, zone: Tz, short: bool) -> Option<String> {
        let (from, to) = (window.earliest.in_zone(zone), window.latest.in_zone(zone));
        let day = |moment: NaiveDate| if short { self.day_short(moment) } else { self.day(moment) };
        let first = day(from.date_naive())?;
        if from.date_naive() < to.date_naive() {
            return Some(format!("{first} – {}", day(to.date_naive())?));
        }
        if !is_part_of_a_day(window) {
            return Some(first);
        }
        let start = self.time(from.hour(), from.minute())?;
        if from >= to {
            return Some(format!("{first}, {start}"));
        }
        Some(format!("{first}, {start} – {}", self.time(to.hour(), to.minute())?))
    }

    /// Which of a language's plural forms `count` takes, by its CLDR name.
    pub fn plural(&self, count: u64) -> &'static str {
        match self.plural.category_for(count) {
            PluralCategory::Zero => "zero",
            PluralCategory::One => "one",
            PluralCategory::Two => "two",
            PluralCategory::Few => "few",
            PluralCategory::Many => "many",
            PluralCategory::Other => "other",
        }
    }
}

fn iso(day: NaiveDate) -> Option<Date<Iso>> {
    Date::try_new_iso(day.year(), u8::try_from(day.month()).ok()?, u8::try_from(day.day()).ok()?).ok()
}
