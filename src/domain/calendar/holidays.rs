//! Public holidays by country, and those that Alsace and Moselle have beside the rest of France.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Days, NaiveDate};
use opening_hours::localization::Country;
use serde::{Deserialize, Serialize};

use crate::domain::order::Delivery;

/// The departments under the local law of Alsace-Moselle: Moselle, Bas-Rhin and Haut-Rhin.
const ALSACE_MOSELLE: [u8; 3] = [57, 67, 68];

/// A country's public holidays (`FR`), those of Alsace-Moselle (`FR-57`, `FR-67`, `FR-68`), or none.
///
/// Those that hold in a whole country come from the `opening-hours` crate, which knows the years
/// 2000 to 2076. Alsace-Moselle adds Good Friday and 26 December (article L3134-13 of the French
/// labour code).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Holidays {
    country: Option<Country>,
    department: Option<u8>,
}

impl Holidays {
    /// Those that hold at an address; none where the country is not known.
    pub fn at(country: &str, postal_code: &str) -> Self {
        let country: Option<Country> = country.to_ascii_uppercase().parse().ok();
        let department = country.filter(|country| *country == Country::FR).and_then(|_| department(postal_code.trim()));
        Self { country, department }
    }

    /// Those where something is delivered.
    pub fn of(delivery: &Delivery) -> Self {
        delivery.destination().map(|address| Self::at(&address.country, &address.postal_code)).unwrap_or_default()
    }

    /// Whether it is a public holiday.
    pub fn include(self, day: NaiveDate) -> bool {
        let local = || self.department.is_some() && (is_good_friday(day) || (day.month(), day.day()) == (12, 26));
        self.country.is_some_and(|country| country.holidays().get_public().contains(day)) || local()
    }
}

/// The department of Alsace-Moselle in which a French postal code begins.
fn department(code: &str) -> Option<u8> {
    let begins = code.get(..2)?;
    ALSACE_MOSELLE.into_iter().find(|department| department.to_string() == begins)
}

fn is_good_friday(day: NaiveDate) -> bool {
    day.checked_add_days(Days::new(2)).is_some_and(|sunday| easter(day.year()) == Some(sunday))
}

/// Easter Sunday by the Gregorian computus, as Butcher gave it.
fn easter(year: i32) -> Option<NaiveDate> {
    let golden = year.rem_euclid(19);
    let (century, of_century) = (year.div_euclid(100), year.rem_euclid(100));
    let (leaps, century_rest) = (century / 4, century % 4);
    let moon = (19 * golden + century - leaps - (century - (century + 8) / 25 + 1) / 3 + 15) % 30;
    let weekday = (32 + 2 * century_rest + 2 * (of_century / 4) - moon - of_century % 4) % 7;
    let late = (golden + 11 * moon + 22 * weekday) / 451;
    let days = moon + weekday - 7 * late + 114;
    NaiveDate::from_ymd_opt(year, u32::try_from(days / 31).ok()?, u32::try_from(days % 31 + 1).ok()?)
}

impl FromStr for Holidays {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "'{name}' has no public holidays here; write a country such as \"FR\", \"FR-57\", \"FR-67\" or \"FR-68\" for Alsace-Moselle, or \"none\""
            )
        };
        if name == "none" {
            return Ok(Self::default());
        }
        let (country, rest) = name.split_once('-').map_or((name, None), |(country, rest)| (country, Some(rest)));
        let country: Country = country.parse().map_err(|_| wrong())?;
        let department = match rest {
            None => None,
            Some(rest) if country == Country::FR => {
                Some(ALSACE_MOSELLE.into_iter().find(|known| known.to_string() == rest).ok_or_else(wrong)?)
            }
            Some(_) => return Err(wrong()),
        };
        Ok(Self { country: Some(country), department })
    }
}

impl TryFrom<String> for Holidays {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        name.parse()
    }
}

impl From<Holidays> for String {
    fn from(holidays: Holidays) -> Self {
        holidays.to_string()
    }
}

impl fmt::Display for Holidays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.country, self.department) {
            (None, _) => f.write_str("none"),
            (Some(country), None) => write!(f, "{}", country.iso_code()),
            (Some(country), Some(department)) => write!(f, "{}-{department}", country.iso_code()),
        }
    }
}
