//! Refuses calls above a limit, so that the others are not delayed.

use std::sync::Arc;

use bytes::Bytes;
use http_body::Body as HttpBody;

use super::call_counters::CallCounters;
use super::cause::Cause;
use super::malformed::RequestFault;
use super::message::{self, MessageError, MessageLimits, MessagePrefix};
use super::record::CallRecord;
use super::refuse::refuse;
use super::unanswered::Unanswered;
use crate::admission::{Holder, Share, Shares};

/// Slots for calls of authenticated callers, and memory for their messages; both are shared by caller.
///
/// A call takes them after authentication, so unauthenticated peers cannot take the slots of callers. Health and
/// reflection take none, because a busy server must not appear broken; they have their own limit.
#[derive(Debug)]
pub(crate) struct CallSlots {
    pub(crate) places: Arc<Shares>,
    /// In bytes.
    pub(crate) message_memory: Arc<Shares>,
    pub(crate) message: MessageLimits,
}

impl CallSlots {
    /// Reads the message, and then takes a slot for the call.
    pub(crate) async fn admit<B>(
        &self,
        body: B,
        prefix: MessagePrefix,
        holder: Holder,
        record: &CallRecord,
        counters: &CallCounters,
    ) -> Result<(Bytes, CallSlot), Unanswered>
    where
        B: HttpBody<Data = Bytes> + Unpin,
    {
        let refuse = |cause: Cause| refuse(cause, record, counters);
        let mut memory = self.message_memory.take(holder, 0).map_err(|error| refuse(error.into()))?;
        let message = message::read(body, prefix, self.message, &mut memory).await;
        let message = message.map_err(|error| match error {
            MessageError::NoMemory(error) => refuse(error.into()).into(),
            MessageError::TooLarge => refuse(Cause::MessageTooLarge).into(),
            MessageError::TimedOut => refuse(Cause::MessageTimedOut).into(),
            MessageError::Ended => match record.request_fault() {
                Some(RequestFault::Malformed(malformed)) => refuse(Cause::Malformed(malformed)).into(),
                Some(RequestFault::Lost) | None => Unanswered::Lost,
            },
        })?;
        let place = self.places.take(holder, 1).map_err(|error| refuse(error.into()))?;
        Ok((message, CallSlot { _memory: memory, _place: place }))
    }
}

/// What a call holds until its answer begins. After that, a few KiB wait for the client, and they count as an open
/// stream.
pub(crate) struct CallSlot {
    _memory: Share,
    _place: Share,
}
