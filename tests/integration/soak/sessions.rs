//! Sessions of signing credentials, handed out in files as an agent on the machine does it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use access_broker_dev::{AccessKey, Session};
use tokio::task::JoinHandle;
use tokio::time;

use super::world::SECRET;

/// How long the broker may sign with a session. It gives no URL of less than a minute and keeps half a minute in hand,
/// so that it reads the files every 10 seconds, and has nothing to sign with 8 to 20 seconds after they are gone.
const LIFE: Duration = Duration::from_secs(110);

/// How often there is another session.
const INTERVAL: Duration = Duration::from_secs(2);

/// The folder that the broker reads, which is a link to that of the session in force: all files change in one step.
pub(super) const FOLDER: &str = "session";

/// Hands out sessions until it is dropped.
pub(super) struct Sessions {
    state: Arc<State>,
    agent: JoinHandle<()>,
}

struct State {
    folder: PathBuf,
    keys: Vec<AccessKey>,
    next: AtomicUsize,
    is_away: AtomicBool,
}

/// The keys of all sessions that a soak of this length needs. The S3 server takes them for longer than the broker signs
/// with them.
pub(super) fn keys(whole: Duration) -> Vec<AccessKey> {
    let count = usize::try_from(whole.as_secs()).unwrap() + 300;
    let expires_at = SystemTime::now() + whole + Duration::from_hours(1);
    let key = |index| AccessKey {
        id: format!("ASIASESSION{index:05}"),
        secret: format!("{SECRET}-key-{index}"),
        session: Some(Session { token: format!("{SECRET}-token-{index}"), expires_at }),
    };
    (0..count).map(key).collect()
}

impl Sessions {
    pub(super) fn start(folder: &Path, keys: Vec<AccessKey>) -> Self {
        let (next, is_away) = (AtomicUsize::new(0), AtomicBool::new(false));
        let state = Arc::new(State { folder: folder.to_owned(), keys, next, is_away });
        state.hand_out();
        let of_agent = Arc::clone(&state);
        let agent = tokio::spawn(async move {
            loop {
                time::sleep(INTERVAL).await;
                if !of_agent.is_away.load(Ordering::SeqCst) {
                    of_agent.hand_out();
                }
            }
        });
        Self { state, agent }
    }

    /// Removes the files.
    pub(super) fn take_away(&self) {
        self.state.is_away.store(true, Ordering::SeqCst);
        fs::remove_file(self.state.folder.join(FOLDER)).unwrap();
    }

    /// Puts a new session where the last one was, and gives its number.
    pub(super) fn bring_back(&self) -> usize {
        let number = self.state.next.load(Ordering::SeqCst);
        self.state.hand_out();
        self.state.is_away.store(false, Ordering::SeqCst);
        number
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        self.agent.abort();
    }
}

impl State {
    fn hand_out(&self) {
        let key = &self.keys[self.next.fetch_add(1, Ordering::SeqCst)];
        let folder = self.folder.join(&key.id);
        fs::create_dir(&folder).unwrap();
        let end = humantime::format_rfc3339_seconds(SystemTime::now() + LIFE).to_string();
        let token = &key.session.as_ref().unwrap().token;
        for (name, value) in [("id", &key.id), ("key", &key.secret), ("token", token), ("end", &end)] {
            fs::write(folder.join(name), value).unwrap();
        }
        let link = self.folder.join("next");
        symlink(&key.id, &link).unwrap();
        fs::rename(link, self.folder.join(FOLDER)).unwrap();
    }
}

/// The number of the session that signed a URL.
pub(super) fn number_in(url: &str) -> usize {
    let (_, rest) = url.split_once("X-Amz-Credential=ASIASESSION").expect("a session's signature");
    rest[..5].parse().unwrap()
}
