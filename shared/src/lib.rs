//! The domain of Promissory, in reading order.
//!
//! [`catalog`] says what exists, [`order`] what was asked for, [`source`] what other systems report, [`ledger`] what
//! happened, [`promise`] what can be promised, [`storefront`] what the shop is told, [`reconcile`] what drifted, and
//! [`alert`] when a person must look. [`store`] and [`clock`] are the ports they share; [`signature`] is how whoever tells us
//! something is known.
//!
//! Everything outside `adapters` is pure: no I/O of its own, no clock, no randomness, no AWS types. `now` and ids are
//! arguments, and effects go through ports, so the same code runs in a Lambda and in a simulation.

pub mod alert;
pub mod catalog;
pub mod clock;
pub mod ledger;
pub mod order;
pub mod promise;
pub mod reconcile;
pub mod signature;
pub mod source;
pub mod store;
pub mod storefront;

#[cfg(feature = "adapters")]
pub mod adapters;
