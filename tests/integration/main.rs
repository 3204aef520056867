//! The product against real counterparts over real sockets.

mod authentication;
mod dev_process;
mod faults;
mod readme;
mod reflection_and_health;
mod requests;
mod scenario;
mod serve_process;
mod support;
mod uploads;
