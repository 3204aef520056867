//! A peer that opens streams and takes as little of the answers as it likes.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time;

use super::call::{Call, END_STREAM};
use crate::support::raw::{ACK, DATA, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS, frame};

pub(crate) const WINDOW_UPDATE: u8 = 8;

/// The largest window (RFC 9113 section 6.9.1), and what it is of a new connection.
const LARGEST_WINDOW: u32 = u32::MAX >> 1;
const FIRST_WINDOW: u32 = 65_535;

/// How long a peer tries to send. A server that is stuck reads no more.
const SENDING: Duration = Duration::from_secs(2);

/// What a peer takes of its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taking {
    /// All there is.
    Everything,
    /// Frames, but no DATA: its windows are 0 until it opens them by hand.
    NoData,
    /// Not a byte of TCP, though its windows of HTTP/2 are open.
    NoBytes,
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Answered,
    Reset(u32),
}

/// A connection. It is closed when this is dropped.
pub(crate) struct Peer {
    write: Arc<tokio::sync::Mutex<OwnedWriteHalf>>,
    seen: Arc<Mutex<Seen>>,
    next: u32,
    reader: Option<JoinHandle<()>>,
    /// Held, so that the connection is open, and not read.
    _unread: Option<OwnedReadHalf>,
}

#[derive(Debug)]
struct Seen {
    ended: BTreeMap<u32, End>,
    is_closed: bool,
    /// How many bytes of DATA the connection's window permits.
    window: usize,
}

impl Peer {
    pub(crate) async fn connect(address: SocketAddr, taking: Taking) -> Self {
        Self::connect_from(Ipv4Addr::UNSPECIFIED, address, taking).await
    }

    /// The same from this address of the machine.
    pub(crate) async fn connect_from(from: Ipv4Addr, address: SocketAddr, taking: Taking) -> Self {
        let buffer = (taking == Taking::NoBytes).then_some(2_048);
        let (read, mut write) = connect_from(from, address, buffer).await.into_split();
        let window = if taking == Taking::NoData { 0 } else { LARGEST_WINDOW };
        // SETTINGS_INITIAL_WINDOW_SIZE is 4.
        let initial_window = [&[0, 4][..], &window.to_be_bytes()].concat();
        let connection_window = (LARGEST_WINDOW - FIRST_WINDOW).to_be_bytes();
        let greeting =
            [PREFACE, &frame(SETTINGS, 0, 0, &initial_window), &frame(WINDOW_UPDATE, 0, 0, &connection_window)];
        // Before anything is read, because what is read is answered. The server may close it at once.
        let _sent = write.write_all(&greeting.concat()).await;
        let write = Arc::new(tokio::sync::Mutex::new(write));
        let seen = Seen { ended: BTreeMap::new(), is_closed: false, window: FIRST_WINDOW as usize };
        let seen = Arc::new(Mutex::new(seen));
        let (reader, unread) = if taking == Taking::NoBytes {
            (None, Some(read))
        } else {
            (Some(tokio::spawn(read_on(read, Arc::clone(&write), Arc::clone(&seen)))), None)
        };
        Self { write, seen, next: 1, reader, _unread: unread }
    }

    /// Makes a call so many times, each on a stream of its own, as far as the connection's window permits by now. Calls
    /// are made whole or not at all.
    ///
    /// # Errors
    ///
    /// The server takes no more, or has closed the connection.
    pub(crate) async fn open(&mut self, call: &Call, times: usize) -> io::Result<()> {
        let mut bytes = Vec::new();
        for _ in 0..times {
            let mut seen = locked(&self.seen);
            let Some(rest) = seen.window.checked_sub(call.data_length()) else { break };
            seen.window = rest;
            bytes.extend(call.frames(self.next));
            self.next += 2;
        }
        self.send(&bytes).await
    }

    /// Opens the window of every open stream by this much.
    pub(crate) async fn open_windows(&self, by: u32) -> io::Result<()> {
        let update = |stream| frame(WINDOW_UPDATE, 0, stream, &by.to_be_bytes());
        let updates = self.open_streams().into_iter().flat_map(update);
        self.send(&updates.collect::<Vec<_>>()).await
    }

    /// The streams that have not ended, as far as the peer has read.
    pub(crate) fn open_streams(&self) -> Vec<u32> {
        let seen = locked(&self.seen);
        let is_open = |stream: &u32| !seen.is_closed && !seen.ended.contains_key(stream);
        (1..self.next).step_by(2).filter(is_open).collect()
    }

    /// How streams ended, as far as the peer has read.
    pub(crate) fn ends(&self) -> Vec<End> {
        locked(&self.seen).ended.values().copied().collect()
    }

    /// Whether the server has closed the connection.
    pub(crate) fn is_closed(&self) -> bool {
        locked(&self.seen).is_closed
    }

    /// Sends bytes.
    ///
    /// # Errors
    ///
    /// The server takes no more, or has closed the connection.
    pub(crate) async fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let mut write = self.write.lock().await;
        time::timeout(SENDING, write.write_all(bytes)).await?
    }
}

/// A connection from an address of this machine, with a receive buffer of so many bytes.
pub(crate) async fn connect_from(from: Ipv4Addr, address: SocketAddr, receive_buffer: Option<u32>) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    if let Some(bytes) = receive_buffer {
        socket.set_recv_buffer_size(bytes).unwrap();
    }
    socket.bind((from, 0).into()).unwrap();
    socket.connect(address).await.unwrap()
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(reader) = &self.reader {
            reader.abort();
        }
    }
}

/// Reads to the end, and answers what every peer must answer, so that the server has no other reason to end it.
async fn read_on(mut read: OwnedReadHalf, write: Arc<tokio::sync::Mutex<OwnedWriteHalf>>, seen: Arc<Mutex<Seen>>) {
    let mut read = async || {
        let mut head = [0; 9];
        read.read_exact(&mut head).await?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        read.read_exact(&mut payload).await?;
        io::Result::Ok((kind, flags, u32::from_be_bytes(stream), payload))
    };
    while let Ok((kind, flags, stream, payload)) = read().await {
        match kind {
            RST_STREAM => {
                let code = u32::from_be_bytes(payload.try_into().unwrap());
                locked(&seen).ended.entry(stream).or_insert(End::Reset(code));
            }
            HEADERS | DATA if flags & END_STREAM != 0 => {
                locked(&seen).ended.entry(stream).or_insert(End::Answered);
            }
            WINDOW_UPDATE if stream == 0 => {
                locked(&seen).window += u32::from_be_bytes(payload.try_into().unwrap()) as usize;
            }
            SETTINGS | PING if flags & ACK == 0 => {
                let payload = if kind == PING { &payload[..] } else { &[] };
                let _may_be_closed = write.lock().await.write_all(&frame(kind, ACK, 0, payload)).await;
            }
            _ => {}
        }
    }
    locked(&seen).is_closed = true;
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
