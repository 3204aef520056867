//! Frame by frame: peers that break the rules, and the program as their target.

pub(crate) mod call;
pub(crate) mod floods;
pub(crate) mod peer;
pub(crate) mod target;
