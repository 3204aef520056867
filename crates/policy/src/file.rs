//! Reads a policy file.

mod compile;
mod condition;
mod context;
mod defaults;
mod download;
mod encryption;
mod endpoints;
mod hash;
mod include;
mod inherit;
mod layers;
mod lifetime;
mod lists;
mod losses;
mod members;
mod members_of;
mod parse;
mod quota;
mod reach;
mod rule;
mod same_prefix;
mod templates;
mod tier;
mod upload;
mod upload_target;
mod warnings;

pub use context::PolicyContext;
pub use losses::{Loss, losses};
pub use members::{MAX_MEMBERS, lost_lists};
pub use parse::CompiledPolicy;
pub use quota::{RateScope, read_rate};
pub use warnings::{CallerOutlook, looks_like_path};
