//! Reads a policy file.

mod tier_quota;

pub(crate) use tier_quota::read_quota;
