//! Writes whole lines to a stream that other programs share, such as standard output.

use std::io::{self, ErrorKind, Write};
use std::thread;
use std::time::Duration;

/// How often a full non-blocking pipe is retried.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// A stream of lines without a buffer. For threads that may block: a write blocks until the reader reads.
#[derive(Debug)]
pub(crate) struct LineStream<W> {
    stream: W,
    /// Whether the last line is incomplete.
    torn: bool,
}

/// Why lines were not written completely.
#[derive(Debug)]
pub(crate) struct Unwritten {
    /// How many bytes of them were written before the error.
    pub(crate) written: usize,
    /// The system's error.
    pub(crate) source: io::Error,
}

impl<W: Write> LineStream<W> {
    /// Writes to this stream, which must not have its own buffer.
    pub(crate) const fn over(stream: W) -> Self {
        Self { stream, torn: false }
    }

    /// Writes lines that end with a line feed. A line that an earlier error left incomplete is ended first.
    pub(crate) fn append(&mut self, lines: &[u8]) -> Result<(), Unwritten> {
        if self.torn {
            self.write(b"\n").map_err(|Unwritten { source, .. }| Unwritten { written: 0, source })?;
            self.torn = false;
        }
        self.write(lines).inspect_err(|unwritten| {
            let last = unwritten.written.checked_sub(1).and_then(|index| lines.get(index));
            self.torn = last.is_some_and(|byte| *byte != b'\n');
        })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Unwritten> {
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(0) => return Err(Unwritten { written, source: ErrorKind::WriteZero.into() }),
                Ok(more) => written += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Another process that shares the pipe made it non-blocking, and it is full.
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(POLL_INTERVAL),
                Err(source) => return Err(Unwritten { written, source }),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Accepts this many bytes and is full until it is emptied. Every second write must be retried.
    struct Full {
        taken: Vec<u8>,
        room: usize,
        again: bool,
    }

    impl Full {
        const fn with_room(room: usize) -> Self {
            Self { taken: Vec::new(), room, again: false }
        }
    }

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.again = !self.again;
            if self.again {
                return Err(ErrorKind::WouldBlock.into());
            }
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
    fn a_torn_line_is_ended_before_the_next() {
        let mut lines = LineStream::over(Full::with_room(6));
        let unwritten = lines.append(b"{1}\n{2}\n").unwrap_err();
        assert_eq!((unwritten.written, unwritten.source.kind()), (6, ErrorKind::StorageFull));
        assert_eq!(lines.append(b"{3}\n").unwrap_err().written, 0, "still full");
        lines.stream.room = 100;
        lines.append(b"{4}\n{5}\n").unwrap();
        lines.append(b"{6}\n").unwrap();
        assert_eq!(lines.stream.taken, b"{1}\n{2\n{4}\n{5}\n{6}\n");
    }

    #[test]
    fn lines_that_were_written_whole_are_not_ended_again() {
        let mut lines = LineStream::over(Full::with_room(4));
        assert_eq!(lines.append(b"{1}\n{2}\n").unwrap_err().written, 4);
        lines.stream.room = 100;
        lines.append(b"{3}\n").unwrap();
        assert_eq!(lines.stream.taken, b"{1}\n{3}\n");
    }
}
