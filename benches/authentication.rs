//! The cost of authentication, through the public API: new, cached and forged tokens; one caller and 100,000; with and
//! without a flood of forgeries; and the memory of the cache.
//!
//! The authenticator is compared with `jsonwebtoken::decode` with a prepared key, on the same tokens in the same round.
//! It reads some claims into a struct, while the authenticator returns a caller with all claims and caches it. The goal
//! for a new RS256 token is to cost no more than `jsonwebtoken::decode`.
//!
//! Tokens have the form of ID tokens of a Cognito user pool. All subjects run in turn on one thread; each figure is the
//! median of the rounds, each ratio the median of the rounds' ratios. Linux only.
//!
//! Without `--bench`, as in `cargo test --benches`, it runs one short round.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark ends at its first error, prints, and reads what it wrote"
)]

use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{array, env, fs};

use access_broker_identity::{
    Algorithm, Authenticator, IssuerSettings, IssuerVerifier, KeyDocument, KeySource, KeySourceError, TokenProfile,
    TokenUses,
};
use async_trait::async_trait;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, Validation};
use mimalloc::MiMalloc;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// The broker's allocator.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const ISSUER: &str = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_EXAMPLE01";
const CLIENT_ID: &str = "1example23456789";

/// The default of `server.token_cache_size`.
const DEFAULT_CACHE_BYTES: u64 = 80 << 20;

/// Capacity for all tokens, for parts that do not measure the capacity.
const AMPLE_CACHE_BYTES: u64 = 512 << 20;

/// The approximate time of a call of the whole service, in seconds.
const WHOLE_CALL: f64 = 10e-6;

/// The amount of measurements.
#[derive(Clone, Copy)]
struct Effort {
    rounds: usize,
    /// In a round, for each subject: few, so that a slow phase of the machine affects all subjects.
    calls: usize,
    /// At most.
    callers: usize,
}

fn main() {
    let effort = if env::args().any(|argument| argument == "--bench") {
        Effort { rounds: 201, calls: 32, callers: 100_000 }
    } else {
        Effort { rounds: 1, calls: 2, callers: 200 }
    };
    let pool = UserPool::new();
    // First, while the heap has no freed memory for the tokens to go into.
    memory(&pool, effort);
    known_new_and_forged(&pool, effort);
    known_among_many(&pool, effort);
    flood(&pool, effort);
}

/// The memory of cached tokens compared with what the cache accounts for: for the first tokens, and after others have
/// replaced them.
fn memory(pool: &UserPool, Effort { callers, .. }: Effort) {
    let key = pool.quick_key();
    // Memory that the process allocates once does not belong to the tokens.
    let warm_up = pool.broker(DEFAULT_CACHE_BYTES);
    for caller in 0..10 {
        warm_up.accept(&key.token(caller));
    }
    drop(warm_up);

    let before = resident_bytes();
    let broker = pool.broker(DEFAULT_CACHE_BYTES);
    println!("\nmemory: a cache of {} MiB, bytes per token remembered", DEFAULT_CACHE_BYTES >> 20);
    println!("  {:<24} {:>16} {:>16} {:>16}", "", "remembered", "accounted for", "resident");
    for (title, tokens) in [("the first", 0..callers), ("others,", callers..2 * callers)] {
        // One at a time: freed memory of the tokens themselves would hide the memory of the cache.
        for caller in tokens {
            broker.accept(&key.token(caller));
        }
        let grown = resident_bytes().saturating_sub(before);
        let status = broker.authenticator.token_cache_status();
        let per_token = |bytes: u64| format!("{} ({} MiB)", bytes / status.tokens as u64, bytes >> 20);
        let case = format!("{title} {callers}");
        println!("  {case:<24} {:>16} {:>16} {:>16}", status.tokens, per_token(status.bytes), per_token(grown));
    }
}

