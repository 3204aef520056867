//! The variables of the OpenTelemetry specification that this program reads itself. The SDK and the exporter read the
//! others.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};

use super::TracesError;

/// Each names the variable for traces before the one for every signal.
const ENDPOINT: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
const PROTOCOL: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
const CERTIFICATE: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"];
const INSECURE: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_INSECURE", "OTEL_EXPORTER_OTLP_INSECURE"];

/// The largest queue, in spans. A span takes about a kilobyte.
const MAX_QUEUE_SIZE: usize = 65_536;

/// The longest time between batches, and for one.
const MAX_MILLISECONDS: u64 = 600_000;

/// What the environment says of traces.
#[derive(Debug, Clone)]
pub(super) struct TraceSettings {
    /// The collector's URL.
    pub(super) endpoint: String,
    /// The certificate authorities of the collector, if not the machine's, and the variable that says so.
    pub(super) certificate_file: Option<(&'static str, String)>,
    /// What every span is said to come from.
    pub(super) resource: Resource,
    /// When spans are sent.
    pub(super) batches: BatchSettings,
}

/// When spans are sent, and how many wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BatchSettings {
    /// Spans that may wait; more are dropped.
    pub(super) max_queue_size: usize,
    /// Spans in one message.
    pub(super) max_batch_size: usize,
    /// The longest wait for a batch to fill.
    pub(super) schedule_delay: Duration,
    /// The longest time for sending one, whatever the exporter's own limits are.
    pub(super) export_timeout: Duration,
}

impl TraceSettings {
    /// `None` if no spans are wanted.
    pub(super) fn read(read: &impl Fn(&str) -> Option<String>) -> Result<Option<Self>, TracesError> {
        let set = |name: &str| read(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let first = |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, set(name)?)));
        let disabled = set("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let no_exporter = set("OTEL_TRACES_EXPORTER").is_some_and(|value| value == "none");
        let Some((_, endpoint)) = first(ENDPOINT).filter(|_| !disabled && !no_exporter) else {
            return Ok(None);
        };
        if let Some((variable, value)) = first(PROTOCOL).filter(|(_, value)| value != "grpc") {
            return Err(TracesError::Protocol { variable, value });
        }
        let insecure = first(INSECURE).is_some_and(|(_, value)| value.eq_ignore_ascii_case("true"));
        Ok(Some(Self {
            endpoint: with_scheme(endpoint, insecure),
            certificate_file: first(CERTIFICATE),
            resource: resource(set("OTEL_SERVICE_NAME")),
            batches: BatchSettings::read(&set),
        }))
    }
}

/// An endpoint without a scheme is taken for `https`, unless that is switched off.
fn with_scheme(endpoint: String, insecure: bool) -> String {
    match (endpoint.contains("://"), insecure) {
        (true, _) => endpoint,
        (false, true) => format!("http://{endpoint}"),
        (false, false) => format!("https://{endpoint}"),
    }
}

/// `OTEL_RESOURCE_ATTRIBUTES` win over what this program says of itself, and `OTEL_SERVICE_NAME` over them.
fn resource(service_name: Option<String>) -> Resource {
    let own = [
        KeyValue::new("service.name", env!("CARGO_PKG_NAME")),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
    ];
    let resource = Resource::builder_empty()
        .with_attributes(own)
        .with_detectors(&[Box::new(TelemetryResourceDetector), Box::new(EnvResourceDetector::new())]);
    match service_name {
        Some(name) => resource.with_service_name(name),
        None => resource,
    }
    .build()
}

impl BatchSettings {
    fn read(set: &impl Fn(&str) -> Option<String>) -> Self {
        let milliseconds = |name, default| Duration::from_millis(number(set, name, 1..=MAX_MILLISECONDS, default));
        let max_queue_size = number(set, "OTEL_BSP_MAX_QUEUE_SIZE", 1..=MAX_QUEUE_SIZE, 2_048);
        let batch = number(set, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 1..=MAX_QUEUE_SIZE, 512);
        Self {
            max_queue_size,
            max_batch_size: batch.min(max_queue_size),
            schedule_delay: milliseconds("OTEL_BSP_SCHEDULE_DELAY", 5_000),
            export_timeout: milliseconds("OTEL_BSP_EXPORT_TIMEOUT", 30_000),
        }
    }
}

