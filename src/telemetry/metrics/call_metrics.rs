//! Metrics that are counted during calls.

use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::calls::{CallCollector, CallCounts};
use super::decisions::DecisionCounts;
use crate::calls::{CallMethod, CallObserver, Cause, EndedCall};
use access_broker_identity::Rejection;

/// The upper bounds of the buckets for signing, in seconds: tens of microseconds, unless new credentials require more
/// hashing.
const PRESIGN_SECONDS: [f64; 9] = [0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01];

/// The upper bounds of the buckets for HEAD requests, in seconds.
const INSPECTION_SECONDS: [f64; 12] = [0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// Counts calls and decisions, and measures steps.
#[derive(Debug)]
pub(crate) struct CallMetrics {
    pub(super) calls: CallCounts,
    decisions: DecisionCounts,
    rejections: Family<[(&'static str, &'static str); 1], Counter>,
    presign_seconds: Histogram,
    inspection_seconds: Histogram,
}

impl Default for CallMetrics {
    fn default() -> Self {
        let rejections = Family::default();
        for reason in
            Rejection::ALL.iter().map(|rejection| rejection.code()).chain([Cause::IssuerKeysUnavailable.name()])
        {
            drop(rejections.get_or_create(&[("reason", reason)]));
        }
        Self {
            calls: CallCounts::default(),
            decisions: DecisionCounts::default(),
            rejections,
            presign_seconds: Histogram::new(PRESIGN_SECONDS),
            inspection_seconds: Histogram::new(INSPECTION_SECONDS),
        }
    }
}

impl CallMetrics {
    /// The time of signing one answer's URLs.
    pub(in crate::telemetry) fn presign_seconds(&self) -> Histogram {
        self.presign_seconds.clone()
    }

    /// The time of one HEAD request.
    pub(in crate::telemetry) fn inspection_seconds(&self) -> Histogram {
        self.inspection_seconds.clone()
    }

    /// Registers the metrics with and without the prefix of this program.
    pub(super) fn register(self: &Arc<Self>, plain: &mut Registry, prefix: &str) {
        plain.register_collector(Box::new(CallCollector(Arc::clone(self))));
        let own = plain.sub_registry_with_prefix(prefix);
        self.decisions.register(own);
        let help = "Calls rejected because no proof of identity was accepted, by reason";
        own.register("authentication_rejections", help, self.rejections.clone());
        let help = "Time to sign the URLs of one answer";
        own.register_with_unit("presign", help, Unit::Seconds, self.presign_seconds.clone());
        let help = "Duration of HEAD requests to S3, failed ones included";
        own.register_with_unit("inspection", help, Unit::Seconds, self.inspection_seconds.clone());
    }
}

impl CallObserver for CallMetrics {
    fn started(&self, method: CallMethod) {
        self.calls.started(method);
    }

    fn ended(&self, call: &EndedCall<'_>) {
        self.calls.ended(call.method, call.code, call.duration);
        if let Some(decision) = call.decision {
            self.decisions.count(decision);
        }
        if let Some(reason) = call.rejection {
            self.rejections.get_or_create(&[("reason", reason)]).inc();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prometheus_client::encoding::text::encode;

    use super::*;
    use crate::calls::Code;

    fn text(metrics: &Arc<CallMetrics>) -> String {
        let mut registry = Registry::default();
        metrics.register(&mut registry, "own");
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn every_method_is_there_from_the_start_at_zero() {
        let text = text(&Arc::new(CallMetrics::default()));
        for method in CallMethod::ALL {
            let labels = format!(
                r#"grpc_type="{}",grpc_service="{}",grpc_method="{}""#,
                method.grpc_type(),
                method.service(),
                method.name()
            );
            for sample in [
                format!("grpc_server_started_total{{{labels}}} 0\n"),
                format!("grpc_server_handled_total{{{labels},grpc_code=\"OK\"}} 0\n"),
                format!("grpc_server_handling_seconds_bucket{{le=\"0.00025\",{labels}}} 0\n"),
                format!("grpc_server_handling_seconds_count{{{labels}}} 0\n"),
            ] {
                assert!(text.contains(&sample), "{sample} is not in\n{text}");
            }
        }
        assert_eq!(text.matches("own_authentication_rejections_total{").count(), Rejection::ALL.len() + 1);
        assert!(!text.contains("grpc_code=\"Internal\""));
    }

    #[test]
    fn a_call_counts_once_by_its_code_and_in_its_bucket() {
        let metrics = Arc::new(CallMetrics::default());
        let method = CallMethod::IssueDownloadUrl;
        metrics.started(method);
        let rejection = Some(Rejection::TokenExpired.code());
        let (code, duration) = (Code::Unauthenticated, Duration::from_millis(2));
        metrics.ended(&EndedCall { method, code, duration, rejection, decision: None });
        let text = text(&metrics);
        let labels =
            r#"grpc_type="unary",grpc_service="accessbroker.v1.AccessBrokerService",grpc_method="IssueDownloadUrl""#;
        for sample in [
            format!("grpc_server_started_total{{{labels}}} 1\n"),
            format!("grpc_server_handled_total{{{labels},grpc_code=\"Unauthenticated\"}} 1\n"),
            format!("grpc_server_handled_total{{{labels},grpc_code=\"OK\"}} 0\n"),
            format!("grpc_server_handling_seconds_bucket{{le=\"0.001\",{labels}}} 0\n"),
            format!("grpc_server_handling_seconds_bucket{{le=\"0.0025\",{labels}}} 1\n"),
            "own_authentication_rejections_total{reason=\"token_expired\"} 1\n".to_owned(),
        ] {
            assert!(text.contains(&sample), "{sample} is not in\n{text}");
        }
    }
}
