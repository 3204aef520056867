//! S3 servers.

mod guardian;
mod peer;
mod rgw;
mod seaweedfs;
mod shared;

use std::cell::RefCell;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use access_broker_dev::{AccessKey, EmbeddedS3, EmbeddedS3Options};
use aws_sdk_s3::Client as SdkClient;
use aws_sdk_s3::config::{BehaviorVersion, Config, Credentials, Region, RequestChecksumCalculation};
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

pub(super) use self::peer::Peer;
use self::shared::Shared;
use crate::support::{PATIENCE, eventually, folder};

/// What the broker calls its one bucket, and what servers do that hold no other.
pub(super) const BUCKET: &str = "media";

pub(super) const REGION: &str = "eu-west-1";

/// The key pair that the servers know.
pub(super) const ACCESS_KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
pub(super) const SECRET_ACCESS_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// A key pair that may write and cannot read, where a server has one.
pub(super) const WRITER_ACCESS_KEY_ID: &str = "AKIAIOSFODNN7WRITERS";
pub(super) const WRITER_SECRET_ACCESS_KEY: &str = "neverread/MDENG/bPxRfiCYEXAMPLEKEYwriter";

/// A running server, with an empty bucket. It ends with this value, unless it is shared.
pub(super) struct S3Server {
    pub(super) peer: Peer,
    pub(super) url: String,
    /// The real bucket.
    pub(super) bucket: String,
    /// What the server says of itself. Empty where nothing asks.
    pub(super) version: String,
    /// Where it keeps its objects, if that is on the disk.
    pub(super) data: Option<PathBuf>,
    _running: Running,
}

/// What ends when it is dropped.
enum Running {
    Here(
        #[expect(dead_code, reason = "held until the end")] EmbeddedS3,
        #[expect(dead_code, reason = "the same")] TempDir,
    ),
    Process(
        #[expect(dead_code, reason = "held until the end")] Child,
        #[expect(dead_code, reason = "the same")] TempDir,
    ),
    ForAllTests,
}

impl S3Server {
    pub(super) async fn start(peer: Peer) -> Self {
        match peer {
            Peer::Embedded => Self::embedded(|_| {}).await,
            Peer::Rclone => Self::rclone().await,
            Peer::Moto => Self::moto().await,
            Peer::SeaweedFs => Self::shared(peer, seaweedfs::shared().await).await,
            Peer::Rgw => Self::shared(peer, rgw::shared().await).await,
        }
    }

    /// The embedded server with other options.
    pub(super) async fn embedded(change: impl FnOnce(&mut EmbeddedS3Options)) -> Self {
        let folder = folder();
        let mut options = embedded_options(folder.path().to_owned());
        change(&mut options);
        let server = EmbeddedS3::start(options).await.unwrap();
        let (url, bucket, data) = (server.url(), BUCKET.to_owned(), Some(folder.path().to_owned()));
        let running = Running::Here(server, folder);
        Self { peer: Peer::Embedded, url, bucket, version: String::new(), data, _running: running }
    }

    /// A server of all tests, with a bucket of this test's own.
    async fn shared(peer: Peer, Shared { url, version, data, .. }: &Shared) -> Self {
        static BUCKETS: AtomicUsize = AtomicUsize::new(1);
        let bucket = format!("{BUCKET}-{}", BUCKETS.fetch_add(1, Ordering::Relaxed));
        let (url, version, data) = (url.clone(), version.clone(), data.clone());
        let server = Self { peer, url, bucket, version, data, _running: Running::ForAllTests };
        server.sdk().create_bucket().bucket(&server.bucket).send().await.unwrap();
        server
    }

    async fn rclone() -> Self {
        let folder = folder();
        fs::create_dir_all(folder.path().join("objects").join(BUCKET)).unwrap();
        let mut command = Command::new("rclone");
        command.args(["serve", "s3", "--config", "", "--addr", "127.0.0.1:0", "--auth-key"]);
        command.arg(format!("{ACCESS_KEY_ID},{SECRET_ACCESS_KEY}")).arg("objects");
        Self::process(Peer::Rclone, command, folder, "Starting s3 server on [").await
    }

    async fn moto() -> Self {
        let mut command = Command::new("moto_server");
        command.args(["-H", "127.0.0.1", "-p", "0"]);
        let server = Self::process(Peer::Moto, command, folder(), "Running on ").await;
        let place =
            CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(REGION)).build();
        let sdk = server.sdk();
        sdk.create_bucket().bucket(BUCKET).create_bucket_configuration(place).send().await.unwrap();
        server
    }

    /// Runs a program that says in its log by which URL it serves, and waits until that can be reached.
    async fn process(peer: Peer, mut command: Command, folder: TempDir, announcement: &str) -> Self {
        let path = folder.path().join("log");
        let log = File::create(&path).unwrap();
        command.current_dir(folder.path()).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.kill_on_drop(true).spawn().unwrap();
        let child = RefCell::new(child);
        let address = eventually(&format!("{peer:?}"), PATIENCE, async || {
            let log = fs::read_to_string(&path).unwrap();
            let ended = child.borrow_mut().try_wait().unwrap();
            assert!(ended.is_none(), "{peer:?} has ended ({ended:?}):\n{log}");
            let address = announced(&log, announcement).ok_or(log)?;
            TcpStream::connect(address).await.map(|_| address).map_err(|error| error.to_string())
        })
        .await;
        let url = format!("http://{address}");
        let (bucket, data) = (BUCKET.to_owned(), Some(folder.path().join("objects")));
        let running = Running::Process(child.into_inner(), folder);
        Self { peer, url, bucket, version: String::new(), data, _running: running }
    }

    /// AWS's own client, with the key pair that may do everything.
    pub(super) fn sdk(&self) -> SdkClient {
        self.sdk_of(ACCESS_KEY_ID, SECRET_ACCESS_KEY)
    }

    /// The same with another key pair.
    pub(super) fn sdk_of(&self, access_key_id: &str, secret_access_key: &str) -> SdkClient {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(&self.url)
            .force_path_style(true)
            // Not all servers know those that it would add.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .credentials_provider(Credentials::new(access_key_id, secret_access_key, None, None, "test"));
        SdkClient::from_conf(config.build())
    }
}

fn embedded_options(data_dir: PathBuf) -> EmbeddedS3Options {
    EmbeddedS3Options {
        address: SocketAddr::from(([127, 0, 0, 1], 0)),
        data_dir,
        keys: vec![AccessKey { id: ACCESS_KEY_ID.to_owned(), secret: SECRET_ACCESS_KEY.to_owned(), session: None }],
        bucket: BUCKET.to_owned(),
        region: Some(REGION.to_owned()),
        owner: None,
        requester_pays: false,
    }
}

/// The address of a URL in a log.
fn announced(log: &str, announcement: &str) -> Option<SocketAddr> {
    let (_, url) = log.split_once(announcement)?;
    // What follows must be there, or the port may still be being written.
    let (address, _) = url.strip_prefix("http://")?.split_once(['/', '\n'])?;
    address.parse().ok()
}
