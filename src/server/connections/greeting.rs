//! Reads the first bytes of a connection: HTTP/2, HTTP/1, or a client that must be told that this port serves only gRPC.
//!
//! The HTTP/2 library sends first and leaves a client of HTTP/1 with bytes that it cannot read, until a time limit ends
//! the connection. So the preface is read before the library gets the connection.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time;

use super::connection::{Connection, PREFACE};

/// The answer to a client of HTTP/1, without its length and its body (RFC 9110 section 15.5.22).
const ANSWER_HEAD: &str = "HTTP/1.1 426 Upgrade Required\r\n\
                           content-type: text/plain; charset=utf-8\r\n\
                           upgrade: HTTP/2.0\r\n\
                           connection: close, upgrade\r\n";

const ANSWER_TEXT: &str = "this port serves gRPC over HTTP/2, with prior knowledge or by ALPN h2\n\
                           for HTTP probes use /livez and /readyz of the admin port\n";

/// The time limit for the answer to a client of HTTP/1, and for the client to leave.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// How much of such a client's data is read, in bytes. If data remains unread when a connection is closed, the system
/// resets it, and the client may lose the answer.
const MAX_UNREAD_BYTES: usize = 64 * 1_024;

/// The protocol that a client begins with.
pub(super) enum Greeting {
    /// The whole preface of HTTP/2, which can be read again.
    Http2(Connection),
    /// The first bytes of HTTP/1, which can be read again.
    Http1(Connection),
    /// A client of HTTP/1 at a listener without HTTP.
    Http1Refused(Http1Client),
    /// Something else.
    Neither,
}

pub(super) struct Http1Client {
    connection: Connection,
    /// Whether the answer must have no body.
    is_head: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FirstBytes {
    /// Not enough bytes to decide.
    More,
    Http2,
    Http1 {
        is_head: bool,
    },
    Neither,
}

fn classify(first: &[u8]) -> FirstBytes {
    if PREFACE.starts_with(first) {
        return if first == PREFACE { FirstBytes::Http2 } else { FirstBytes::More };
    }
    // A line break before the first request is ignored (RFC 9112 section 2.2).
    let first = match first {
        b"\r" => return FirstBytes::More,
        [b'\r', b'\n', first @ ..] | first => first,
    };
    // A method of HTTP/1, which ends in a space (RFC 9112 section 3). `PRI` is reserved (RFC 9113 section 3.4).
    let method = first.iter().position(|byte| !is_token_byte(*byte)).and_then(|end| first.split_at_checked(end));
    match method {
        Some((b"" | b"PRI", _)) => FirstBytes::Neither,
        Some((method, [b' ', ..])) => FirstBytes::Http1 { is_head: method == b"HEAD" },
        None if first.len() < PREFACE.len() => FirstBytes::More,
        Some(_) | None => FirstBytes::Neither,
    }
}

/// RFC 9110 section 5.6.2.
const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

/// Reads the first bytes, never more than the preface has.
///
/// # Errors
///
/// `TimedOut` when the client has not shown its protocol within the limit, `UnexpectedEof` when it leaves earlier, and
/// the connection's own errors.
pub(super) async fn hear(mut connection: Connection, limit: Duration) -> io::Result<Greeting> {
    let mut bytes = [0; PREFACE.len()];
    let heard = async {
        let mut length = 0;
        loop {
            let (first, room) = bytes.split_at_mut(length);
            match classify(first) {
                FirstBytes::More => {}
                shown => return Ok((shown, length)),
            }
            let read = connection.read(room).await?;
            if read == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
            }
            length += read;
        }
    };
    Ok(match time::timeout(limit, heard).await?? {
        (FirstBytes::Http2, length) => {
            connection.unread(bytes.get(..length).unwrap_or_default());
            Greeting::Http2(connection)
        }
        (FirstBytes::Http1 { .. }, length) if connection.info().protocols.http => {
            connection.unread(bytes.get(..length).unwrap_or_default());
            Greeting::Http1(connection)
        }
        (FirstBytes::Http1 { is_head }, _) => Greeting::Http1Refused(Http1Client { connection, is_head }),
        (FirstBytes::Neither | FirstBytes::More, _) => Greeting::Neither,
    })
}

