//! Names and numbers that identify items, locations, shops, orders and so on. Each is its own type, checked once when it is
//! parsed.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A name that breaks the rule of its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {given:?} is not usable: {rule}")]
pub struct NameError {
    what: &'static str,
    given: String,
    rule: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(given: &str) -> Result<Self, NameError> {
                Self::try_from(given.to_owned())
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(given: String) -> Result<Self, NameError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(&given) { Ok(Self(given)) } else { Err(NameError { what: $what, given, rule: $rule }) }
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// Our code of an item. The item may be sold, bought or made.
    Sku, "the SKU", "it needs 1 to 128 characters, none of them a control character, and no space at either end",
    |s| !s.is_empty() && s.chars().count() <= 128 && !s.chars().any(char::is_control) && s.trim() == s
);

name!(
    /// Our code of a location.
    LocationId, "the location code", "it needs 1 to 64 of A-Z a-z 0-9 . _ - and may not be `unassigned`",
    |s| !s.is_empty()
        && s.len() <= 64
        && s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && s != Place::UNASSIGNED
);

name!(
    /// A shop, by its permanent domain.
    ShopDomain, "the shop domain", "it has the form name.myshopify.com, in lower case",
    |s| s.strip_suffix(".myshopify.com").is_some_and(|shop| {
        shop.len() <= 100
            && shop.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            && shop.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    })
);

name!(
    /// Another system that sends events about our stock: an ERP, a WMS, a POS, a 3PL.
    SystemId, "the system", "it needs 1 to 32 of a-z 0-9 - and begins with a letter",
    |s| s.len() <= 32
        && s.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
);

name!(
    /// An AWS account, by its number.
    AccountId, "the AWS account", "it needs 12 digits",
    |s| s.len() == 12 && s.bytes().all(|b| b.is_ascii_digit())
);

name!(
    /// One feed of a system: one kind of data that a function pulls from it.
    FeedId, "the feed", "it needs 1 to 32 of a-z 0-9 - and begins with a letter",
    |s| s.parse::<SystemId>().is_ok()
);

name!(
    /// A lot (batch) of an item.
    LotId, "the lot", "it needs 1 to 64 characters, none of them a control character, and no space at either end",
    |s| !s.is_empty() && s.chars().count() <= 64 && !s.chars().any(char::is_control) && s.trim() == s
);

name!(
    /// A class of items that share a safety buffer.
    TierId, "the tier", "it needs 1 to 32 of A-Z a-z 0-9 _ -",
    |s| !s.is_empty() && s.len() <= 32 && s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
);

name!(
    /// Our code of a work centre: a place that makes items.
    WorkCentreId, "the work centre", "it needs 1 to 64 of A-Z a-z 0-9 . _ -",
    |s| !s.is_empty() && s.len() <= 64 && s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
);

name!(
    /// A unit of measure, e.g. `each`, `case`, `kg`. Case matters: `KG` is another unit than `kg`. It has no character that
    /// separates units in a list, such as `case=12;pallet=480`.
    Unit, "the unit", "it needs 1 to 16 characters, and no space, control character, comma, semicolon or equals sign",
    |s| !s.is_empty() && s.chars().count() <= 16 && !s.chars().any(|c| c.is_control() || c.is_whitespace() || ",;=".contains(c))
);

/// Where units are: at a location, or reserved for an order whose location is not known yet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Place {
    /// The network as a whole. Orders reserve here until their routing is known.
    Unassigned,
    /// One location.
    At(LocationId),
}

impl Place {
    const UNASSIGNED: &'static str = "unassigned";

    /// The code of the location; `None` for the unassigned place.
    #[must_use]
    pub const fn location(&self) -> Option<&LocationId> {
        match self {
            Self::Unassigned => None,
            Self::At(location) => Some(location),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unassigned => f.write_str(Self::UNASSIGNED),
            Self::At(location) => location.fmt(f),
        }
    }
}

impl TryFrom<String> for Place {
    type Error = NameError;

    fn try_from(given: String) -> Result<Self, NameError> {
        if given == Self::UNASSIGNED { Ok(Self::Unassigned) } else { given.try_into().map(Self::At) }
    }
}

impl From<Place> for String {
    fn from(place: Place) -> String {
        place.to_string()
    }
}

