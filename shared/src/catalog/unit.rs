//! Amounts in units of measure, and their exact conversion to whole units of an item.
//!
//! An item is counted in its own base unit (pieces, grams). A system may report cases or kilograms: an amount times the
//! unit's factor must be a whole number of base units. A result with a fraction is an error; nothing is ever rounded.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::catalog::{Quantity, Unit};

/// The most decimal places of an amount or a factor. The bound makes their product exact.
const MAX_SCALE: u32 = 6;

/// The noise of floats is smaller than the last decimal place of a number by at least this many places.
const NOISE_PLACES: u32 = 2;

/// An exact decimal number as another system sent it: `12`, `-3`, `0.25`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(Decimal);

/// How many base units one unit of measure holds: 12 for a case of 12, 0.001 for a gram of an item that is counted in kilograms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Factor(Decimal);

/// A number that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// The text is not a decimal number.
    #[error("{0:?} is not a decimal number such as 12 or 0.25")]
    NotDecimal(String),
    /// The number has too many decimal places to be exact.
    #[error("{0} has more than {MAX_SCALE} digits after the point")]
    TooFine(String),
    /// The number has more decimal places than its system keeps, and what is below them is too much for the noise of floats.
    #[error(
        "{text} has more than the {decimals} declared digits after the point, and the rest is no noise of floating-point numbers"
    )]
    NotNoise {
        /// The number.
        text: String,
        /// The decimal places that the system keeps.
        decimals: u32,
    },
    /// The number is out of range.
    #[error("{0} is out of range: amounts go to 1000000000, factors from above 0 to 1000000")]
    OutOfRange(String),
    /// The number is not a [`Percent`](crate::catalog::Percent).
    #[error("{0} is not a percentage: a percentage is from 0 to below 100")]
    NoPercentage(String),
    /// The number is not a [`Yield`](crate::catalog::Yield).
    #[error("{0} is not a yield: a yield is above 0 per cent and at most 100")]
    NoYield(String),
}

/// An amount that does not convert to a whole number of units.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{amount} × {factor} is {product}, which is not a whole number of units")]
pub struct AmountError {
    amount: Amount,
    factor: Factor,
    product: Decimal,
}

/// Refuses an underscore, which the parser of the library takes as a separator of thousands: `1_000` may be a mistyped `1.000`.
fn without_separators(text: &str) -> Result<&str, NumberError> {
    if text.contains('_') { Err(NumberError::NotDecimal(text.to_owned())) } else { Ok(text.trim()) }
}

pub(super) fn decimal(text: &str) -> Result<Decimal, NumberError> {
    let plain = without_separators(text)?;
    let parsed = Decimal::from_str_exact(plain).or_else(|_| Decimal::from_scientific(plain));
    let number = parsed.map_err(|_| NumberError::NotDecimal(text.to_owned()))?.normalize();
    if number.scale() > MAX_SCALE { Err(NumberError::TooFine(text.trim().to_owned())) } else { Ok(number) }
}

impl Amount {
    /// The most decimal places of an amount.
    pub const MAX_DECIMALS: u32 = MAX_SCALE;

    /// The amount of a whole number of units.
    #[must_use]
    pub fn of(quantity: Quantity) -> Self {
        Self(Decimal::from(quantity.units()))
    }

    /// Reads a number of a system that keeps this many decimal places and calculates with floats: 453.00000000000006 is 453.
    /// Only what floats add, less than a hundredth of the last place, is rounded away.
    ///
    /// # Errors
    /// [`NumberError`]. A number such as 0.083333 of a system that keeps two decimal places has lost digits already, and is
    /// refused.
    pub fn without_noise(text: &str, decimals: u32) -> Result<Self, NumberError> {
        let plain = without_separators(text)?;
        let number = plain.parse().or_else(|_| Decimal::from_scientific(plain));
        let number: Decimal = number.map_err(|_| NumberError::NotDecimal(text.to_owned()))?;
        let rounded = number.round_dp(decimals);
        let noise = Decimal::new(1, decimals + NOISE_PLACES);
        if (number - rounded).abs() >= noise {
            return Err(NumberError::NotNoise { text: text.trim().to_owned(), decimals });
        }
        rounded.to_string().parse()
    }

