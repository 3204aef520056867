use std::net::SocketAddr;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::sync::Semaphore;

use super::*;

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A time limit that no test reaches.
const AGES: Duration = Duration::from_hours(1);

struct Admin {
    address: SocketAddr,
    counters: Arc<AdminCounters>,
    /// What `/gated` waits for.
    gate: Arc<Semaphore>,
    stop: CancellationToken,
    served: JoinSet<()>,
}

async fn admin(max_connections: u32, header: Duration, answer: Duration) -> Admin {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (counters, gate, stop) =
        (Arc::new(AdminCounters::default()), Arc::new(Semaphore::new(0)), CancellationToken::new());
    let waits = Arc::clone(&gate);
    let gated =
        move || async move { waits.acquire().await.map_or(StatusCode::INTERNAL_SERVER_ERROR, |_open| StatusCode::OK) };
    let routes = Router::new()
        .route("/livez", get(|| async { "live\n" }))
        .route("/large", get(|| async { vec![b'x'; 64 << 20] }))
        .route("/gated", get(gated));
    let limits = AdminLimits { max_connections, request: RequestLimits { header, answer } };
    let mut served = JoinSet::new();
    served.spawn(serve(listener, routes, limits, Arc::clone(&counters), stop.clone()));
    Admin { address, counters, gate, stop, served }
}

impl Admin {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn send(&self, request: &str) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// Connects so many times without a whole request.
    async fn half_sent(&self, count: usize) -> Vec<TcpStream> {
        let mut streams = Vec::new();
        for _ in 0..count {
            streams.push(self.send("GET /livez HTTP/1.1\r\nHost: x\r\n").await);
        }
        streams
    }
}

fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
}

/// Everything up to the end of the connection.
async fn rest(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset is an end as well.
    let _read = time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the connection ends");
    String::from_utf8(answer).unwrap()
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            time::sleep(Duration::from_millis(5)).await;
        }
    };
    time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test]
async fn a_request_is_answered_and_its_connection_closed() {
    let admin = admin(2, AGES, AGES).await;
    for _ in 0..5 {
        let answer = rest(admin.send(&request("/livez")).await).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nlive\n"), "{answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
    }
    let counters = &admin.counters;
    until("all connections are closed", || counters.open() == 0).await;
    assert_eq!((counters.accepted.get(), counters.refused.get(), counters.displaced.get()), (5, 0, 0));
}

#[tokio::test]
async fn half_sent_requests_keep_no_scrape_out_and_no_more_are_open_than_are_allowed() {
    let admin = admin(4, AGES, AGES).await;
    let held = admin.half_sent(50).await;
    let answer = rest(admin.send(&request("/livez")).await).await;
    assert!(answer.ends_with("live\n"), "{answer}");
    let counters = &admin.counters;
    until("those that gave way are closed", || counters.open() <= 4).await;
    assert_eq!((counters.accepted.get(), counters.displaced.get(), counters.refused.get()), (51, 47, 0));
    drop(held);
}

#[tokio::test]
async fn a_request_that_does_not_arrive_in_time_is_given_up() {
    let admin = admin(4, Duration::from_millis(50), AGES).await;
    let silent = admin.connect().await;
    let half_sent = admin.half_sent(1).await.remove(0);
    assert_eq!((rest(silent).await, rest(half_sent).await), (String::new(), String::new()));
    assert_eq!(admin.counters.timed_out.get(), 2);
}

#[tokio::test]
async fn a_request_that_arrives_byte_by_byte_gets_no_more_time() {
    let admin = admin(4, Duration::from_millis(200), AGES).await;
    let mut stream = admin.send("GET /livez HTTP/1.1\r\n").await;
    let drip = async {
        while stream.write_all(b"x: y\r\n").await.is_ok() {
            time::sleep(Duration::from_millis(10)).await;
        }
    };
    time::timeout(PATIENCE, drip).await.expect("the connection is closed");
    assert_eq!(admin.counters.timed_out.get(), 1);
}

#[tokio::test]
async fn an_answer_that_is_not_read_in_time_is_given_up() {
    let admin = admin(4, AGES, Duration::from_millis(200)).await;
    let mut stream = admin.send(&request("/large")).await;
    until("time is up", || admin.counters.timed_out.get() == 1 && admin.counters.open() == 0).await;
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer).await;
    assert!(answer.len() < 64 << 20);
}

#[tokio::test]
async fn when_all_places_are_busy_a_further_connection_is_closed_at_once() {
    let admin = admin(2, AGES, AGES).await;
    let busy = [admin.send(&request("/gated")).await, admin.send(&request("/gated")).await];
    until("both are accepted", || admin.counters.accepted.get() == 2).await;
    // Only a third connection shows whether a request has arrived: it displaces one until then.
    let mut displaced = 0;
    while admin.counters.refused.get() == 0 {
        assert!(displaced < 1_000, "a connection beyond the limit is never refused");
        drop(rest(admin.send(&request("/gated")).await));
        displaced += 1;
        time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(rest(admin.send(&request("/livez")).await).await, "");
    admin.gate.add_permits(10);
    until("the places are free again", || admin.counters.open() == 0).await;
    assert!(rest(admin.send(&request("/livez")).await).await.ends_with("live\n"));
    drop(busy);
}

#[tokio::test]
async fn readers_that_do_not_read_keep_a_scrape_out_for_the_time_of_a_header_at_most() {
    let admin = admin(2, Duration::from_millis(300), AGES).await;
    let mut readers = Vec::new();
    for _ in 0..2 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        let mut stream = socket.connect(admin.address).await.unwrap();
        stream.write_all(request("/large").as_bytes()).await.unwrap();
        readers.push(stream);
    }
    let scraped = async {
        while !rest(admin.send(&request("/livez")).await).await.ends_with("live\n") {
            time::sleep(Duration::from_millis(20)).await;
        }
    };
    time::timeout(PATIENCE, scraped).await.expect("a scrape is answered");
    assert!(admin.counters.displaced.get() >= 1);
}

#[tokio::test]
async fn a_request_with_a_body_is_answered_without_it_and_large_headers_are_refused() {
    let admin = admin(4, AGES, AGES).await;
    let post = "POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n";
    assert!(rest(admin.send(post).await).await.starts_with("HTTP/1.1 405 "));
    let large = format!("GET /livez HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(64 << 10));
    let answer = rest(admin.send(&large).await).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn a_stop_answers_what_has_arrived_and_closes_the_rest() {
    let mut admin = admin(4, AGES, AGES).await;
    let half_sent = admin.half_sent(1).await.remove(0);
    let mut gated = admin.send(&request("/gated")).await;
    until("both are accepted", || admin.counters.accepted.get() == 2).await;
    // The second request has arrived when a third connection is answered: all run on one thread, in turn.
    for _ in 0..10 {
        assert!(rest(admin.send(&request("/livez")).await).await.ends_with("live\n"));
    }
    admin.stop.cancel();
    assert_eq!(rest(half_sent).await, "");
    assert!(TcpStream::connect(admin.address).await.is_err(), "nothing listens any more");
    admin.gate.add_permits(1);
    let mut answer = String::new();
    time::timeout(PATIENCE, gated.read_to_string(&mut answer)).await.expect("an answer").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    time::timeout(PATIENCE, admin.served.join_next()).await.expect("it ends").unwrap().unwrap();
}
