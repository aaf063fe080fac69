//! Sums of money. ICU's currency formatting is still experimental; until it is not, what a sum
//! needs beyond its decimals is written here: how many of them, which sign, on which side.

use fixed_decimal::{Decimal, SignedRoundingMode, UnsignedRoundingMode};

use super::Formats;
use crate::domain::order::Amount;

/// A blank at which no line is broken.
const NBSP: char = '\u{a0}';

impl Formats {
    /// `129,90 €`, `€129.90`, `¥1,200`: as this locale writes `amount` of `currency` (ISO 4217).
    pub fn money(&self, amount: Amount, currency: &str) -> String {
        let mut number = Decimal::from(amount.ten_thousandths().unsigned_abs());
        number.multiply_pow10(-4);
        let decimals = decimals(currency);
        number.round_with_mode(-decimals, SignedRoundingMode::Unsigned(UnsignedRoundingMode::HalfExpand));
        number.absolute.trim_end();
        number.absolute.pad_end(-decimals);
        let sign = if amount.ten_thousandths() < 0 { "-" } else { "" };
        let number = self.decimal.format(&number);
        let symbol = self.symbol(currency);
        // a code in letters would run into the digits
        let lettered = symbol.ends_with(|c: char| c.is_ascii_alphabetic());
        match self.side() {
            Side::Before if lettered => format!("{sign}{symbol}{NBSP}{number}"),
            Side::Before => format!("{sign}{symbol}{number}"),
            Side::BeforeWithBlank => format!("{symbol}{NBSP}{sign}{number}"),
            Side::After => format!("{sign}{number}{NBSP}{symbol}"),
        }
    }

    fn side(&self) -> Side {
        match (&*self.language, self.region.as_deref()) {
            ("de", Some("AT" | "CH" | "LI")) | ("nl", _) => Side::BeforeWithBlank,
            ("pt", Some("PT")) => Side::After,
            ("en" | "ja" | "zh" | "ko" | "ga" | "mt" | "hi" | "th", _) => Side::Before,
            ("pt" | "tr" | "nb" | "no", _) => Side::BeforeWithBlank,
            _ => Side::After,
        }
    }

    /// The sign of a currency where it cannot be mistaken for another's, else its code.
    fn symbol<'a>(&self, currency: &'a str) -> &'a str {
        let at_home = |regions: &[&str]| self.region.as_deref().is_some_and(|region| regions.contains(&region));
        match currency {
            "EUR" => "€",
            "GBP" => "£",
            "JPY" if self.language == "ja" => "￥",
            "JPY" if self.language == "en" => "¥",
            // English without a region is American English
            "USD" if self.language == "en" && (self.region.is_none() || at_home(&["US"])) => "$",
            "USD" if at_home(&["US"]) => "$",
            "USD" if self.language == "fr" && at_home(&["CA"]) => "$\u{a0}US",
            "USD" if self.language == "fr" => "$US",
            "USD" => "US$",
            "CAD" if at_home(&["CA"]) => "$",
            "CAD" if self.language == "fr" => "$CA",
            "CAD" => "CA$",
            "AUD" if at_home(&["AU"]) => "$",
            "NZD" if at_home(&["NZ"]) => "$",
            "PLN" if self.language == "pl" => "zł",
            "BRL" if at_home(&["BR"]) => "R$",
            _ => currency,
        }
    }
}

enum Side {
    Before,
    BeforeWithBlank,
    After,
}

/// How many decimals ISO 4217 gives a currency.
fn decimals(currency: &str) -> i16 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND"
        | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMN" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}
