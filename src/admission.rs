//! Admission: which connections, streams, request bytes and calls get in when a limit is reached.
//!
//! Every limit per item has a total limit, and every total is shared, so that one peer cannot take what others need:
//!
//! - [`ConnectionLedger`]: connections in total, without an authenticated caller, and by address.
//! - [`UnprovenBudgets`](unproven_streams::UnprovenBudgets): streams of health and reflection, and calls whose caller
//!   is not authenticated yet, by connection.
//! - [`SignatureTurns`]: signature checks, by connection.
//! - [`Shares`]: streams, request bytes and calls of authenticated callers, by caller.
//!
//! Each is bookkeeping under one lock and knows nothing of gRPC. Only a call that needs a signature check waits.

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
