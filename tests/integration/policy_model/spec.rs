//! A policy as data, its text, a caller and a call.

use std::fmt::Write as _;

use access_broker_policy::{ChecksumAlgorithm, StorageClass};

use super::json::{Json, quoted};
use super::members::{ListSpec, MembersOf};

/// What is compared: one call of one caller under one policy.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) policy: PolicySpec,
    pub(super) caller: CallerSpec,
    pub(super) call: CallSpec,
}

#[derive(Debug, Clone)]
pub(super) struct PolicySpec {
    /// The issuers of the configuration.
    pub(super) issuers: Vec<&'static str>,
    pub(super) defaults: Vec<DefaultsSpec>,
    pub(super) tiers: Vec<TierSpec>,
    pub(super) rules: Vec<RuleSpec>,
    /// The groups of the members file. Without any there is no such file.
    pub(super) members: Vec<ListSpec>,
}

/// Settings for the tiers of a bucket.
#[derive(Debug, Clone)]
pub(super) struct DefaultsSpec {
    pub(super) bucket: &'static str,
    pub(super) include: Option<Vec<String>>,
    pub(super) endpoints: Option<Vec<&'static str>>,
    pub(super) download: Option<DownloadSpec>,
    pub(super) upload: Option<UploadSpec>,
}

#[derive(Debug, Clone)]
pub(super) struct TierSpec {
    pub(super) name: String,
    pub(super) bucket: &'static str,
    pub(super) prefix: Vec<Segment>,
    pub(super) include: Option<Vec<String>>,
    /// The tier whose rules it has too.
    pub(super) inherit: Option<String>,
    pub(super) endpoints: Option<Vec<&'static str>>,
    pub(super) download: Option<DownloadSpec>,
    pub(super) upload: Option<UploadSpec>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Segment {
    Literal(&'static str),
    Subject,
    Claim(&'static str, Count),
}

/// How many segments a template says that it takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Count {
    /// Nothing, which means one.
    Unsaid,
    Exactly(usize),
    /// As many as the value has.
    Any,
}

/// In seconds.
#[derive(Debug, Clone, Default)]
pub(super) struct LifeSpec {
    pub(super) max_ttl: Option<u64>,
    pub(super) default_ttl: Option<u64>,
    pub(super) end_with_token: Option<bool>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct DownloadSpec {
    pub(super) life: LifeSpec,
    pub(super) stable_window: Option<u64>,
    pub(super) content_type: Option<&'static str>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct UploadSpec {
    pub(super) life: LifeSpec,
    pub(super) max_size: Option<u64>,
    pub(super) content_types: Option<Vec<&'static str>>,
    pub(super) checksum: Option<Vec<ChecksumAlgorithm>>,
    pub(super) overwrite: Option<bool>,
    pub(super) if_match: Option<bool>,
    pub(super) storage_classes: Option<Vec<StorageClass>>,
    pub(super) headers: ContentHeaders,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Grant,
    Denial,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Action {
    Download,
    Upload,
}

impl Action {
    pub(super) const BOTH: [Self; 2] = [Self::Download, Self::Upload];

    const fn name(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Upload => "upload",
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct RuleSpec {
    pub(super) kind: Kind,
    pub(super) name: Option<String>,
    /// `None`: every tier.
    pub(super) tiers: Option<Vec<String>>,
    /// `None`: both.
    pub(super) operations: Option<Vec<Action>>,
    /// Whether the file says `*` for `None`, as a grant must.
    pub(super) has_stars: bool,
    pub(super) required_claims: Option<Vec<String>>,
    pub(super) endpoints: Option<Vec<&'static str>>,
    pub(super) to: ToSpec,
}

#[derive(Debug, Clone, Default)]
pub(super) struct ToSpec {
    pub(super) authenticated: bool,
    pub(super) issuers: Option<IssuersSpec>,
    pub(super) groups: Option<Vec<String>>,
    pub(super) scopes: Option<Vec<String>>,
    pub(super) members_of: Option<MembersOf>,
    pub(super) claims: Vec<(String, Vec<Wanted>)>,
    pub(super) workloads: Option<Vec<String>>,
    pub(super) trust_domains: Option<Vec<String>>,
}

#[derive(Debug, Clone)]
pub(super) enum IssuersSpec {
    Any,
    Listed(Vec<&'static str>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Wanted {
    /// A pattern.
    Text(String),
    Boolean(bool),
    Integer(i64),
}

#[derive(Debug, Clone)]
pub(super) struct CallerSpec {
    pub(super) token: Option<TokenSpec>,
    /// Proven beside the token, or alone.
    pub(super) workload: Option<&'static str>,
}

#[derive(Debug, Clone)]
pub(super) struct TokenSpec {
    pub(super) issuer: &'static str,
    /// Every claim of the token, `iss`, `sub`, `aud` and `exp` apart.
    pub(super) claims: Vec<(String, Json)>,
    pub(super) subject: String,
    /// In seconds since 1970.
    pub(super) expires_at: u64,
}

#[derive(Debug, Clone)]
pub(super) struct CallSpec {
    /// In milliseconds since 1970.
    pub(super) now: u64,
    pub(super) bucket: &'static str,
    pub(super) key: String,
    pub(super) endpoint: Option<&'static str>,
    pub(super) ttl: Option<u64>,
    pub(super) require_full_ttl: bool,
    pub(super) stable: bool,
    pub(super) asked: Asked,
}

#[derive(Debug, Clone)]
pub(super) enum Asked {
    Download {
        content_type: Option<&'static str>,
    },
    Upload(UploadAsked),
    /// Of an upload that was made.
    Verification,
}

#[derive(Debug, Clone, Default)]
pub(super) struct UploadAsked {
    pub(super) content_type: Option<&'static str>,
    pub(super) content_length: Option<u64>,
    pub(super) checksum: Option<ChecksumAlgorithm>,
    pub(super) create_only: Option<bool>,
    pub(super) if_match: bool,
    pub(super) storage_class: Option<StorageClass>,
    pub(super) headers: ContentHeaders,
}

/// `cache_control`, `content_disposition` and `content_encoding`.
pub(super) type ContentHeaders = [Option<&'static str>; 3];
pub(super) const CONTENT_HEADERS: [&str; 3] = ["cache_control", "content_disposition", "content_encoding"];

impl TokenSpec {
    /// Every claim of the token as it is signed.
    pub(super) fn members(&self) -> Vec<(String, Json)> {
        let mut members = self.claims.clone();
        // A JWT-SVID need not have `iss`.
        if !self.issuer.starts_with("spiffe://") {
            members.push(("iss".to_owned(), Json::text(self.issuer)));
        }
        members.push(("sub".to_owned(), Json::text(&self.subject)));
        members.push(("aud".to_owned(), Json::text(super::callers::AUDIENCE)));
        members.push(("exp".to_owned(), Json::Count(self.expires_at)));
        members
    }
}

impl PolicySpec {
    /// The file.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for defaults in &self.defaults {
            defaults.write(&mut text);
        }
        for tier in &self.tiers {
            tier.write(&mut text);
        }
        for rule in &self.rules {
            rule.write(&mut text);
        }
        text
    }

    /// What the log calls a rule.
    pub(super) fn name_of(&self, index: usize) -> String {
        let rule = &self.rules[index];
        rule.name.clone().unwrap_or_else(|| {
            let number = self.rules[..index].iter().filter(|earlier| earlier.kind == rule.kind).count();
            format!("{}[{number}]", if rule.kind == Kind::Grant { "grant" } else { "denial" })
        })
    }
}

impl DefaultsSpec {
    fn write(&self, text: &mut String) {
        writeln!(text, "[[defaults]]\nbucket = {}", quoted(self.bucket)).unwrap();
        write_strings(text, "include", self.include.as_deref());
        write_strings(text, "endpoints", self.endpoints.as_deref());
        write_operations(text, self.download.as_ref(), self.upload.as_ref());
        text.push('\n');
    }
}

impl TierSpec {
    pub(super) fn has_template(&self) -> bool {
        self.prefix.iter().any(|segment| !matches!(segment, Segment::Literal(_)))
    }

    pub(super) const fn offers(&self, action: Action) -> bool {
        match action {
            Action::Download => self.download.is_some(),
            Action::Upload => self.upload.is_some(),
        }
    }

    fn write(&self, text: &mut String) {
        let prefix: String = self.prefix.iter().map(|segment| segment.text() + "/").collect();
        writeln!(text, "[[tier]]\nname = {}\nbucket = {}", quoted(&self.name), quoted(self.bucket)).unwrap();
        writeln!(text, "prefix = {}", quoted(&prefix)).unwrap();
        if self.prefix.iter().any(|segment| matches!(segment, Segment::Claim(_, Count::Any))) {
            text.push_str("prefix_free = true\n");
        }
        write_strings(text, "include", self.include.as_deref());
        if let Some(name) = &self.inherit {
            writeln!(text, "inherit = {}", quoted(name)).unwrap();
        }
        write_strings(text, "endpoints", self.endpoints.as_deref());
        write_operations(text, self.download.as_ref(), self.upload.as_ref());
        text.push('\n');
    }
}

fn write_operations(text: &mut String, download: Option<&DownloadSpec>, upload: Option<&UploadSpec>) {
    if let Some(download) = download {
        let mut settings = download.life.settings();
        settings.extend(download.stable_window.map(|seconds| format!("stable_window = \"{seconds}s\"")));
        settings.extend(download.content_type.map(|name| format!("content_type = {}", quoted(name))));
        writeln!(text, "download = {{ {} }}", settings.join(", ")).unwrap();
    }
    if let Some(upload) = upload {
        writeln!(text, "upload = {{ {} }}", upload.settings().join(", ")).unwrap();
    }
}

impl Segment {
    fn text(&self) -> String {
        match self {
            Self::Literal(text) => (*text).to_owned(),
            Self::Subject => "{sub}".to_owned(),
            Self::Claim(path, Count::Unsaid) => format!("{{claims.{path}}}"),
            Self::Claim(path, Count::Exactly(count)) => format!("{{claims.{path}:{count}}}"),
            Self::Claim(path, Count::Any) => format!("{{claims.{path}:*}}"),
        }
    }
}

impl LifeSpec {
    fn settings(&self) -> Vec<String> {
        let mut settings = Vec::new();
        settings.extend(self.max_ttl.map(|seconds| format!("max_ttl = \"{seconds}s\"")));
        settings.extend(self.default_ttl.map(|seconds| format!("default_ttl = \"{seconds}s\"")));
        settings.extend(self.end_with_token.map(|value| format!("end_with_token = {value}")));
        settings
    }
}

impl UploadSpec {
    fn settings(&self) -> Vec<String> {
        let mut settings = self.life.settings();
        settings.extend(self.max_size.map(|bytes| format!("max_size = \"{bytes}B\"")));
        settings.extend(self.content_types.as_ref().map(|names| format!("content_types = {}", list(names))));
        let kinds = self.checksum.as_ref().map(|kinds| kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>());
        settings.extend(kinds.map(|names| format!("checksum = {}", list(&names))));
        settings.extend(self.overwrite.map(|value| format!("overwrite = {value}")));
        settings.extend(self.if_match.map(|value| format!("if_match = {value}")));
        let classes = self.storage_classes.as_ref();
        let classes = classes.map(|classes| classes.iter().map(|class| class.name()).collect::<Vec<_>>());
        settings.extend(classes.map(|names| format!("storage_classes = {}", list(&names))));
        let headers = CONTENT_HEADERS.iter().zip(self.headers);
        settings.extend(headers.filter_map(|(name, value)| Some(format!("{name} = {}", quoted(value?)))));
        settings
    }
}

impl RuleSpec {
    fn write(&self, text: &mut String) {
        text.push_str(if self.kind == Kind::Grant { "[[grant]]\n" } else { "[[denial]]\n" });
        if let Some(name) = &self.name {
            writeln!(text, "name = {}", quoted(name)).unwrap();
        }
        let star = self.has_stars.then(|| vec!["*".to_owned()]);
        write_strings(text, "tiers", self.tiers.as_ref().or(star.as_ref()).map(Vec::as_slice));
        let names = |actions: &Vec<Action>| actions.iter().map(|action| action.name().to_owned()).collect::<Vec<_>>();
        write_strings(text, "operations", self.operations.as_ref().map(names).or(star).as_deref());
        write_strings(text, "required_claims", self.required_claims.as_deref());
        write_strings(text, "endpoints", self.endpoints.as_deref());
        writeln!(text, "to = {{ {} }}\n", self.to.settings().join(", ")).unwrap();
    }
}

impl ToSpec {
    fn settings(&self) -> Vec<String> {
        let mut settings = Vec::new();
        if self.authenticated {
            settings.push("authenticated = true".to_owned());
        }
        settings.extend(self.issuers.as_ref().map(|issuers| match issuers {
            IssuersSpec::Any => "issuers = \"any\"".to_owned(),
            IssuersSpec::Listed(names) => format!("issuers = {}", list(names)),
        }));
        let lists = [
            ("groups", &self.groups),
            ("scopes", &self.scopes),
            ("workloads", &self.workloads),
            ("trust_domains", &self.trust_domains),
        ];
        settings.extend(lists.iter().filter_map(|(name, values)| Some(format!("{name} = {}", list(values.as_ref()?)))));
        settings.extend(self.members_of.as_ref().map(|groups| format!("members_of = {}", list(&groups.groups))));
        if !self.claims.is_empty() {
            let claims = self.claims.iter().map(|(name, values)| {
                let values: Vec<String> = values.iter().map(Wanted::setting).collect();
                // One value may stand without a list.
                let values = if values.len() == 1 { values[0].clone() } else { format!("[{}]", values.join(", ")) };
                format!("{} = {values}", quoted(name))
            });
            settings.push(format!("claims = {{ {} }}", claims.collect::<Vec<_>>().join(", ")));
        }
        settings
    }
}

impl Wanted {
    fn setting(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Boolean(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
        }
    }
}

fn list<T: AsRef<str>>(values: &[T]) -> String {
    let values: Vec<String> = values.iter().map(|value| quoted(value.as_ref())).collect();
    format!("[{}]", values.join(", "))
}

fn write_strings<T: AsRef<str>>(text: &mut String, name: &str, values: Option<&[T]>) {
    match values {
        None => {}
        // One string stands for a list of one.
        Some([value]) => writeln!(text, "{name} = {}", quoted(value.as_ref())).unwrap(),
        Some(values) => writeln!(text, "{name} = {}", list(values)).unwrap(),
    }
}