/// Tokens of the three kinds that a server receives, compared with plain jsonwebtoken.
fn known_new_and_forged(pool: &UserPool, Effort { rounds, calls, .. }: Effort) {
    let broker = pool.broker(AMPLE_CACHE_BYTES);
    println!("\nknown, new and forged tokens: median of {rounds} rounds of {calls}");
    println!("  {:<24} {:>16} {:>16} {:>16}", "", "access-broker", "jsonwebtoken", "ratio");
    for key in &pool.keys {
        let alone = JsonWebTokenAlone::new(key);
        let known = vec![key.token(0); calls];
        broker.accept(&known[0]);
        // Signed before any measurement, so that none begins with cold caches.
        let all: Vec<String> = (1..=(rounds + 1) * calls).map(|id| key.token(id)).collect();
        let mut costs: [Vec<[f64; 2]>; 3] = array::from_fn(|_| Vec::new());
        for (round, new) in all.chunks_exact(calls).enumerate() {
            // Fresh copies, because a server has just received the token that it checks.
            let (new, forged) = (new.to_vec(), forgeries(new).take(calls).collect::<Vec<String>>());
            let round_costs = [
                [time(&known, |token| broker.accept(token)), time(&known, |token| alone.accept(token))],
                [time(&new, |token| broker.accept(token)), time(&new, |token| alone.accept(token))],
                [time(&forged, |token| broker.refuse(token)), time(&forged, |token| alone.refuse(token))],
            ];
            // The first round warms up.
            if round > 0 {
                for (costs, cost) in costs.iter_mut().zip(round_costs) {
                    costs.push(cost);
                }
            }
        }
        for (case, costs) in ["known", "new", "forged"].iter().zip(&costs) {
            let (alone, _) = cost_and_ratio(costs, 1, 1);
            let (own, ratio) = cost_and_ratio(costs, 0, 1);
            let case = format!("{} {case}", key.algorithm);
            println!("  {case:<24} {:>13.3} µs {:>13.3} µs {ratio:>16.2}", own * 1e6, alone * 1e6);
        }
    }
}

/// Cached tokens of few and of many callers, in random order.
fn known_among_many(pool: &UserPool, Effort { rounds, calls, callers }: Effort) {
    let key = pool.quick_key();
    let sizes = [1, 100, 10_000, 100_000].map(|size: usize| size.min(callers));
    let populations = sizes.map(|size| {
        let broker = pool.broker(AMPLE_CACHE_BYTES);
        let tokens: Vec<String> = (0..size).map(|caller| key.token(caller)).collect();
        for token in &tokens {
            broker.accept(token);
        }
        (broker, tokens)
    });
    let mut random = Random(1);
    let costs: Vec<[f64; 4]> = (0..rounds)
        .map(|_| {
            populations.each_ref().map(|(broker, tokens)| {
                // Fresh copies, as above.
                let received: Vec<String> = (0..calls).map(|_| tokens[random.below(tokens.len())].clone()).collect();
                time(&received, |token| broker.accept(token))
            })
        })
        .collect();
    for (broker, tokens) in &populations {
        let status = broker.authenticator.token_cache_status();
        assert_eq!((status.tokens, status.misses), (tokens.len(), tokens.len() as u64), "a known token was not");
    }

    println!("\nknown tokens of callers in random order: median of {rounds} rounds of {calls}");
    println!("  {:<24} {:>16} {:>16} {:>24}", "", "access-broker", "ratio", "ratio of a 10 µs call");
    for (index, size) in sizes.iter().enumerate() {
        let (cost, ratio) = cost_and_ratio(&costs, index, 0);
        let added = median(costs.iter().map(|round| round[index] - round[0]));
        let case = format!("callers: {size}");
        println!("  {case:<24} {:>13.3} µs {ratio:>16.2} {:>24.2}", cost * 1e6, (WHOLE_CALL + added) / WHOLE_CALL);
    }
}

