//! The four layers as a ready-made gateway, and the tools around them: what the `tollgate` binary is made of.
//!
//! * [`config`] reads `tollgate.toml`.
//! * [`Gateway`]: the gateway of a configuration, a service; [`serve`]: the listening side.
//! * [`admin`]: the admin page and `/metrics`.
//! * [`commands`]: the command line.

pub mod admin;
mod auth;
mod budget;
pub mod commands;
pub mod config;
mod deadline;
mod forward;
mod gateway;
mod idle;
mod number_lookup;
mod protocol;
mod receipts;
mod reload;
mod replay;
mod server;
mod shared;
mod simulate;
mod store;
mod told;
mod traffic;
mod traffic_log;
mod upstream;

pub use auth::Secrets;
pub use config::{Config, Problems};
pub use gateway::{App, Gateway, InBody};
pub use server::serve;
pub use shared::LimitStore;
pub use upstream::{Base, Bases};
