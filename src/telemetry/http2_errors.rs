//! HTTP/2 errors that were sent to clients, by frame and code.

use crate::calls::EventCounter;

/// The names of the error codes from 1 on (RFC 9113 section 7), and one for all others.
const NAMES: [&str; 14] = [
    "protocol_error",
    "internal_error",
    "flow_control_error",
    "settings_timeout",
    "stream_closed",
    "frame_size_error",
    "refused_stream",
    "cancel",
    "compression_error",
    "connect_error",
    "enhance_your_calm",
    "inadequate_security",
    "http_1_1_required",
    "other",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndingFrame {
    RstStream,
    GoAway,
}

/// Counted by every connection. `NO_ERROR` is not counted: it is a regular end.
#[derive(Debug, Default)]
pub(crate) struct Http2Errors {
    rst_stream: [EventCounter; NAMES.len()],
    goaway: [EventCounter; NAMES.len()],
}

impl Http2Errors {
    /// Counts a frame that was sent with this code.
    pub(crate) fn count(&self, frame: EndingFrame, code: u32) {
        let Some(place) = code.checked_sub(1) else { return };
        let place = usize::try_from(place).unwrap_or(usize::MAX).min(NAMES.len() - 1);
        let counts = match frame {
            EndingFrame::RstStream => &self.rst_stream,
            EndingFrame::GoAway => &self.goaway,
        };
        if let Some(count) = counts.get(place) {
            count.add_one();
        }
    }

    /// The counts above zero.
    #[cfg(test)]
    pub(crate) fn counted(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        self.all().filter(|(_, _, count)| *count > 0)
    }

    /// Every count, with the names of its frame and its code.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let frames = [("rst_stream", &self.rst_stream), ("goaway", &self.goaway)];
        frames
            .into_iter()
            .flat_map(|(frame, counts)| NAMES.iter().zip(counts).map(move |(code, count)| (frame, *code, count.get())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_is_counted_by_its_name_and_no_error_is_none() {
        let errors = Http2Errors::default();
        for (frame, code) in [
            (EndingFrame::RstStream, 0),
            (EndingFrame::RstStream, 1),
            (EndingFrame::RstStream, 13),
            (EndingFrame::RstStream, 14),
            (EndingFrame::RstStream, u32::MAX),
            (EndingFrame::GoAway, 0),
            (EndingFrame::GoAway, 11),
        ] {
            errors.count(frame, code);
        }
        let counted: Vec<_> = errors.counted().collect();
        assert_eq!(
            counted,
            [
                ("rst_stream", "protocol_error", 1),
                ("rst_stream", "http_1_1_required", 1),
                ("rst_stream", "other", 2),
                ("goaway", "enhance_your_calm", 1)
            ]
        );
        assert_eq!(errors.all().count(), 28);
    }
}
