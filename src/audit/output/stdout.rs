//! Standard output.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use super::{Output, OutputError};
use crate::audit::failure::AuditFailure;
use crate::line_stream::{LineStream, Unwritten};

/// Standard output, without the buffer and the lock of the standard library: a line is out when it is written. Callers
/// give up waiting by themselves.
pub(in crate::audit) struct StandardOutput<W = File>(LineStream<W>);

impl StandardOutput {
    pub(in crate::audit) fn open() -> io::Result<Self> {
        let descriptor = io::stdout().as_fd().try_clone_to_owned()?;
        Ok(Self(LineStream::over(File::from(descriptor))))
    }
}

impl<W: Write + Send + 'static> Output for StandardOutput<W> {
    fn append(&mut self, lines: &[u8]) -> Result<Option<Duration>, OutputError> {
        self.0.append(lines).map_err(|Unwritten { source, .. }| AuditFailure::Write.of()(source))?;
        Ok(None)
    }
}
