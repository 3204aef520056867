//! Metrics of decisions.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, LabelSetEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::broker::Outcome;
use crate::calls::{AnswerDelivery, Cause, EndedDecision};

/// How many tiers get their own labels. Policies change while the program runs, and labels are never removed.
pub(super) const MAX_TIER_LABELS: usize = 1_000;

/// The label of tiers above the limit.
const OTHER_TIER: &str = "other";

/// The label for no value.
const NONE: &str = "none";

#[derive(Debug, Default)]
pub(super) struct DecisionCounts {
    family: Family<DecisionLabels, Counter>,
    tiers: Mutex<HashSet<Arc<str>>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct DecisionLabels {
    operation: &'static str,
    /// The policy's own text, shared and not copied.
    tier: Option<Arc<str>>,
    outcome: &'static str,
    reason: &'static str,
}

impl EncodeLabelSet for DecisionLabels {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        let tier = self.tier.as_deref().unwrap_or(NONE);
        let (operation, outcome, reason) = (self.operation, self.outcome, self.reason);
        [("operation", operation), ("tier", tier), ("outcome", outcome), ("reason", reason)].encode(encoder)
    }
}

impl DecisionCounts {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(DecisionCollector(self.family.clone())));
    }

    pub(super) fn count(&self, ended: EndedDecision<'_>) {
        let EndedDecision { decision, delivery } = ended;
        let reason = match (delivery, &decision.outcome) {
            (AnswerDelivery::Answered, Outcome::Failed(error)) => error.code(),
            (AnswerDelivery::Unrecorded, _) => Cause::AuditUnavailable.name(),
            (AnswerDelivery::Answered | AnswerDelivery::Undelivered, _) => NONE,
        };
        let operation = decision.use_case.operation().name();
        let outcome = ended.outcome();
        let mut labels = DecisionLabels { operation, tier: decision.tier.clone(), outcome, reason };
        // Nearly every decision has a counter already.
        if let Some(counter) = self.family.get(&labels) {
            counter.inc();
            return;
        }
        labels.tier = labels.tier.map(|tier| self.admitted(tier));
        self.family.get_or_create(&labels).inc();
    }

    /// The tier itself, or the common label for tiers above the limit.
    fn admitted(&self, tier: Arc<str>) -> Arc<str> {
        let mut tiers = self.tiers.lock().unwrap_or_else(PoisonError::into_inner);
        if tiers.contains(&tier) {
            return tier;
        }
        if tiers.len() >= MAX_TIER_LABELS {
            return OTHER_TIER.into();
        }
        tiers.insert(Arc::clone(&tier));
        tier
    }
}

/// Shows the counts, and the metric's help before the first count.
#[derive(Debug)]
struct DecisionCollector(Family<DecisionLabels, Counter>);

impl Collector for DecisionCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Decisions, by operation, tier, outcome and reason.";
        self.0.encode(encoder.encode_descriptor("decisions", help, None, MetricType::Counter)?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::SystemTime;

    use prometheus_client::encoding::text::encode;

    use super::*;
    use crate::broker::{BrokerError, Decision, DecisionId, IssuedTerms, UseCase};
    use access_broker_identity::{Caller, WorkloadId};
    use access_broker_policy::{BucketName, EndpointName, ExpiryLimit, ObjectKey, ObjectReference, RefusalReason};

    fn decision(tier: Option<&str>, outcome: Outcome) -> Decision {
        let object =
            ObjectReference { bucket: BucketName::parse("media").unwrap(), key: ObjectKey::parse("a").unwrap() };
        Decision {
            id: DecisionId::generate(),
            at: SystemTime::UNIX_EPOCH,
            caller: Arc::new(Caller::from_workload(WorkloadId::parse("spiffe://prod.example/a").unwrap())),
            caller_id: String::new(),
            use_case: UseCase::IssueDownloadUrl,
            object,
            tier: tier.map(Into::into),
            outcome,
        }
    }

    fn issued() -> Outcome {
        Outcome::Issued {
            grant: "grant".into(),
            endpoint: EndpointName::default_endpoint(),
            expires_at: SystemTime::UNIX_EPOCH,
            limited_by: ExpiryLimit::RequestedTtl,
            terms: Box::new(IssuedTerms::Download { terms: Arc::default(), stable: false }),
        }
    }

    fn verified() -> Outcome {
        let (mismatches, unknown) = (vec!["etag"], Vec::new());
        Outcome::Verified { grant: "grant".into(), as_expected: false, mismatches, unknown }
    }

    fn answered(decision: &Decision) -> EndedDecision<'_> {
        EndedDecision { decision, delivery: AnswerDelivery::Answered }
    }

    fn samples(counts: &DecisionCounts) -> Vec<String> {
        let mut registry = Registry::default();
        counts.register(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        let mut samples: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
        samples.sort();
        samples
    }

    #[test]
    fn each_outcome_has_its_labels() {
        let counts = DecisionCounts::default();
        let refused = |reason| Outcome::Failed(BrokerError::Refused(reason));
        counts.count(answered(&decision(Some("t"), issued())));
        counts.count(answered(&decision(Some("t"), issued())));
        counts.count(answered(&decision(Some("t"), verified())));
        counts.count(answered(&decision(Some("t"), Outcome::Failed(BrokerError::NoVersion))));
        counts.count(answered(&decision(None, refused(RefusalReason::NoTier))));
        counts.count(answered(&decision(Some("t"), refused(RefusalReason::Denied("a denial's name".into())))));
        assert_eq!(
            samples(&counts),
            [
                r#"decisions_total{operation="download",tier="none",outcome="refused",reason="no_tier"} 1"#,
                r#"decisions_total{operation="download",tier="t",outcome="failed",reason="no_version"} 1"#,
                r#"decisions_total{operation="download",tier="t",outcome="issued",reason="none"} 2"#,
                r#"decisions_total{operation="download",tier="t",outcome="refused",reason="denied"} 1"#,
                r#"decisions_total{operation="download",tier="t",outcome="verified",reason="none"} 1"#,
            ]
        );
    }

    #[test]
    fn a_decision_without_an_answer_counts_as_neither_issued_nor_refused() {
        let counts = DecisionCounts::default();
        let refused = || Outcome::Failed(BrokerError::Refused(RefusalReason::NotGranted));
        for outcome in [issued(), verified(), refused()] {
            let decision = decision(Some("t"), outcome);
            for delivery in [AnswerDelivery::Unrecorded, AnswerDelivery::Undelivered] {
                counts.count(EndedDecision { decision: &decision, delivery });
            }
        }
        assert_eq!(
            samples(&counts),
            [
                r#"decisions_total{operation="download",tier="t",outcome="undelivered",reason="none"} 3"#,
                r#"decisions_total{operation="download",tier="t",outcome="unrecorded",reason="audit_unavailable"} 3"#,
            ]
        );
    }

    #[test]
    fn tiers_beyond_the_limit_share_a_label() {
        let counts = DecisionCounts::default();
        for number in 0..MAX_TIER_LABELS + 5 {
            counts.count(answered(&decision(Some(&format!("tier-{number}")), issued())));
        }
        counts.count(answered(&decision(Some("tier-0"), issued())));
        let samples = samples(&counts);
        assert_eq!(samples.len(), MAX_TIER_LABELS + 1);
        let value = |tier: &str| {
            let tier = format!("tier=\"{tier}\"");
            samples.iter().find(|sample| sample.contains(&tier)).and_then(|sample| sample.rsplit(' ').next())
        };
        assert_eq!((value("other"), value("tier-0"), value("tier-1000")), (Some("5"), Some("2"), None));
    }
}
