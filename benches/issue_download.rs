//! `IssueDownloadUrl` of the whole server, compared with a plain tonic service that returns the same answers, in one run.
//!
//! The broker is the one of `access-broker dev`: access log, authentication, policy, SigV4 presigner, over loopback
//! TCP. It logs as in production, JSON at level info, to a writer that discards the lines. The plain service has the
//! generated server type and prebuilt answers of the same bytes, without layers and logs. Each has a separate thread
//! with a single-threaded runtime; one client on the main thread sends the same calls to both in turn.
//!
//! If the client and a server share few cores, calls per second depend on the client as much as on the server. The CPU
//! time of the server's thread, which the kernel counts in nanoseconds, does not: its inverse is the number of answers
//! per second of one core. Linux only.
//!
//! Without `--bench`, as in `cargo test --benches`, it runs one short round.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark ends at its first error and prints")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{array, env, fs, io, iter};

use access_broker::contract::proto::access_broker_service_client::AccessBrokerServiceClient;
use access_broker::contract::proto::access_broker_service_server::{AccessBrokerService, AccessBrokerServiceServer};
use access_broker::contract::proto::{
    IssueDownloadUrlRequest, IssueDownloadUrlResponse, IssueUploadUrlRequest, IssueUploadUrlResponse,
    VerifyUploadRequest, VerifyUploadResponse,
};
use access_broker::dev::environment::{Environment, EnvironmentOptions};
use access_broker::telemetry::{LogFormat, LogSettings, Traces, subscriber};
use access_broker_dev::{CLIENT_ID, CUTE_CAT, EmbeddedIssuer, SUPER_CUTE_CAT, USERS};
use mimalloc::MiMalloc;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Request, Response, Status, async_trait};
use tracing::Level;

/// The broker's allocator.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

type Client = AccessBrokerServiceClient<Channel>;
type Authorization = MetadataValue<Ascii>;

/// HTTP/2 connections to each server.
const CONNECTIONS: usize = 4;

/// Calls in flight on each connection.
const IN_FLIGHT: usize = 16;

/// The object that every user may read, and the one that only the first user may read.
const GRANTED: &str = CUTE_CAT.key;
const REFUSED: &str = SUPER_CUTE_CAT.key;

fn main() {
    let (rounds, calls) = if env::args().any(|argument| argument == "--bench") { (15, 2_000) } else { (1, 100) };
    let logs = subscriber(LogSettings { format: LogFormat::Json, level: Level::INFO }, io::sink);
    tracing::subscriber::set_global_default(logs).unwrap();

    let (broker, mut tokens) = ServerThread::start("broker", async move || start_broker(rounds * calls + 1).await);
    let same = tokens.pop().unwrap();
    let runtime = runtime();
    let (issued, refused) = runtime.block_on(answers_of(broker.address, &same));
    let (bare, ()) = ServerThread::start("bare", async move || start_bare(BareService { issued, refused }));
    let drivers = [&broker, &bare].map(|server| Driver { server, clients: runtime.block_on(connect(server.address)) });

    let mut costs: [Vec<[Cost; 2]>; 3] = array::from_fn(|_| Vec::new());
    // The first round warms up. It uses no new tokens.
    for round in 0..=rounds {
        let new = if round == 0 { vec![same.clone(); calls] } else { tokens.split_off(tokens.len() - calls) };
        let repeated = || vec![same.clone(); calls];
        let cases = [(GRANTED, repeated()), (GRANTED, new), (REFUSED, repeated())];
        for (costs, (key, authorizations)) in costs.iter_mut().zip(cases) {
            let authorizations: Arc<[Authorization]> = authorizations.into();
            let cost = drivers.each_ref().map(|driver| runtime.block_on(driver.drive(key, &authorizations)));
            if round > 0 {
                costs.push(cost);
            }
        }
    }
    report(rounds, calls, &costs);
    drop(drivers);
    broker.stop();
    bare.stop();
}

