//! Who gets a place when there are not enough for all: connections, streams, request bytes, calls.
//!
//! Every limit on one item has a limit on the total beside it, and every total is shared out, so that one peer cannot
//! take what others need:
//!
//! - [`ConnectionLedger`]: connections in all, without a proven caller, and by address.
//! - [`UnprovenBudgets`](unproven_streams::UnprovenBudgets): streams of health and reflection, and calls whose caller is not proven yet, by connection.
//! - [`SignatureTurns`]: signature checks, by connection.
//! - [`Shares`]: streams, request bytes and places of proven callers, by caller.
//!
//! Plain bookkeeping under a lock each, which knows nothing of gRPC. Only a call that needs a signature check waits.

mod address_block;
mod budgets;
mod connection_ledger;
mod open_stream;
mod shares;
mod signature_turns;
mod undelivered;
mod unproven_streams;

pub(crate) use address_block::{AddressBlock, AddressCap, AddressShare};
pub(crate) use budgets::{BudgetLimits, Budgets};
pub(crate) use connection_ledger::{
    ConnectionCaps, ConnectionEnd, ConnectionEntry, ConnectionLedger, ConnectionRefusal, ConnectionSlot,
};
pub(crate) use open_stream::{HandedOver, OpenStream, StreamBudgets};
pub(crate) use shares::{Holder, NoShare, Share, Shares};
pub(crate) use signature_turns::{Lane, SignatureTurns};
pub(crate) use unproven_streams::{NoRoom, UnprovenKind};
