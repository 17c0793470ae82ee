//! The catalog commands: they import sheets into a table, export them, and compare the listings with a shop.
//!
//! `promissory::sheets` decides what a sheet means and what it changes. This module reads and writes files ([`files`]), reads the
//! table ([`rows`]) and the shop ([`shop`]), and has the commands ([`command`]) and their output ([`report`]).

pub mod command;
pub mod files;
pub mod report;
pub mod rows;
pub mod shop;
