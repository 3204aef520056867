//! Attacks frame by frame on the program itself. Each leaves a good caller served, and gives back what it took.

mod floods;
pub(crate) mod good_caller;
mod handshakes;
mod held_streams;
mod hogs;
mod idle_connections;
mod messages;
mod unread_answers;