/// A cached token while others send forgeries. Only the cached one is timed.
fn flood(pool: &UserPool, Effort { rounds, .. }: Effort) {
    const FORGERIES: [usize; 4] = [0, 1, 10, 100];
    let key = &pool.keys[0];
    let broker = pool.broker(DEFAULT_CACHE_BYTES);
    let known = key.token(0);
    broker.accept(&known);
    let genuine: Vec<String> = (1..=200).map(|caller| key.token(caller)).collect();
    let mut forgeries = forgeries(&genuine);
    let before = broker.authenticator.token_cache_status();
    let costs: Vec<[f64; 4]> = (0..rounds)
        .map(|_| {
            FORGERIES.map(|count| {
                for forgery in forgeries.by_ref().take(count) {
                    broker.refuse(&forgery);
                }
                let received = [known.clone()];
                time(&received, |token| broker.accept(token))
            })
        })
        .collect();
    let after = broker.authenticator.token_cache_status();

    println!("\na known caller during a flood of forged RS256 tokens: median of {rounds} rounds");
    for (index, count) in FORGERIES.iter().enumerate() {
        let (cost, ratio) = cost_and_ratio(&costs, index, 0);
        println!("  {:<24} {:>13.3} µs {ratio:>16.2}", format!("{count} before each call"), cost * 1e6);
    }
    println!("  remembered before: {} tokens, {} bytes", before.tokens, before.bytes);
    println!("  remembered after:  {} tokens, {} bytes", after.tokens, after.bytes);
    assert_eq!(after.misses - before.misses, (rounds * FORGERIES.iter().sum::<usize>()) as u64, "too few forgeries");
    assert_eq!((after.tokens, after.bytes), (before.tokens, before.bytes), "a forgery left a trace");
}

/// The average time of each token, in seconds.
fn time(tokens: &[String], check: impl Fn(&str)) -> f64 {
    let started = Instant::now();
    for token in tokens {
        check(black_box(token));
    }
    (started.elapsed() / u32::try_from(tokens.len()).unwrap()).as_secs_f64()
}

/// The cost of a subject over all rounds, and as a multiple of another.
fn cost_and_ratio<const N: usize>(rounds: &[[f64; N]], subject: usize, other: usize) -> (f64, f64) {
    let cost = median(rounds.iter().map(|costs| costs[subject]));
    (cost, median(rounds.iter().map(|costs| costs[subject] / costs[other])))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The resident memory of this process (`proc_pid_status(5)`).
fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB")).unwrap();
    kibibytes.trim().parse::<u64>().unwrap() * 1_024
}

/// Distinct well-formed tokens with the signature of another token.
fn forgeries(genuine: &[String]) -> impl Iterator<Item = String> {
    let parts: Vec<(&str, &str)> = genuine.iter().map(|token| token.rsplit_once('.').unwrap()).collect();
    (1..parts.len()).flat_map(move |shift| {
        let parts = parts.clone();
        (0..parts.len()).map(move |index| format!("{}.{}", parts[index].0, parts[(index + shift) % parts.len()].1))
    })
}

/// The broker's authenticator, in the middle of the hour for which all tokens are valid.
struct Broker {
    authenticator: Authenticator,
    now: SystemTime,
    runtime: Runtime,
}

impl Broker {
    fn accept(&self, token: &str) {
        drop(black_box(at_once(self.authenticator.authenticate(token, self.now)).unwrap()));
    }

    fn refuse(&self, token: &str) {
        // An invalid signature sometimes causes a fetch of the keys.
        black_box(self.runtime.block_on(self.authenticator.authenticate(token, self.now)).unwrap_err());
    }
}

/// The output of a future that is ready at once.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

/// jsonwebtoken, as a careful service would use it.
struct JsonWebTokenAlone {
    key: DecodingKey,
    validation: Validation,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what a service would read")]
struct Claims {
    sub: String,
    token_use: String,
    #[serde(rename = "cognito:groups")]
    groups: Vec<String>,
    email: String,
    email_verified: bool,
}

impl JsonWebTokenAlone {
    fn new(key: &SigningKey) -> Self {
        let mut validation = Validation::new(key.algorithm.name().parse().unwrap());
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[CLIENT_ID]);
        let key = DecodingKey::from_jwk(&serde_json::from_value(key.jwk.clone()).unwrap()).unwrap();
        Self { key, validation }
    }

    fn accept(&self, token: &str) {
        drop(black_box(jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation).unwrap()));
    }

    fn refuse(&self, token: &str) {
        drop(black_box(jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation).err().unwrap()));
    }
}

/// An issuer with a key of each kind.
struct UserPool {
    keys: [SigningKey; 3],
}