fn report(rounds: usize, calls: usize, costs: &[Vec<[Cost; 2]>; 3]) {
    println!("\nIssueDownloadUrl: median of {rounds} rounds of {calls} calls, servers and cases taken in turn,");
    println!(
        "{CONNECTIONS} connections with {IN_FLIGHT} calls in flight each; the ratio is the median of the rounds' own"
    );
    for (title, time_of) in [
        ("calls per second, one client on one core", (|cost| cost.wall) as fn(&Cost) -> Duration),
        ("calls per second of the server thread's CPU time", |cost| cost.cpu),
    ] {
        println!("\n  {title:<50} {:>8} {:>8} {:>6}   added per call", "broker", "bare", "ratio");
        for (case, rounds) in
            ["the same token every time", "a new token every time", "refused by the policy"].iter().zip(costs)
        {
            let seconds = |cost: &Cost| time_of(cost).as_secs_f64();
            let [broker, bare] = array::from_fn(|server| median(rounds.iter().map(|costs| seconds(&costs[server]))));
            let ratio = median(rounds.iter().map(|[broker, bare]| seconds(bare) / seconds(broker)));
            let added = median(rounds.iter().map(|[broker, bare]| seconds(broker) - seconds(bare)));
            println!(
                "  {case:<50} {:>8.0} {:>8.0} {ratio:>6.2} {:>13.1} µs",
                broker.recip(),
                bare.recip(),
                added * 1e6
            );
        }
    }
    println!();
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The average cost of one call in a round.
struct Cost {
    wall: Duration,
    /// Of the server's thread.
    cpu: Duration,
}

/// The client's side of one server.
struct Driver<'a> {
    server: &'a ServerThread,
    clients: Vec<Client>,
}

impl Driver<'_> {
    /// Makes one call for each of the authorizations and checks every answer's code.
    async fn drive(&self, key: &'static str, authorizations: &Arc<[Authorization]>) -> Cost {
        let expected = if key == GRANTED { Code::Ok } else { Code::PermissionDenied };
        let next = Arc::new(AtomicUsize::new(0));
        let (started, cpu_before) = (Instant::now(), self.server.cpu_time());
        let mut workers = JoinSet::new();
        for client in self.clients.iter().flat_map(|client| iter::repeat_n(client, IN_FLIGHT)) {
            let (mut client, next, authorizations) = (client.clone(), Arc::clone(&next), Arc::clone(authorizations));
            workers.spawn(async move {
                while let Some(authorization) = authorizations.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let answer = client.issue_download_url(request(key, authorization)).await;
                    assert_eq!(answer.map_or_else(|status| status.code(), |_| Code::Ok), expected);
                }
            });
        }
        workers.join_all().await;
        let (wall, cpu) = (started.elapsed(), self.server.cpu_time().saturating_sub(cpu_before));
        let calls = u32::try_from(authorizations.len()).unwrap();
        Cost { wall: wall / calls, cpu: cpu / calls }
    }
}

fn request(key: &str, authorization: &Authorization) -> Request<IssueDownloadUrlRequest> {
    let message = IssueDownloadUrlRequest { bucket: "media".to_owned(), key: key.to_owned(), ..Default::default() };
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", authorization.clone());
    request
}

async fn connect(address: SocketAddr) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        clients.push(Client::new(endpoint.connect().await.unwrap()));
    }
    clients
}

/// The broker's answers, which the plain service repeats.
async fn answers_of(broker: SocketAddr, authorization: &Authorization) -> (IssueDownloadUrlResponse, Status) {
    let mut client = connect(broker).await.remove(0);
    let issued = client.issue_download_url(request(GRANTED, authorization)).await.unwrap().into_inner();
    let refused = client.issue_download_url(request(REFUSED, authorization)).await.unwrap_err();
    // Without the headers that the transport adds.
    let refused = Status::with_details(refused.code(), refused.message(), refused.details().to_vec().into());
    (issued, refused)
}

