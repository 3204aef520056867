//! The outcome of a call, written alike by the product and by the model.

use std::time::{SystemTime, UNIX_EPOCH};

use access_broker_policy::{
    HeaderText, Permit, PermittedDownload, PermittedInspection, PermittedUpload, Refusal, RefusalReason,
};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    /// Times in seconds.
    Allowed {
        tier: String,
        rule: String,
        endpoint: String,
        starts_at: u64,
        ttl: u64,
        limited_by: &'static str,
        /// The content headers of an upload.
        headers: [Option<String>; 3],
    },
    /// The broker may look at the object.
    Verified {
        tier: String,
        rule: String,
    },
    Refused {
        code: &'static str,
        tier: Option<String>,
        rule: Option<String>,
    },
    /// `require_full_ttl`, and so many seconds at most.
    TooShort {
        tier: String,
        available: u64,
    },
}

impl Outcome {
    pub(super) fn refused(code: &'static str, tier: Option<&str>, rule: Option<String>) -> Self {
        Self::Refused { code, tier: tier.map(str::to_owned), rule }
    }

    /// What outcomes are counted by.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Allowed { limited_by, .. } => limited_by,
            Self::Verified { .. } => "verified",
            Self::Refused { code, .. } => code,
            Self::TooShort { .. } => "full_ttl_not_allowed",
        }
    }

    /// What the product says.
    pub(super) fn of_download(result: Result<Permit<PermittedDownload>, Refusal>) -> Self {
        Self::of(result, |_| [None, None, None])
    }

    /// The same of an upload.
    pub(super) fn of_upload(result: Result<Permit<PermittedUpload>, Refusal>) -> Self {
        let text = |header: &Option<HeaderText>| header.as_ref().map(|header| header.as_str().to_owned());
        Self::of(result, |terms| [&terms.cache_control, &terms.content_disposition, &terms.content_encoding].map(text))
    }

    fn of<T>(result: Result<Permit<T>, Refusal>, headers: impl Fn(&T) -> [Option<String>; 3]) -> Self {
        match result {
            Ok(permit) => Self::Allowed {
                tier: permit.object().tier().to_string(),
                rule: permit.object().rule().to_string(),
                endpoint: permit.endpoint().as_str().to_owned(),
                starts_at: seconds(permit.lifetime().starts_at),
                ttl: permit.lifetime().ttl.as_secs(),
                limited_by: limit(&format!("{:?}", permit.lifetime().limited_by)),
                headers: headers(permit.terms()),
            },
            Err(refusal) => Self::of_refusal(refusal),
        }
    }

    /// What the product says of a verification.
    pub(super) fn of_verification(result: Result<PermittedInspection, Refusal>) -> Self {
        match result {
            Ok(PermittedInspection { object, .. }) => {
                Self::Verified { tier: object.tier().to_string(), rule: object.rule().to_string() }
            }
            Err(refusal) => Self::of_refusal(refusal),
        }
    }

    fn of_refusal(Refusal { tier, reason }: Refusal) -> Self {
        let tier = tier.map(|name| name.to_string());
        match &reason {
            RefusalReason::FullTtlNotAllowed(available) => {
                Self::TooShort { tier: tier.unwrap(), available: available.as_secs() }
            }
            RefusalReason::Denied(rule) | RefusalReason::ClaimElsewhere(Some(rule)) => {
                Self::Refused { code: reason.code(), tier, rule: Some(rule.to_string()) }
            }
            _ => Self::Refused { code: reason.code(), tier, rule: None },
        }
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// The name of an `ExpiryLimit`.
fn limit(name: &str) -> &'static str {
    const NAMES: [&str; 4] = ["RequestedTtl", "TierDefaultTtl", "TierMaxTtl", "TokenExpiry"];
    NAMES.into_iter().find(|known| *known == name).unwrap_or("another")
}