impl UserPool {
    fn new() -> Self {
        Self { keys: [SigningKey::rs256(), SigningKey::es256(), SigningKey::ed_dsa()] }
    }

    /// The fastest key for signing many tokens.
    fn quick_key(&self) -> &SigningKey {
        &self.keys[2]
    }

    fn broker(&self, cache_bytes: u64) -> Broker {
        let settings = IssuerSettings {
            profile: TokenProfile::Cognito { token_uses: TokenUses::ID },
            algorithms: self.keys.each_ref().map(|key| key.algorithm).to_vec(),
            ..IssuerSettings::cognito(ISSUER, vec![CLIENT_ID.to_owned()])
        };
        let document = json!({"keys": self.keys.each_ref().map(|key| &key.jwk)}).to_string().into_bytes();
        let verifier = IssuerVerifier::with_key_source(settings, Box::new(FixedKeys(document))).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let keys = Arc::clone(verifier.keys());
        runtime.block_on(keys.refresh()).unwrap();
        runtime.spawn(async move { keys.keep_fresh().await });
        let authenticator = Authenticator::new(vec![Arc::new(verifier)], cache_bytes).unwrap();
        Broker { authenticator, now: SystemTime::now() + Duration::from_mins(30), runtime }
    }
}

#[derive(Debug)]
struct FixedKeys(Vec<u8>);

#[async_trait]
impl KeySource for FixedKeys {
    async fn fetch(&self) -> Result<KeyDocument, KeySourceError> {
        Ok(KeyDocument { bytes: self.0.clone(), max_age: None })
    }
}

type Sign = dyn Fn(&[u8]) -> Vec<u8>;

struct SigningKey {
    algorithm: Algorithm,
    jwk: Value,
    sign: Box<Sign>,
}

impl SigningKey {
    fn rs256() -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
        let [n, e] = [n, e].map(|integer| URL_SAFE_NO_PAD.encode(integer.big_endian_without_leading_zero()));
        let sign = move |message: &[u8]| {
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
            signature
        };
        Self::new(Algorithm::Rs256, json!({"kty": "RSA", "n": n, "e": e}), sign)
    }

    fn es256() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        // SEC 1 section 2.3.3: a byte for "uncompressed", then both coordinates.
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let [x, y] = [x, y].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate));
        let sign = move |message: &[u8]| pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec();
        Self::new(Algorithm::Es256, json!({"kty": "EC", "crv": "P-256", "x": x, "y": y}), sign)
    }

    fn ed_dsa() -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let x = URL_SAFE_NO_PAD.encode(pair.public_key());
        let sign = move |message: &[u8]| pair.sign(message).as_ref().to_vec();
        Self::new(Algorithm::EdDsa, json!({"kty": "OKP", "crv": "Ed25519", "x": x}), sign)
    }

    fn new(algorithm: Algorithm, mut jwk: Value, sign: impl Fn(&[u8]) -> Vec<u8> + 'static) -> Self {
        jwk["kid"] = algorithm.name().into();
        jwk["alg"] = algorithm.name().into();
        jwk["use"] = "sig".into();
        Self { algorithm, jwk, sign: Box::new(sign) }
    }

    /// The ID token of one of many users, valid for an hour from now by the machine's clock.
    fn token(&self, user: usize) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let claims = json!({
            "iss": ISSUER,
            "sub": format!("5b7c1d3e-90a4-4f62-8e17-{user:012}"),
            "aud": CLIENT_ID,
            "token_use": "id",
            "auth_time": now,
            "iat": now,
            "exp": now + 3_600,
            "jti": format!("00000000-0000-4000-8000-{user:012}"),
            "cognito:username": format!("user-{user:06}"),
            "cognito:groups": ["viewers"],
            "email": format!("user-{user:06}@example.com"),
            "email_verified": true,
        });
        let header = json!({"kid": self.algorithm.name(), "alg": self.algorithm.name()});
        let [header, payload] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let message = format!("{header}.{payload}");
        let signature = URL_SAFE_NO_PAD.encode((self.sign)(message.as_bytes()));
        format!("{message}.{signature}")
    }
}

/// The generator xorshift64 (Marsaglia, "Xorshift RNGs", 2003): the same order in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }
}