macro_rules! shopify_id {
    ($(#[$doc:meta])* $name:ident, $gid:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            /// The id with this number. Numbers exceed 2^53, so never pass one through a float.
            #[must_use]
            pub const fn new(number: u64) -> Self {
                Self(number)
            }

            /// The bare number.
            #[must_use]
            pub const fn number(self) -> u64 {
                self.0
            }

            /// Parses Shopify's global id, e.g.
            #[doc = concat!("`gid://shopify/", $gid, "/1`.")]
            #[must_use]
            pub fn from_gid(gid: &str) -> Option<Self> {
                gid.strip_prefix(concat!("gid://shopify/", $gid, "/"))?.parse().ok().map(Self)
            }

            /// Shopify's global id.
            #[must_use]
            pub fn gid(self) -> String {
                format!(concat!("gid://shopify/", $gid, "/{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            /// Parses the bare number.
            fn from_str(number: &str) -> Result<Self, Self::Err> {
                number.parse().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

/// An order of a shop, or a draft order: a draft that reserves units holds them like an order. As text, an order is its number,
/// and a draft its number after a `D`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrderId {
    /// The order with this number.
    Order(u64),
    /// The draft order with this number.
    Draft(u64),
}

impl OrderId {
    const ORDER_GID: &'static str = "gid://shopify/Order/";
    const DRAFT_GID: &'static str = "gid://shopify/DraftOrder/";
    const DRAFT: char = 'D';

    /// The order with this number. Numbers exceed 2^53, so never pass one through a float.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self::Order(number)
    }

    /// The bare number. An order and a draft may have the same.
    #[must_use]
    pub const fn number(self) -> u64 {
        match self {
            Self::Order(number) | Self::Draft(number) => number,
        }
    }

    /// Whether it is a draft order.
    #[must_use]
    pub const fn is_draft(self) -> bool {
        matches!(self, Self::Draft(_))
    }

    /// Parses Shopify's global id of an order, e.g. `gid://shopify/Order/1`.
    #[must_use]
    pub fn from_gid(gid: &str) -> Option<Self> {
        gid.strip_prefix(Self::ORDER_GID)?.parse().ok().map(Self::Order)
    }

    /// Parses Shopify's global id of a draft order, e.g. `gid://shopify/DraftOrder/1`.
    #[must_use]
    pub fn from_draft_gid(gid: &str) -> Option<Self> {
        gid.strip_prefix(Self::DRAFT_GID)?.parse().ok().map(Self::Draft)
    }

    /// Shopify's global id.
    #[must_use]
    pub fn gid(self) -> String {
        match self {
            Self::Order(number) => format!("{}{number}", Self::ORDER_GID),
            Self::Draft(number) => format!("{}{number}", Self::DRAFT_GID),
        }
    }
}

impl FromStr for OrderId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix(Self::DRAFT) {
            Some(number) => number.parse().map(Self::Draft),
            None => text.parse().map(Self::Order),
        }
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order(number) => number.fmt(f),
            Self::Draft(number) => write!(f, "{}{number}", Self::DRAFT),
        }
    }
}

impl Serialize for OrderId {
    /// An order is a number, and a draft a text.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Order(number) => to.serialize_u64(*number),
            Self::Draft(_) => to.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for OrderId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(OrderIdVisitor)
    }
}

/// Reads an order's number or a text. The keys of a JSON object are texts, also for numbers.
struct OrderIdVisitor;

impl Visitor<'_> for OrderIdVisitor {
    type Value = OrderId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the number of an order, or the letter D and the number of a draft order")
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<OrderId, E> {
        Ok(OrderId::Order(number))
    }

    /// A number of DynamoDB is signed.
    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<OrderId, E> {
        u64::try_from(number).map(OrderId::Order).map_err(|_| E::invalid_value(serde::de::Unexpected::Signed(number), &self))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<OrderId, E> {
        text.parse().map_err(E::custom)
    }
}

shopify_id!(
    /// A line of an order.
    LineId, "LineItem"
);
shopify_id!(
    /// A fulfilment of an order.
    FulfilmentId, "Fulfillment"
);
shopify_id!(
    /// A refund of an order.
    RefundId, "Refund"
);
shopify_id!(
    /// A return of an order.
    ReturnId, "Return"
);
shopify_id!(
    /// A disposition: the decision about returned units.
    DispositionId, "ReverseFulfillmentOrderDisposition"
);
shopify_id!(
    /// A variant of a product: the unit that a shop sells.
    VariantId, "ProductVariant"
);
shopify_id!(
    /// An inventory item: the unit that a shop stocks, one per variant.
    InventoryItemId, "InventoryItem"
);
shopify_id!(
    /// A shop's location.
    ShopLocationId, "Location"
);

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Protects keys and requests from names that would break them.
    #[test]
    fn names_are_checked_when_parsed() {
        let long = "x".repeat(129);
        for (sku, valid) in
            [("SERUM-30", true), ("a b#@ü", true), ("", false), (" x", false), ("a\nb", false), (long.as_str(), false)]
        {
            assert_eq!(Sku::from_str(sku).is_ok(), valid, "{sku:?}");
        }
        for (code, valid) in [("WH-1", true), ("unassigned", false), ("a@b", false), ("", false)] {
            assert_eq!(LocationId::from_str(code).is_ok(), valid, "{code:?}");
        }
        for (shop, valid) in [
            ("my-shop.myshopify.com", true),
            ("myshop.com", false),
            ("-a.myshopify.com", false),
            ("My.myshopify.com", false),
            ("a.b.myshopify.com", false),
            (".myshopify.com", false),
            ("store.myshopify.com.evil.com", false),
        ] {
            assert_eq!(ShopDomain::from_str(shop).is_ok(), valid, "{shop:?}");
        }
    }

    /// Protects against names of systems that could be confused with a shop or another system.
    #[test]
    fn systems_lots_tiers_and_units_are_checked_too() {
        for (system, valid) in
            [("sap-eu", true), ("Sap", false), ("1c", false), ("", false), ("shopify:a", false), ("a.b", false)]
        {
            assert_eq!(SystemId::from_str(system).is_ok(), valid, "{system:?}");
        }
        for (unit, valid) in [("kg", true), ("", false), ("a b", false), ("case=12,pallet", false), ("a;b", false)] {
            assert_eq!(Unit::from_str(unit).is_ok(), valid, "{unit:?}");
        }
        assert!(LotId::from_str("L 2026/11").is_ok() && LotId::from_str(" L").is_err());
        assert!(TierId::from_str("A").is_ok() && TierId::from_str("a b").is_err());
        assert!(
            WorkCentreId::from_str("MIX-1.a").is_ok()
                && WorkCentreId::from_str("MIX 1").is_err()
                && WorkCentreId::from_str("").is_err()
        );
    }

    /// Protects ids above 2^53 from being rounded.
    #[test]
    fn shopify_ids_above_2_to_the_53_stay_exact() {
        let id = OrderId::from_gid("gid://shopify/Order/820982911946154508").expect("a well-formed gid");
        assert_eq!(id.number(), 820_982_911_946_154_508);
        assert_eq!(id.gid(), "gid://shopify/Order/820982911946154508");
        for bad in ["gid://shopify/LineItem/1", "820982911946154508", "gid://shopify/Order/x", "gid://shopify/DraftOrder/1"] {
            assert_eq!(OrderId::from_gid(bad), None, "{bad:?}");
        }
    }

    /// Protects a draft from being taken for the order with the same number, in keys and in stored rows.
    #[test]
    fn a_draft_is_not_the_order_with_its_number() {
        let draft = OrderId::from_draft_gid("gid://shopify/DraftOrder/5001").expect("a well-formed gid");
        assert_ne!(draft, OrderId::new(5001));
        assert_eq!(OrderId::from_draft_gid("gid://shopify/Order/5001"), None);
        for (id, text, json) in [(draft, "D5001", "\"D5001\""), (OrderId::new(5001), "5001", "5001")] {
            assert_eq!((id.to_string().as_str(), text.parse()), (text, Ok(id)));
            assert_eq!(serde_json::to_string(&id).expect("JSON"), json);
            assert_eq!(serde_json::from_str::<OrderId>(json).expect("an id"), id);
            let as_key = serde_json::to_string(&BTreeMap::from([(id, 1)])).expect("JSON");
            assert_eq!(serde_json::from_str::<BTreeMap<OrderId, i32>>(&as_key).expect("a map"), BTreeMap::from([(id, 1)]));
        }
        for bad in ["D", "d5001", "D-1", "-1", "1.5", "\"x\""] {
            assert!(serde_json::from_str::<OrderId>(bad).is_err() && bad.parse::<OrderId>().is_err(), "{bad:?}");
        }
    }
}