impl Http1Client {
    /// Answers immediately, whatever else the client sends, and lets it read the answer and leave.
    pub(super) async fn refuse(self) {
        // The connection ends with any result.
        let _in_time = time::timeout(ANSWER_LIMIT, self.answer()).await;
    }

    async fn answer(mut self) -> io::Result<()> {
        let text = if self.is_head { "" } else { ANSWER_TEXT };
        let answer = format!("{ANSWER_HEAD}content-length: {}\r\n\r\n{text}", ANSWER_TEXT.len());
        self.connection.write_all(answer.as_bytes()).await?;
        self.connection.shutdown().await?;
        self.connection.turn().lift();
        let (mut bytes, mut left) = ([0; 1_024], MAX_UNREAD_BYTES);
        while left > 0 {
            match self.connection.read(&mut bytes).await? {
                0 => break,
                read => left = left.saturating_sub(read),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::net::UnixStream;
    use tokio::time::Instant;

    use super::*;
    use crate::server::connections::connection::tests::connection;

    const LIMIT: Duration = Duration::from_secs(10);

    #[test]
    fn the_first_bytes_decide_as_soon_as_they_can() {
        for (first, shown) in [
            (&b""[..], FirstBytes::More),
            (b"P", FirstBytes::More),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r", FirstBytes::More),
            (PREFACE, FirstBytes::Http2),
            (b"PRI * HTTP/1.1", FirstBytes::Neither),
            (b"GE", FirstBytes::More),
            (b"GET /", FirstBytes::Http1 { is_head: false }),
            (b"HEAD / HTTP/1.0\r\n", FirstBytes::Http1 { is_head: true }),
            (b"POST ", FirstBytes::Http1 { is_head: false }),
            (b"PUT", FirstBytes::More),
            (b"get /", FirstBytes::Http1 { is_head: false }),
            (b"PROPFIND ", FirstBytes::Http1 { is_head: false }),
            (b"PRO", FirstBytes::More),
            (b"PRI /", FirstBytes::Neither),
            (b" /", FirstBytes::Neither),
            (b"GET\t/", FirstBytes::Neither),
            (b"GET:", FirstBytes::Neither),
            (b"VERSION-CONTROL-OF-ALL-T", FirstBytes::Neither),
            (b"\x16\x03\x01", FirstBytes::Neither),
            (b"SSH-2.0", FirstBytes::More),
            (b"SSH-2.0-OpenSSH_9.6\r\n", FirstBytes::Neither),
            (b"\r", FirstBytes::More),
            (b"\r\n", FirstBytes::More),
            (b"\r\nGET /", FirstBytes::Http1 { is_head: false }),
            (b"\r\n\r\nGET /", FirstBytes::Neither),
            (b"\r\x16", FirstBytes::Neither),
        ] {
            assert_eq!(classify(first), shown, "{first:?}");
        }
    }

    proptest! {
        #[test]
        fn more_bytes_never_change_what_was_shown(first in prop::collection::vec(0x20_u8..0x5b, 0..24)) {
            let mut known = FirstBytes::More;
            for length in 0..=first.len() {
                let shown = classify(&first[..length]);
                prop_assert!(known == FirstBytes::More || known == shown, "{first:?}");
                known = shown;
            }
        }
    }

    /// What a client that sends this in parts receives until the end.
    async fn answer_to(parts: &[&[u8]]) -> String {
        let (mut client, server) = connection();
        let serving = tokio::spawn(async move {
            match hear(server, LIMIT).await.unwrap() {
                Greeting::Http1Refused(client) => client.refuse().await,
                Greeting::Http2(_) | Greeting::Http1(_) => panic!("it is served"),
                Greeting::Neither => {}
            }
        });
        for part in parts {
            client.write_all(part).await.unwrap();
            tokio::task::yield_now().await;
        }
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        drop(client);
        serving.await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_client_of_http_1_gets_an_answer_and_the_connection_is_closed() {
        for parts in [
            &[&b"GET / HTTP/1.1\r\nhost: broker\r\n\r\n"[..]][..],
            &[b"G", b"ET /healthz HTTP/1.0\r\n"],
            &[b"POST /x HTTP/1.1\r\ncontent-length: 10000\r\n\r\n", &[b'x'; 10_000]],
        ] {
            let answer = answer_to(parts).await;
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with("HTTP/1.1 426 Upgrade Required\r\n"), "{answer}");
            for line in ["upgrade: HTTP/2.0", "connection: close, upgrade", &format!("content-length: {}", body.len())]
            {
                assert!(head.lines().any(|found| found == line), "no {line} in {head}");
            }
            assert_eq!(body, ANSWER_TEXT);
        }
        assert!(answer_to(&[b"HEAD / HTTP/1.1\r\n\r\n"]).await.ends_with("\r\n\r\n"));
    }

    #[tokio::test]
    async fn what_is_neither_gets_no_answer() {
        assert_eq!(answer_to(&[b"\x16\x03\x01\x02"]).await, "");
    }

    #[tokio::test]
    async fn a_client_that_leaves_is_gone() {
        let (client, server) = connection();
        drop(client);
        let Err(error) = hear(server, LIMIT).await else { panic!("nothing was sent") };
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_of_http_1_that_stays_is_cut_off() {
        let (mut client, server) = connection();
        client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        let Greeting::Http1Refused(refused) = hear(server, LIMIT).await.unwrap() else { panic!("HTTP/1") };
        let begun = Instant::now();
        refused.refuse().await;
        assert_eq!(begun.elapsed().as_secs(), ANSWER_LIMIT.as_secs());
        drop(client);
    }

    async fn cut_off(limit: Duration, server: Connection) -> Duration {
        let begun = Instant::now();
        let Err(error) = hear(server, limit).await else { panic!("it was heard") };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_without_a_preface_is_cut_off() {
        for sent in [&b""[..], &PREFACE[..1], &PREFACE[..PREFACE.len() - 1], b"GET"] {
            let (mut client, server) = connection();
            client.write_all(sent).await.unwrap();
            let waited = cut_off(LIMIT, server).await;
            assert!((LIMIT..LIMIT + Duration::from_secs(1)).contains(&waited));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_whose_preface_comes_a_byte_a_second_is_cut_off() {
        let (mut client, server): (UnixStream, Connection) = connection();
        let drip = async {
            for byte in PREFACE {
                client.write_all(&[*byte]).await.unwrap();
                time::sleep(Duration::from_secs(1)).await;
            }
        };
        tokio::select! {
            () = drip => unreachable!("the whole preface was waited for"),
            waited = cut_off(LIMIT, server) => assert!(waited < LIMIT + Duration::from_secs(1)),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_with_a_preface_may_be_silent_as_long_as_it_likes() {
        let (mut client, server) = connection();
        let (first, second) = PREFACE.split_at(10);
        client.write_all(first).await.unwrap();
        let sending = async {
            time::sleep(LIMIT / 2).await;
            client.write_all(second).await.unwrap();
            client
        };
        let (mut client, heard) = tokio::join!(sending, hear(server, LIMIT));
        let Greeting::Http2(mut server) = heard.unwrap() else { panic!("HTTP/2") };
        let mut read = [0; PREFACE.len()];
        server.read_exact(&mut read[..5]).await.unwrap();
        server.read_exact(&mut read[5..]).await.unwrap();
        assert_eq!(read, PREFACE);
        assert!(
            time::timeout(Duration::from_hours(1), server.read_u8()).await.is_err(),
            "nothing comes, nothing fails"
        );
        client.write_all(b"x").await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), b'x');
    }
}