/// Starts everything that `access-broker dev` does, and signs different tokens of a user who may read one sample.
async fn start_broker(tokens: usize) -> (Environment, SocketAddr, Vec<Authorization>) {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let options = EnvironmentOptions {
        grpc_addr: free,
        admin_addr: free,
        s3_addr: free,
        issuer_addr: free,
        data_dir: None,
        cors_origins: Vec::new(),
        // The plain service does not write to a disk either; benches/audit.rs measures that cost.
        audit: false,
        traces: Traces::off(),
        log: Arc::default(),
    };
    let environment = Environment::start(options).await.unwrap();
    let issuer = &environment.issuer;
    let halves = [0..tokens / 2, tokens / 2..tokens];
    let signed = thread::scope(|scope| {
        let halves = halves.map(|half| scope.spawn(move || half.map(|id| sign(issuer, id)).collect::<Vec<_>>()));
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    });
    let address = environment.grpc_addr;
    (environment, address, signed)
}

/// An ID token in the issuer's form, with a unique id.
fn sign(issuer: &EmbeddedIssuer, id: usize) -> Authorization {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let user = USERS[1];
    let claims = json!({
        "iss": issuer.issuer(),
        "sub": user.subject,
        "aud": CLIENT_ID,
        "token_use": "id",
        "auth_time": now,
        "iat": now,
        "exp": now + 3_600,
        "jti": format!("00000000-0000-4000-8000-{id:012}"),
        "cognito:username": user.name,
        "cognito:groups": user.groups,
        "email": user.email,
        "email_verified": true,
    });
    format!("Bearer {}", issuer.sign_claims(&claims).unwrap()).parse().unwrap()
}

/// Starts the plain service.
fn start_bare(service: BareService) -> ((), SocketAddr, ()) {
    let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into()).unwrap().with_nodelay(Some(true));
    let address = incoming.local_addr().unwrap();
    let server = Server::builder().add_service(AccessBrokerServiceServer::new(service));
    tokio::spawn(server.serve_with_incoming(incoming));
    ((), address, ())
}

/// Prebuilt answers.
struct BareService {
    issued: IssueDownloadUrlResponse,
    refused: Status,
}

#[async_trait]
impl AccessBrokerService for BareService {
    async fn issue_download_url(
        &self,
        request: Request<IssueDownloadUrlRequest>,
    ) -> Result<Response<IssueDownloadUrlResponse>, Status> {
        if request.get_ref().key == GRANTED {
            Ok(Response::new(self.issued.clone()))
        } else {
            Err(self.refused.clone())
        }
    }

    async fn issue_upload_url(
        &self,
        _request: Request<IssueUploadUrlRequest>,
    ) -> Result<Response<IssueUploadUrlResponse>, Status> {
        Err(Status::unimplemented("not a part of the comparison"))
    }

    async fn verify_upload(
        &self,
        _request: Request<VerifyUploadRequest>,
    ) -> Result<Response<VerifyUploadResponse>, Status> {
        Err(Status::unimplemented("not a part of the comparison"))
    }
}

/// A server on a separate thread.
struct ServerThread {
    address: SocketAddr,
    /// The kernel's file with the CPU time of the thread.
    accounts: PathBuf,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl ServerThread {
    /// Starts a server, which runs until its first part is dropped, and returns when it has its address.
    fn start<S, T: Send + 'static>(
        name: &str,
        start: impl AsyncFnOnce() -> (S, SocketAddr, T) + Send + 'static,
    ) -> (Self, T) {
        let (started, facts) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let run = async move || {
            let (server, address, rest) = start().await;
            let accounts = PathBuf::from("/proc").join(fs::read_link("/proc/thread-self").unwrap()).join("schedstat");
            started.send((address, accounts, rest)).unwrap();
            // Stopped, or the main thread has ended.
            let _either_way = stopped.await;
            drop(server);
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(|| runtime().block_on(run())).unwrap();
        let (address, accounts, rest) = facts.recv().unwrap();
        (Self { address, accounts, stop, thread }, rest)
    }

    /// The CPU time of the thread so far.
    fn cpu_time(&self) -> Duration {
        let accounts = fs::read_to_string(&self.accounts).unwrap();
        Duration::from_nanos(accounts.split(' ').next().unwrap().parse().unwrap())
    }

    fn stop(self) {
        self.stop.send(()).unwrap();
        self.thread.join().unwrap();
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}
