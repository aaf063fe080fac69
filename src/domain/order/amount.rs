//! Sums of money, exact.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A sum of money without its currency, exact to a ten-thousandth. On the wire a decimal string
/// such as `"129.90"`; a JSON number is read too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[schemars(transparent)]
pub struct Amount(#[schemars(with = "String", regex(pattern = r"^-?\d{1,12}(\.\d{1,4})?$"))] i64);

impl Amount {
    const SCALE: i64 = 10_000;

    /// From ten-thousandths of the currency's unit.
    pub fn from_ten_thousandths(units: i64) -> Self {
        Self(units)
    }

    /// Ten-thousandths of the currency's unit.
    pub fn ten_thousandths(self) -> i64 {
        self.0
    }

    /// As a rule sees it.
    pub fn as_f64(self) -> f64 {
        #[allow(clippy::cast_precision_loss, reason = "rules compare against thresholds, not cents")]
        let units = self.0 as f64;
        units / 10_000.0
    }

    /// Reads a decimal such as `129.90`.
    ///
    /// # Errors
    /// What would be right, if it is none or does not fit.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "not an amount; write it as \"129.90\"".to_owned();
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || whole.len() > 12 || fraction.len() > 4 || !plain(whole) || !plain(fraction) {
            return Err(wrong());
        }
        let whole: i64 = whole.parse().map_err(|_| wrong())?;
        let fraction: i64 = format!("{fraction:0<4}").parse().map_err(|_| wrong())?;
        let units = whole * Self::SCALE + fraction;
        Ok(Self(if negative { -units } else { units }))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, fraction) = (self.0.abs() / Self::SCALE, self.0.abs() % Self::SCALE);
        let fraction = format!("{fraction:04}");
        let shown = fraction.trim_end_matches('0');
        write!(f, "{sign}{whole}.{shown:0<2}")
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Amount;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount such as \"129.90\"")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Amount, E> {
                Amount::parse(text).map_err(E::custom)
            }
            fn visit_i64<E: Error>(self, whole: i64) -> Result<Amount, E> {
                Amount::parse(&whole.to_string()).map_err(E::custom)
            }
            fn visit_u64<E: Error>(self, whole: u64) -> Result<Amount, E> {
                Amount::parse(&whole.to_string()).map_err(E::custom)
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Amount, E> {
                Amount::parse(&number.to_string()).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}
