//! The metafields that a shop can show of a variant.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

/// A metafield of a variant, by what it shows of the item.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Display, EnumString, IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum MetafieldKind {
    /// The lots in stock.
    Lots,
    /// The day on which a unit that is ordered now can be available.
    Promise,
}

impl MetafieldKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Lots, Self::Promise];

    /// The key of the metafield in the shop.
    #[must_use]
    pub fn metafield(self) -> &'static str {
        self.into()
    }
}
