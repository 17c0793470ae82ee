//! The command about shops: it writes the settings of a shop, and shows how far its orders have been read.

pub mod command;