    /// Reads a JSON number or string.
    ///
    /// # Errors
    /// [`NumberError`]. A float that the JSON parser made of a number prints the digits that were sent only up to 15 digits, so
    /// this function rejects longer ones. `source::exact_json` keeps such a number as a text.
    pub fn from_json(value: &serde_json::Value) -> Result<Self, NumberError> {
        match value {
            serde_json::Value::String(text) => text.parse(),
            serde_json::Value::Number(number) => {
                let text = number.to_string();
                let digits = text.bytes().filter(u8::is_ascii_digit).count();
                if number.is_f64() && digits > 15 { Err(NumberError::TooFine(text)) } else { text.parse() }
            }
            other @ (serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Array(_)
            | serde_json::Value::Object(_)) => Err(NumberError::NotDecimal(other.to_string())),
        }
    }

    /// The sum of both amounts; `None` when its size exceeds [`Quantity::MAX_INPUT`].
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        let sum = self.0.checked_add(other.0)?.normalize();
        (sum.abs() <= Decimal::from(Quantity::MAX_INPUT)).then_some(Self(sum))
    }

    /// The amount with the opposite sign.
    #[must_use]
    pub fn negated(self) -> Self {
        Self(-self.0)
    }

    /// Whether this is below zero.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.0.is_sign_negative() && !self.0.is_zero()
    }

    /// Whether this is exactly zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0.is_zero()
    }

    /// This amount of a unit of measure that holds `factor` base units, in base units.
    ///
    /// # Errors
    /// [`AmountError`] when the product is not whole or its size exceeds [`Quantity::MAX_INPUT`].
    pub fn times(self, factor: Factor) -> Result<Quantity, AmountError> {
        let product = self.0 * factor.0; // Exact: at most 15 digits times at most 12 fit a `Decimal`.
        let whole = product.is_integer() && product.abs() <= Decimal::from(Quantity::MAX_INPUT);
        let units = if whole { i64::try_from(product).ok() } else { None };
        units.map(Quantity::new).ok_or(AmountError { amount: self, factor, product: product.normalize() })
    }
}

impl Factor {
    /// One base unit.
    pub const ONE: Self = Self(Decimal::ONE);

    /// The exact number of base units.
    #[must_use]
    pub const fn number(self) -> Decimal {
        self.0
    }
}

impl FromStr for Amount {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let number = decimal(text)?;
        let bound = Decimal::from(Quantity::MAX_INPUT);
        if number.abs() > bound { Err(NumberError::OutOfRange(text.trim().to_owned())) } else { Ok(Self(number)) }
    }
}

impl FromStr for Factor {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let number = decimal(text)?;
        let sane = number > Decimal::ZERO && number <= Decimal::from(1_000_000);
        if sane { Ok(Self(number)) } else { Err(NumberError::OutOfRange(text.trim().to_owned())) }
    }
}

impl TryFrom<String> for Factor {
    type Error = NumberError;

    fn try_from(text: String) -> Result<Self, NumberError> {
        text.parse()
    }
}

