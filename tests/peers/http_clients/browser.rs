//! Pages in a headless Chromium: of a permitted origin, of another one, and under a foreign name of this machine.

mod chromium;

use serde_json::{Value, json};

use self::chromium::{Chromium, Evaluated};
use crate::registry::{Registry, register};
use crate::support::{ANY_PORT, CUTE_CAT, Process, SUPER_CUTE_CAT, folder, http_get};

pub(super) fn register(registry: &mut Registry<'_>) {
    register!(
        registry,
        [Buf, ConnectEs, Chromium],
        a_page_of_a_permitted_origin_calls_and_transfers,
        a_page_of_another_origin_reads_nothing,
        a_foreign_name_of_this_machine_is_refused_on_every_port
    );
}

/// `access-broker dev` and a browser, whose pages are at names below localhost.
struct Fixture {
    process: Process,
    ready: Value,
    chromium: Chromium,
}

impl Fixture {
    async fn start() -> Self {
        let chromium = Chromium::start().await;
        let origin = chromium.origin("permitted");
        let arguments = [&["dev"][..], &ANY_PORT, &["--ready-file", "ready.json", "--cors-origin", &origin]].concat();
        let mut process = Process::start(&arguments, folder(), &[]);
        let ready = process.wait_for("ready file", |process| std::fs::read(process.path("ready.json")).ok());
        Self { process, ready: serde_json::from_slice(&ready).unwrap(), chromium }
    }

    /// The base addresses by the name of the server.
    fn base(&self, server: &str) -> String {
        let address = self.ready[server].as_str().unwrap();
        if address.starts_with("http://") { address.to_owned() } else { format!("http://{address}") }
    }

    fn task(&self, user: &str) -> Value {
        json!({
            "http": self.base("http"), "admin": self.base("admin"), "issuer": self.base("issuer"),
            "token": self.ready["tokens"][user],
            "key": CUTE_CAT, "refusedKey": SUPER_CUTE_CAT, "uploadedKey": "tier 2/from-a-page.jpg",
        })
    }

    /// Calls a function of the page at an origin.
    async fn call(&mut self, name: &str, function: &str, user: &str) -> Evaluated {
        let expression = format!("page.{function}({})", self.task(user));
        self.chromium.evaluate(&format!("{}/", self.chromium.origin(name)), &expression).await
    }

    async fn finish(mut self) {
        self.chromium.finish().await;
        self.process.signal("TERM");
        assert!(self.process.exit().success());
    }
}

async fn a_page_of_a_permitted_origin_calls_and_transfers() {
    let mut fixture = Fixture::start().await;
    let (http, s3) = (fixture.base("http"), fixture.base("s3"));
    let object = json!({ "status": 200, "length": access_broker_dev::CUTE_CAT.content.len() });

    let calls = fixture.call("permitted", "connectCalls", "user-two").await;
    let denied = json!({ "code": "PermissionDenied", "reason": "OPERATION_NOT_GRANTED", "hasRequestId": true });
    let expected =
        |method: &str| json!({ "method": method, "download": object, "refusal": denied, "withTimeout": "tier-1" });
    assert_eq!(calls.value, json!(["POST", "GET", "POST", "GET"].map(expected)), "{calls:?}");
    // Both methods are preflighted.
    assert!(calls.preflights(&http, 204) >= 2, "{calls:?}");

    let fetches = fixture.call("permitted", "fetches", "user-two").await;
    let refused = json!({ "status": 403, "reason": "OPERATION_NOT_GRANTED", "hasRequestId": true });
    let expected = json!({ "download": object, "presigned": object, "refused": refused });
    assert_eq!(fetches.value, expected, "{fetches:?}");

    let upload = fixture.call("permitted", "upload", "user-one").await;
    let expected = json!({
        "length": "11", "status": 200, "hasEtag": true, "isChecksum": true,
        "again": 412, "reason": "PreconditionFailed",
    });
    assert_eq!(upload.value, expected, "{upload:?}");
    assert!(upload.preflights(&s3, 200) + upload.preflights(&s3, 204) >= 1, "{upload:?}");
    fixture.finish().await;
}

async fn a_page_of_another_origin_reads_nothing() {
    let mut fixture = Fixture::start().await;
    let evaluated = fixture.call("other", "attempts", "user-two").await;
    hold_nothing_read(&evaluated);
    let blocked = evaluated.messages.iter().filter(|message| message.contains("blocked by CORS policy"));
    assert_eq!(blocked.count(), 9, "{evaluated:?}");
    // Calls with a token or with JSON got no further than their preflight.
    let http = fixture.base("http");
    assert_eq!((evaluated.preflights(&http, 403), evaluated.preflights.len()), (4, 4), "{evaluated:?}");

    // A sandboxed page, for which browsers send the origin `null`.
    let url = format!("{}/sandboxed", fixture.chromium.origin("permitted"));
    let origin = fixture.chromium.evaluate(&url, "origin").await;
    assert_eq!(origin.value, "null", "{origin:?}");
    let expression = format!("page.attempts({})", fixture.task("user-two"));
    let evaluated = fixture.chromium.evaluate(&url, &expression).await;
    hold_nothing_read(&evaluated);
    assert_eq!((evaluated.preflights(&http, 403), evaluated.preflights.len()), (4, 4), "{evaluated:?}");

    let log = fixture.process.stderr();
    assert!(!log.contains("outcome="), "{log}");
    fixture.finish().await;
}

/// No attempt was answered, as far as the page can see.
fn hold_nothing_read(evaluated: &Evaluated) {
    let attempts = evaluated.value.as_object().unwrap();
    assert_eq!(attempts.len(), 11);
    for (name, attempt) in attempts {
        let expected = match &**name {
            // The library has a code for it.
            "connect" => json!({ "code": "Unknown", "hasRequestId": false }),
            "opaqueGet" | "opaquePost" => json!({ "type": "opaque", "status": 0, "text": "", "headers": [] }),
            _ => json!("TypeError: Failed to fetch"),
        };
        assert_eq!(*attempt, expected, "{name}: {evaluated:?}");
    }
}

async fn a_foreign_name_of_this_machine_is_refused_on_every_port() {
    let mut fixture = Fixture::start().await;
    for (server, path, refusal) in [
        ("http", "/openapi.json", "names a host that this server does not serve"),
        ("s3", "/", "must be a loopback name"),
        ("issuer", "/.well-known/openid-configuration", "must be a loopback name"),
        ("admin", "/livez", "must be a loopback name"),
    ] {
        // Under the name of this machine, the same resource is not refused like that.
        let own = http_get(format!("{}{path}", fixture.base(server))).await.unwrap().text().await.unwrap();
        assert!(!own.contains(refusal), "{server}: {own}");
        let url = format!("{}{path}", fixture.base(server).replace("127.0.0.1", chromium::FOREIGN_NAME));
        // The page has the origin of the server, so its script may read what the server answers.
        let read = "fetch(location.href).then(async (answer) => [answer.status, await answer.text()])";
        let answer = fixture.chromium.evaluate(&url, read).await;
        assert_eq!(answer.value[0], 403, "{server}: {answer:?}");
        assert!(answer.value[1].as_str().unwrap().contains(refusal), "{server}: {answer:?}");
        let navigation = "performance.getEntriesByType('navigation')[0].responseStatus";
        assert_eq!(fixture.chromium.evaluate(&url, navigation).await.value, 403, "{server}");
    }
    fixture.finish().await;
}
