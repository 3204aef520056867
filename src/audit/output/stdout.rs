//! Standard output.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use super::{Output, OutputError};
use crate::audit::failure::AuditFailure;

/// How often a pipe that does not block is asked whether it has room.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Standard output, without the buffer and the lock of the standard library: a line is out when it is written.
pub(in crate::audit) struct StandardOutput<W = File> {
    stream: W,
    /// Whether a line was begun and not ended.
    torn: bool,
}

impl StandardOutput {
    pub(in crate::audit) fn open() -> io::Result<Self> {
        let descriptor = io::stdout().as_fd().try_clone_to_owned()?;
        Ok(Self::over(File::from(descriptor)))
    }
}

impl<W: Write> StandardOutput<W> {
    const fn over(stream: W) -> Self {
        Self { stream, torn: false }
    }

    /// Writes all of it, or tells how much.
    fn write(&mut self, mut bytes: &[u8]) -> Result<(), (usize, io::Error)> {
        let all = bytes.len();
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(0) => return Err((all - bytes.len(), ErrorKind::WriteZero.into())),
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Whoever shares the pipe has switched blocking off. Callers give up waiting by themselves.
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(POLL_INTERVAL),
                Err(error) => return Err((all - bytes.len(), error)),
            }
        }
        Ok(())
    }
}

impl<W: Write + Send + 'static> Output for StandardOutput<W> {
    fn append(&mut self, lines: &[u8]) -> Result<Option<Duration>, OutputError> {
        if self.torn {
            self.write(b"\n").map_err(|(_, error)| AuditFailure::Write.of()(error))?;
            self.torn = false;
        }
        self.write(lines).map_err(|(written, error)| {
            let last = written.checked_sub(1).and_then(|index| lines.get(index));
            self.torn = last.is_some_and(|byte| *byte != b'\n');
            AuditFailure::Write.of()(error)
        })?;
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes and is full then, until it is emptied.
    struct Full {
        taken: Vec<u8>,
        room: usize,
    }

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.room == 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            let taken = bytes.len().min(self.room).min(3);
            self.room -= taken;
            self.taken.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_torn_line_is_closed_off_before_the_next() {
        let mut output = StandardOutput::over(Full { taken: Vec::new(), room: 6 });
        assert_eq!(output.append(b"{1}\n{2}\n").unwrap_err().failure, AuditFailure::Write);
        assert!(output.append(b"{3}\n").is_err(), "still full");
        output.stream.room = 100;
        output.append(b"{4}\n{5}\n").unwrap();
        output.append(b"{6}\n").unwrap();
        assert_eq!(output.stream.taken, b"{1}\n{2\n{4}\n{5}\n{6}\n");
    }

    #[test]
    fn lines_that_went_out_whole_are_not_closed_off() {
        let mut output = StandardOutput::over(Full { taken: Vec::new(), room: 4 });
        assert!(output.append(b"{1}\n{2}\n").is_err());
        output.stream.room = 100;
        output.append(b"{3}\n").unwrap();
        assert_eq!(output.stream.taken, b"{1}\n{3}\n");
    }
}
