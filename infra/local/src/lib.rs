//! The whole system on one machine, without Docker and without an AWS account.
//!
//! [`stack`] starts the emulated AWS and deploys the real template with the real binaries into it; [`shopify`] is the
//! fake shop; [`systems`] are small fakes of ERPs and the like; [`connector`] is how they are asked; [`catalogue`] gets what is sold in and out; [`audit`] reads
//! the whole table and judges it; [`ledger`] does so with a table of any size, here or on AWS, and [`explain`] says why its numbers are what they are; [`demo`] plays a flash sale on
//! all of it. Nothing here is part of what is shipped.

pub mod audit;
pub mod catalogue;
pub mod connector;
pub mod demo;
pub mod explain;
pub mod ledger;
pub mod shopify;
pub mod stack;
pub mod systems;
