//! The way up and the way down.

mod exit_codes;
mod rolling_restart;
mod service_manager;
mod signals;
mod stop;
mod streams;