/// A number in a range, or the default. The specification asks for a warning where the value is malformed.
fn number<N: FromStr + PartialOrd + Copy + fmt::Display>(
    set: &impl Fn(&str) -> Option<String>,
    variable: &str,
    range: std::ops::RangeInclusive<N>,
    default: N,
) -> N {
    let Some(value) = set(variable) else { return default };
    let number = value.parse().ok().filter(|number| range.contains(number));
    number.unwrap_or_else(|| {
        tracing::warn!(variable, value, %default, "the variable is not a number in range; the default is used");
        default
    })
}

#[cfg(test)]
mod tests {
    use opentelemetry::Key;

    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<Option<TraceSettings>, TracesError> {
        let read = |name: &str| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        TraceSettings::read(&read)
    }

    const ON: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317");

    #[test]
    fn traces_are_off_unless_an_endpoint_is_named_and_nothing_switches_them_off() {
        assert!(settings(&[ON]).unwrap().is_some());
        assert!(settings(&[(ENDPOINT[0], "http://collector:4317")]).unwrap().is_some());
        for off in [
            &[][..],
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")],
            &[ON, ("OTEL_SDK_DISABLED", "TRUE")],
            &[ON, ("OTEL_TRACES_EXPORTER", "none")],
        ] {
            assert!(settings(off).unwrap().is_none(), "{off:?}");
        }
    }

    #[test]
    fn another_protocol_than_grpc_is_an_error() {
        assert!(settings(&[ON, (PROTOCOL[1], "grpc")]).is_ok());
        let error = settings(&[ON, (PROTOCOL[1], "http/protobuf")]).unwrap_err();
        assert!(error.to_string().contains("OTEL_EXPORTER_OTLP_PROTOCOL"), "{error}");
        assert!(settings(&[ON, (PROTOCOL[0], "grpc"), (PROTOCOL[1], "http/protobuf")]).is_ok());
    }

    #[test]
    fn an_endpoint_without_a_scheme_is_spoken_to_over_tls_unless_that_is_switched_off() {
        for (endpoint, insecure, url) in [
            ("http://collector:4317", "false", "http://collector:4317"),
            ("https://collector:4317", "true", "https://collector:4317"),
            ("collector:4317", "false", "https://collector:4317"),
            ("collector:4317", "true", "http://collector:4317"),
        ] {
            let settings = settings(&[(ENDPOINT[1], endpoint), (INSECURE[1], insecure)]).unwrap().unwrap();
            assert_eq!(settings.endpoint, url);
        }
    }

    #[test]
    fn the_service_has_a_name_and_the_environment_may_give_another() {
        let name = |variables: &[_]| {
            let resource = settings(variables).unwrap().unwrap().resource;
            resource.get(&Key::new("service.name")).unwrap().to_string()
        };
        assert_eq!(name(&[ON]), "access-broker");
        assert_eq!(name(&[ON, ("OTEL_SERVICE_NAME", "eu-broker")]), "eu-broker");
    }

    #[test]
    fn batches_are_as_the_variables_say_and_as_specified_otherwise() {
        let batches = |variables: &[_]| settings(&[&[ON], variables].concat()).unwrap().unwrap().batches;
        let default = BatchSettings {
            max_queue_size: 2_048,
            max_batch_size: 512,
            schedule_delay: Duration::from_secs(5),
            export_timeout: Duration::from_secs(30),
        };
        assert_eq!(batches(&[]), default);
        for malformed in ["0", "-1", "many", "1e3", "99999999999999999999"] {
            assert_eq!(
                batches(&[("OTEL_BSP_MAX_QUEUE_SIZE", malformed), ("OTEL_BSP_SCHEDULE_DELAY", malformed)]),
                default
            );
        }
        let few = batches(&[("OTEL_BSP_MAX_QUEUE_SIZE", "8"), ("OTEL_BSP_SCHEDULE_DELAY", "100")]);
        assert_eq!((few.max_queue_size, few.max_batch_size, few.schedule_delay), (8, 8, Duration::from_millis(100)));
    }
}
