//! Percentages: the scrap of a component, and the yield of an assembly. Exact, with at most six decimal places.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::catalog::NumberError;
use crate::catalog::unit::decimal;

/// A percentage from 0 to below 100, such as the scrap of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Percent(Decimal);

/// The percentage of started units that come out usable: above 0 and at most 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Yield(Decimal);

impl FromStr for Percent {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let number = decimal(text)?;
        let sane = number >= Decimal::ZERO && number < Decimal::ONE_HUNDRED;
        if sane { Ok(Self(number)) } else { Err(NumberError::NoPercentage(text.to_owned())) }
    }
}

impl FromStr for Yield {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let number = decimal(text)?;
        let sane = number > Decimal::ZERO && number <= Decimal::ONE_HUNDRED;
        if sane { Ok(Self(number)) } else { Err(NumberError::NoYield(text.to_owned())) }
    }
}

macro_rules! share {
    ($name:ident) => {
        impl $name {
            /// The number in per cent, e.g. 2.5.
            #[must_use]
            pub const fn number(self) -> Decimal {
                self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NumberError;

            fn try_from(text: String) -> Result<Self, NumberError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(share: $name) -> Self {
                share.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

share!(Percent);
share!(Yield);

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects planning from a scrap of 100 per cent or more, and from a yield of zero or above 100 per cent.
    #[test]
    fn percentages_are_within_their_range() {
        for (text, is_percent, is_yield) in [
            ("0", true, false),
            ("0.000001", true, true),
            ("2.5", true, true),
            ("99.999999", true, true),
            ("100", false, true),
            ("100.0", false, true),
            ("100.000001", false, false),
            ("-1", false, false),
            ("0.0000001", false, false),
            ("x", false, false),
            ("", false, false),
        ] {
            assert_eq!(text.parse::<Percent>().is_ok(), is_percent, "{text} as scrap");
            assert_eq!(text.parse::<Yield>().is_ok(), is_yield, "{text} as yield");
        }
    }
}
