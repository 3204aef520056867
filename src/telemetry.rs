//! What the process tells of itself.

mod logs;

pub use logs::{LogFormat, LogSettings, start_logging, subscriber};
