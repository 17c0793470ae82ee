//! What is sold, from outside: sheets into the table and out of it, and the mappings beside a shop.
//!
//! What a sheet means and what it changes is `promissory::sheets`; here are files ([`files`]), the table ([`rows`]),
//! the shop ([`shop`]), the command line ([`command`]) and what it prints ([`report`]).

pub mod command;
pub mod files;
pub mod report;
pub mod rows;
pub mod shop;
