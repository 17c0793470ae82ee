//! The domain of Promissory, in reading order.
//!
//! Each module uses only those above it; a test lists the arrows. Everything before [`flows`] is pure: no I/O, no async, no
//! clock, no randomness, no AWS types. `now` and ids are arguments, and effects go through [`ports`], so the same code runs
//! in a Lambda and in a simulation.

pub mod signature;

pub mod catalog;
pub mod movement;

pub mod alert;
pub mod order;
pub mod source;

pub mod ledger;
pub mod promise;
pub mod storefront;

pub mod reconcile;
pub mod table;

pub mod explain;

pub mod draft;
pub mod sheets;

pub mod ports;

pub mod flows;

pub mod adapters;
