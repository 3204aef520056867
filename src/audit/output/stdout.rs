//! Standard output.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Output, OutputError, make_room};
use crate::audit::failure::AuditFailure;
use crate::line_stream::{LineStream, Unwritten};

/// Standard output, without the buffer and the lock of the standard library: a line is out when it is written. The
/// callers' own time limits apply while it blocks.
pub(in crate::audit) struct StandardOutput {
    lines: LineStream<File>,
    /// The same stream, to query the system about it.
    stream: File,
}

impl StandardOutput {
    pub(in crate::audit) fn open() -> io::Result<Self> {
        let stream = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        if is_null_device(&stream) {
            tracing::warn!("audit unavailable: standard output is closed or /dev/null, so audit records are lost");
        }
        Ok(Self { lines: LineStream::over(stream.try_clone()?), stream })
    }
}

impl Output for StandardOutput {
    fn append(&mut self, lines: &[u8]) -> Result<Option<Duration>, OutputError> {
        self.lines.append(lines).map_err(|Unwritten { source, .. }| AuditFailure::Write.into_error()(source))?;
        Ok(None)
    }

    fn attempt(&mut self) -> Result<(), OutputError> {
        let has_room = match self.stream.metadata() {
            Ok(metadata) if metadata.is_file() => make_room(&self.stream),
            _ => takes_bytes(&self.stream),
        };
        has_room.map_err(AuditFailure::Write.into_error())
    }
}

/// The standard library also opens it in place of a closed standard output.
fn is_null_device(stream: &File) -> bool {
    let is_null = |null: Metadata| stream.metadata().is_ok_and(|own| own.rdev() == null.rdev() && own.rdev() != 0);
    fs::metadata("/dev/null").is_ok_and(is_null)
}

/// Whether a pipe has room and a reader. A full device cannot be detected.
fn takes_bytes(stream: &File) -> io::Result<()> {
    let mut streams = [PollFd::new(stream, PollFlags::OUT)];
    poll(&mut streams, Some(&Timespec::default()))?;
    match streams.map(|stream| stream.revents()) {
        [events] if events.intersects(PollFlags::ERR | PollFlags::HUP) => Err(io::ErrorKind::BrokenPipe.into()),
        [events] if events.contains(PollFlags::OUT) => Ok(()),
        _ => Err(io::ErrorKind::WouldBlock.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::OwnedFd;

    use super::*;

    #[test]
    fn pipe_takes_bytes_while_it_has_room_and_a_reader() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut stream = File::from(OwnedFd::from(writer));
        takes_bytes(&stream).unwrap();
        let capacity = rustix::pipe::fcntl_getpipe_size(&stream).unwrap();
        stream.write_all(&vec![0; capacity]).unwrap();
        assert_eq!(takes_bytes(&stream).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        reader.read_exact(&mut vec![0; capacity]).unwrap();
        takes_bytes(&stream).unwrap();
        drop(reader);
        assert_eq!(takes_bytes(&stream).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn the_null_device_is_detected() {
        let open = |path| File::options().write(true).open(path).unwrap();
        assert!(is_null_device(&open("/dev/null")));
        assert!(!is_null_device(&open("/dev/full")));
        assert!(!is_null_device(&tempfile::tempfile().unwrap()));
        let (_reader, writer) = io::pipe().unwrap();
        assert!(!is_null_device(&File::from(OwnedFd::from(writer))));
    }
}
