//! Refuses calls while too many are in flight, instead of letting every one of them become late.

use std::sync::Arc;

use bytes::Bytes;
use http_body::Body as HttpBody;

use super::call_counters::CallCounters;
use super::cause::Cause;
use super::malformed::RequestFault;
use super::message::{self, MessageError, MessageLimits, MessagePrefix};
use super::record::CallRecord;
use super::refusal::refuse;
use super::unserved::Unserved;
use crate::admission::{Holder, Share, Shares};

/// Places for the calls of proven callers, and memory for their messages; both are shared out by caller.
///
/// A call takes them behind authentication: a peer without a proof takes no place from those who have one. Health and
/// reflection take none, because a server that is busy is not one that is broken; they have a limit of their own.
#[derive(Debug)]
pub(crate) struct CallPlaces {
    pub(crate) places: Arc<Shares>,
    /// In bytes.
    pub(crate) message_memory: Arc<Shares>,
    pub(crate) message: MessageLimits,
}

impl CallPlaces {
    /// Reads the message, and then takes a place for the call.
    pub(crate) async fn admit<B>(
        &self,
        body: B,
        prefix: MessagePrefix,
        holder: Holder,
        record: &CallRecord,
        counters: &CallCounters,
    ) -> Result<(Bytes, HeldPlace), Unserved>
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
                Some(RequestFault::Lost) | None => Unserved::Lost,
            },
        })?;
        let place = self.places.take(holder, 1).map_err(|error| refuse(error.into()))?;
        Ok((message, HeldPlace { _memory: memory, _place: place }))
    }
}

/// What a call holds until its answer begins: what is left then are a few KiB that wait for the client, and they count as
/// an open stream.
pub(crate) struct HeldPlace {
    _memory: Share,
    _place: Share,
}
