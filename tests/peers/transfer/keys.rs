//! A key is used byte for byte, whatever it holds.

use access_broker::contract::proto::IssueDownloadUrlRequest;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::clients::{HttpAnswer, HttpClient, HttpRequest};
use super::fixture::{Fixture, download, upload};
use super::servers::Peer;
use crate::registry::{Registry, register, register_on};

pub(super) fn register(registry: &mut Registry<'_>) {
    register!(registry, [Curl, Requests, Node], every_client_uses_nasty_keys_on_the_embedded_server);
    register!(registry, [Curl, Requests, Node, SeaweedFs], every_client_uses_nasty_keys_on_seaweedfs);
    register!(registry, [Curl, Requests, Node, Rgw], every_client_uses_nasty_keys_on_ceph);
    register!(registry, [Curl, Requests, Node, Rclone], every_client_uses_nasty_keys_on_rclone);
    register_on!(
        registry,
        Peer::VERIFIERS,
        [],
        the_broker_finds_objects_with_nasty_keys_itself,
        any_key_is_used_as_it_is
    );
}

/// Keys that encoders, decoders, shells and file systems get wrong.
const NASTY: [&str; 24] = [
    "tier 1/cute cat.jpg",
    "a+b c",
    "a%2Bb%20c",
    "100%",
    "%",
    "a=b&c=d",
    "~user/.hidden/..x",
    "\"double\" and 'single'",
    "`$(echo)` $HOME ${HOME} {a,b}",
    "what?x=y#fragment",
    "a;b:c@d",
    "http:/x",
    "[1-9]/[]",
    "back\\slash",
    "<a>|^!*(),",
    "🐈/👩‍🔬",
    // The same text composed and decomposed: two objects.
    "caf\u{E9}",
    "cafe\u{301}",
    "שלום/مرحبا",
    "\u{202E}gpj.exe",
    "\u{FEFF}bom\u{200B}",
    "…/‥/․",
    "X-Amz-Signature=0&versionId=1",
    "Größe",
];

/// 1,024 bytes in segments of up to 250, which file systems can hold.
fn long_in_segments() -> String {
    let segments = ["é".repeat(125), "a b".repeat(83), "k".repeat(250), "+".repeat(250), "%41".repeat(7)];
    let key = segments.join("/");
    assert_eq!(key.len(), 250 + 249 + 250 + 250 + 21 + 4);
    key
}

/// The content says which key it was written under.
fn content(key: &str) -> Vec<u8> {
    format!("the object {key}").into_bytes()
}

async fn write(fixture: &Fixture, client: &mut HttpClient, key: &str) -> HttpAnswer {
    let put = HttpRequest::promised(&fixture.put(upload(key)).await).with_body(&content(key));
    client.send(&put).await.expect_success(&format!("{} {key:?}", client.name()))
}

async fn read(fixture: &Fixture, client: &mut HttpClient, key: &str) {
    let get = HttpRequest::promised(&fixture.get(download(key)).await);
    let what = format!("{key:?} by {} on {:?}", client.name(), fixture.s3.peer);
    let got = client.send(&get).await.expect_success(&what);
    assert_eq!(String::from_utf8_lossy(&got.body), String::from_utf8_lossy(&content(key)), "{what}");
}

/// All are written before any is read, so that keys which a server took for one another would show.
async fn every_client_uses_these_keys(peer: Peer, keys: &[String]) {
    let fixture = Fixture::on(peer).await;
    for mut client in HttpClient::all().await {
        let keys: Vec<_> = keys.iter().map(|key| key_for(&client, key)).collect();
        for key in &keys {
            write(&fixture, &mut client, key).await;
        }
        for key in &keys {
            read(&fixture, &mut client, key).await;
        }
    }
    fixture.finish().await;
}

/// Each client has a folder of its own, where the key leaves room for one.
fn key_for(client: &HttpClient, key: &str) -> String {
    if key.len() > 900 { key.to_owned() } else { format!("{}/{key}", client.name()) }
}

/// With keys whose one segment is too long for a file.
fn nasty_and_long() -> Vec<String> {
    let mut keys = NASTY.map(str::to_owned).to_vec();
    keys.extend([long_in_segments(), "k".repeat(1_024), "é".repeat(512)]);
    keys
}

async fn every_client_uses_nasty_keys_on_the_embedded_server() {
    every_client_uses_these_keys(Peer::Embedded, &nasty_and_long()).await;
}

async fn every_client_uses_nasty_keys_on_seaweedfs() {
    // A segment may have 255 bytes there.
    let mut keys = NASTY.map(str::to_owned).to_vec();
    keys.push(long_in_segments());
    every_client_uses_these_keys(Peer::SeaweedFs, &keys).await;
}

async fn every_client_uses_nasty_keys_on_ceph() {
    every_client_uses_these_keys(Peer::Rgw, &nasty_and_long()).await;
}

async fn every_client_uses_nasty_keys_on_rclone() {
    let mut keys = NASTY.map(str::to_owned).to_vec();
    keys.push(long_in_segments());
    every_client_uses_these_keys(Peer::Rclone, &keys).await;
}

async fn the_broker_finds_objects_with_nasty_keys_itself(peer: Peer) {
    let fixture = Fixture::on(peer).await;
    let mut keys = NASTY.map(str::to_owned).to_vec();
    keys.extend([long_in_segments(), " a ".to_owned()]);
    let mut uploaded = Vec::new();
    for key in &keys {
        uploaded.push(write(&fixture, &mut HttpClient::reqwest(), key).await);
    }
    for (key, uploaded) in keys.iter().zip(uploaded) {
        let request = IssueDownloadUrlRequest { must_exist: true, ..download(key) };
        let found = fixture.caller.issue_download(request).await;
        let object = found.unwrap_or_else(|refused| panic!("{key:?} on {peer:?}: {refused:?}")).object.unwrap();
        assert_eq!(object.size, content(key).len() as u64, "{key:?} on {peer:?}");
        assert_eq!(Some(object.etag.as_str()), uploaded.header("etag"), "{key:?} on {peer:?}");
    }
    fixture.finish().await;
}

/// Keys of up to four segments, none of which is too long for a file.
fn any_key() -> impl Strategy<Value = String> {
    const CHARACTERS: &str = " +=&%~'\"`!*();:@$,?#[]{}|\\^<>-._é\u{301}\u{AD}\u{200D}🦀👩אبΩ\u{202E}\u{FEFF}\u{FFFD}";
    let character = prop_oneof![
        3 => select(CHARACTERS.chars().collect::<Vec<_>>()),
        2 => proptest::char::range('0', 'z').prop_filter("a slash", |character| *character != '/'),
        1 => any::<char>().prop_filter("not in a key", |character| !character.is_control() && *character != '/'),
    ];
    let segment = vec(character, 1..50)
        .prop_map(|characters| characters.into_iter().collect::<String>())
        .prop_filter("steps", |segment| segment != "." && segment != "..");
    vec(segment, 1..5).prop_map(|segments| segments.join("/"))
}

async fn any_key_is_used_as_it_is(peer: Peer) {
    let fixture = Fixture::on(peer).await;
    let (mut runner, mut client) = (TestRunner::default(), HttpClient::reqwest());
    for number in 0..50 {
        // A folder of its own, so that no key is another one's folder.
        let key = format!("{number}/{}", any_key().new_tree(&mut runner).unwrap().current());
        let key = if peer.keeps_backslashes() { key } else { key.replace('\\', "|") };
        write(&fixture, &mut client, &key).await;
        read(&fixture, &mut client, &key).await;
    }
    fixture.finish().await;
}
