//! The limits and the life of HTTP/1 connections, over real sockets.

mod client;
mod good_caller;
mod lifetime;
mod load;
mod many_connections;
mod slow_requests;
mod unread_answers;
