//! Who is calling? Tokens, keys and issuers.

mod caller;

pub use caller::Caller;