impl From<Factor> for String {
    fn from(factor: Factor) -> Self {
        factor.to_string()
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Amount {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(&serde_json::Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Metric units by dimension, each with its size in the smallest unit of the dimension.
const METRIC: [&[(&str, &str)]; 3] = [
    &[("mg", "1"), ("g", "1000"), ("kg", "1000000"), ("t", "1000000000")],
    &[("ml", "1"), ("cl", "10"), ("dl", "100"), ("l", "1000")],
    &[("mm", "1"), ("cm", "10"), ("m", "1000")],
];

/// How many `base` units one `unit` holds, if both are metric units of one dimension. The catalog needs no factor for these.
#[must_use]
pub fn metric_factor(unit: &Unit, base: &Unit) -> Option<Factor> {
    METRIC.iter().find_map(|family| {
        let size = |of: &Unit| family.iter().find(|(name, _)| *name == of.as_str()).and_then(|(_, size)| decimal(size).ok());
        let factor = size(unit)?.checked_div(size(base)?)?;
        factor.to_string().parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects logs from a text that begins a new line: an error shows a number without the white space around it.
    #[test]
    fn an_error_shows_only_the_number() {
        for text in ["\n1.00000001", "\r\n1000000001\n", "\t1e9999"] {
            let error = text.parse::<Amount>().expect_err("it is refused").to_string();
            assert!(!error.chars().any(char::is_control), "{error:?}");
        }
    }

    /// Protects stock from rounding: an amount converts to a whole number of units, or it is rejected.
    #[test]
    fn conversion_is_exact_or_refused() {
        for (amount, factor, expected) in [
            ("12", "1", Some(12)),
            ("3", "12", Some(36)),
            ("-2", "12", Some(-24)),
            ("1.5", "1000", Some(1500)),
            ("0.25", "12", Some(3)),
            ("0.3", "12", None),
            ("0.0005", "1000", None),
            ("2500", "0.001", None),
            ("3000", "0.001", Some(3)),
            ("1e3", "1", Some(1000)),
            ("1000000000", "1", Some(1_000_000_000)),
            ("1000000000", "1.000001", None),
            ("999999.999999", "0.000001", None),
        ] {
            let units = amount.parse::<Amount>().and_then(|a| Ok((a, factor.parse::<Factor>()?))).expect("both parse");
            assert_eq!(units.0.times(units.1).ok().map(Quantity::units), expected, "{amount} × {factor}");
        }
    }

    /// Protects against numbers that parsing would change: only exact numbers within range parse.
    #[test]
    fn only_exact_numbers_parse() {
        for (given, valid) in [
            (r#""0.1""#, true),
            ("0.1", true),
            ("7", true),
            ("1e2", true),
            (r#""0.0000001""#, false),
            ("0.1234567890123456", false),
            ("10000000000", false),
            (r#""""#, false),
            (r#""twelve""#, false),
            (r#""1_000""#, false),
            (r#""1_000e2""#, false),
            (r#""0.2_5""#, false),
            ("null", false),
            ("true", false),
            ("[1]", false),
        ] {
            assert_eq!(serde_json::from_str::<Amount>(given).is_ok(), valid, "{given}");
        }
        for (factor, valid) in
            [("12", true), ("0", false), ("-1", false), ("1000001", false), ("0.000001", true), ("1_000", false)]
        {
            assert_eq!(factor.parse::<Factor>().is_ok(), valid, "{factor}");
        }
    }

    /// Protects stock from rounding: what floats add below the declared decimals is rounded away, and nothing else.
    #[test]
    fn only_the_noise_of_floats_is_rounded_away() {
        for (text, decimals, expected) in [
            ("453.00000000000006", 5, Some("453")),
            ("-384.00000000000006", 5, Some("-384")),
            ("452.99999999999994", 0, Some("453")),
            ("0.30000000000000004", 2, Some("0.3")),
            ("-0.0", 2, Some("0")),
            ("-0.00000000000000006", 2, Some("0")),
            ("4.5300000000000006e2", 2, Some("453")),
            ("0.083333", 6, Some("0.083333")),
            ("0.083333", 5, None),
            ("0.083333", 2, None),
            ("0.5", 0, None),
            ("1.0000001", 5, None),
            ("1.00000009", 5, Some("1")),
            ("12.25", 2, Some("12.25")),
            ("many", 2, None),
            ("1_000", 2, None),
            ("1000000000.00000012", 5, None),
            ("10000000000", 2, None),
        ] {
            let amount = Amount::without_noise(text, decimals).ok().map(|amount| amount.to_string());
            assert_eq!(amount.as_deref(), expected, "{text} with {decimals} decimals");
        }
    }

    /// Protects planners from having to enter factors between metric units of one dimension.
    #[test]
    fn metric_units_convert_without_a_factor_in_the_catalog() {
        let unit = |name: &str| name.parse::<Unit>().expect("a unit");
        for (from, to, factor) in [
            ("kg", "g", Some("1000")),
            ("g", "kg", Some("0.001")),
            ("t", "kg", Some("1000")),
            ("l", "ml", Some("1000")),
            ("kg", "l", None),
            ("case", "each", None),
        ] {
            let found = metric_factor(&unit(from), &unit(to)).map(|factor| factor.to_string());
            assert_eq!(found.as_deref(), factor, "{from} in {to}");
        }
    }
}
