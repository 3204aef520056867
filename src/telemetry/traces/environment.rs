//! The variables of the OpenTelemetry specification that this program reads. The SDK and the exporter read the others.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use url::Url;

use super::TracesError;

/// Each has the variable for traces before the one for all signals.
const ENDPOINT: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
const PROTOCOL: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
const CERTIFICATE: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"];
const HEADERS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"];
const TIMEOUT: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"];
const COMPRESSION: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"];
const INSECURE: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_INSECURE", "OTEL_EXPORTER_OTLP_INSECURE"];

const GRPC: &str = "grpc";
const HTTP_PROTOBUF: &str = "http/protobuf";

/// The port of OTLP over HTTP. An endpoint with this port and without a protocol is HTTP.
const HTTP_PORT: u16 = 4_318;

const SAMPLERS: [&str; 6] = [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

/// The maximum queue size, in spans. A span takes about a kilobyte.
const MAX_QUEUE_SIZE: usize = 65_536;

/// The maximum time between batches, and for sending one.
const MAX_MILLISECONDS: u64 = 600_000;

/// The trace settings of the environment.
#[derive(Debug, Clone)]
pub(super) struct TraceSettings {
    /// The collector's URL as given, with a scheme.
    pub(super) endpoint: String,
    pub(super) endpoint_variable: &'static str,
    /// How spans are sent.
    pub(super) protocol: Protocol,
    /// The certificate authorities of the collector, if they are not the machine's.
    pub(super) certificate_file: Option<CertificateFile>,
    /// The resource attributes of every span.
    pub(super) resource: Resource,
    /// When spans are sent.
    pub(super) batches: BatchSettings,
}

/// How spans are sent.
#[derive(Debug, Clone)]
pub(super) enum Protocol {
    /// OTLP over gRPC. Its exporter reads headers and timeout from the process's environment.
    Grpc,
    /// OTLP over HTTP, with protobuf bodies.
    HttpProtobuf(HttpSettings),
}

impl Protocol {
    /// The names in the variables.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Grpc => GRPC,
            Self::HttpProtobuf(_) => HTTP_PROTOBUF,
        }
    }
}

/// The settings of OTLP over HTTP.
#[derive(Clone)]
pub(super) struct HttpSettings {
    /// The URL to post spans to.
    pub(super) url: String,
    /// Sent with every message.
    pub(super) headers: HeaderMap,
    /// The time limit of one message.
    pub(super) timeout: Duration,
}

impl fmt::Debug for HttpSettings {
    /// Without the headers, which are usually secrets, and without the URL, whose query may be one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSettings").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// A file with certificate authorities.
#[derive(Debug, Clone)]
pub(super) struct CertificateFile {
    pub(super) variable: &'static str,
    pub(super) path: String,
}

/// Batch settings of spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BatchSettings {
    /// The maximum number of queued spans; more are dropped.
    pub(super) max_queue_size: usize,
    /// Spans in one message.
    pub(super) max_batch_size: usize,
    /// The maximum wait for a batch to fill.
    pub(super) schedule_delay: Duration,
    /// The time limit for sending one, in addition to the exporter's own limits.
    pub(super) export_timeout: Duration,
}

impl TraceSettings {
    /// `None` if traces are off.
    pub(super) fn read(read: &impl Fn(&str) -> Option<String>) -> Result<Option<Self>, TracesError> {
        let set = |name: &str| read(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let first = |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, set(name)?)));
        let disabled = set("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let no_exporter = set("OTEL_TRACES_EXPORTER").is_some_and(|value| value == "none");
        let Some((endpoint_variable, endpoint)) = first(ENDPOINT).filter(|_| !disabled && !no_exporter) else {
            return Ok(None);
        };
        warn_of_other_values(&set, "OTEL_TRACES_EXPORTER", &["otlp"]);
        warn_of_other_values(&set, "OTEL_TRACES_SAMPLER", &SAMPLERS);
        warn_of_other_values(&set, "OTEL_SDK_DISABLED", &["false"]);
        let insecure = first(INSECURE).is_some_and(|(_, value)| value.eq_ignore_ascii_case("true"));
        let endpoint = with_scheme(endpoint, insecure);
        let url = Url::parse(&endpoint).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let url = url.ok_or(TracesError::Endpoint { variable: endpoint_variable })?;
        let is_http = match first(PROTOCOL) {
            None => url.port() == Some(HTTP_PORT),
            Some((_, value)) if value == GRPC => false,
            Some((_, value)) if value == HTTP_PROTOBUF => true,
            Some((variable, value)) => return Err(TracesError::Protocol { variable, value }),
        };
        if let Some((variable, value)) = first(COMPRESSION).filter(|(_, value)| value != "none") {
            if !is_http {
                return Err(TracesError::Compression { variable, value });
            }
            tracing::warn!(variable, value, "compression of traces unavailable: spans are sent uncompressed");
        }
        let protocol = if is_http {
            Protocol::HttpProtobuf(HttpSettings {
                url: if endpoint_variable == ENDPOINT[0] { url.into() } else { traces_url(url).into() },
                headers: first(HEADERS).map(|(variable, text)| headers(variable, &text)).unwrap_or_default(),
                timeout: timeout(&set),
            })
        } else {
            Protocol::Grpc
        };
        Ok(Some(Self {
            endpoint,
            endpoint_variable,
            protocol,
            certificate_file: first(CERTIFICATE).map(|(variable, path)| CertificateFile { variable, path }),
            resource: resource(set("OTEL_SERVICE_NAME")),
            batches: BatchSettings::read(&set),
        }))
    }
}

impl TraceSettings {
    /// Whether the collector's URL has TLS.
    pub(super) fn is_https(&self) -> bool {
        self.endpoint.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
    }
}

/// The URL for traces, below the one for all signals. The one for traces alone is used unchanged.
fn traces_url(mut base: Url) -> Url {
    let path = format!("{}/v1/traces", base.path().trim_end_matches('/'));
    base.set_path(&path);
    base
}

/// `name=value` pairs with commas between them, the values percent-encoded. Invalid headers are omitted with a warning.
fn headers(variable: &'static str, text: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = name.trim();
        let value = url::form_urlencoded::parse(format!("={}", value.trim().replace('+', "%2B")).as_bytes())
            .next()
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default();
        match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value)) {
            (Ok(name), Ok(mut value)) if pair.contains('=') => {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
            // Not logged: if the `=` is missing, a name may be the beginning of a secret.
            _ => tracing::warn!(
                variable,
                "environment variable has an invalid header, which is left out: the form is name=value"
            ),
        }
    }
    headers
}

fn timeout(set: &impl Fn(&str) -> Option<String>) -> Duration {
    let [of_traces, of_all] = TIMEOUT;
    let variable = if set(of_traces).is_some() { of_traces } else { of_all };
    Duration::from_millis(number(set, variable, 1..=MAX_MILLISECONDS, 10_000))
}

/// The scheme of an endpoint without one is `https`, unless that is switched off.
fn with_scheme(endpoint: String, insecure: bool) -> String {
    match (endpoint.contains("://"), insecure) {
        (true, _) => endpoint,
        (false, true) => format!("http://{endpoint}"),
        (false, false) => format!("https://{endpoint}"),
    }
}

/// `OTEL_RESOURCE_ATTRIBUTES` override the program's own attributes, and `OTEL_SERVICE_NAME` overrides both.
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

/// Logs a warning if a variable with a closed list of values has another value, which is ignored.
fn warn_of_other_values(set: &impl Fn(&str) -> Option<String>, variable: &str, known: &[&str]) {
    if let Some(value) = set(variable).filter(|value| !known.iter().any(|known| known.eq_ignore_ascii_case(value))) {
        tracing::warn!(
            variable,
            value,
            known = known.join(", "),
            "environment variable has an invalid value, which is ignored"
        );
    }
}

/// A number in a range, or the default. The specification requires a warning for an invalid value.
fn number<N: FromStr + PartialOrd + Copy + fmt::Display>(
    set: &impl Fn(&str) -> Option<String>,
    variable: &str,
    range: std::ops::RangeInclusive<N>,
    default: N,
) -> N {
    let Some(value) = set(variable) else { return default };
    let number = value.parse().ok().filter(|number| range.contains(number));
    number.unwrap_or_else(|| {
        tracing::warn!(variable, value, %default, "environment variable has an invalid number; the default is used");
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

    fn protocol(variables: &[(&str, &str)]) -> &'static str {
        settings(variables).unwrap().unwrap().protocol.name()
    }

    #[test]
    fn the_protocol_is_what_is_named_or_what_the_port_is_for() {
        const HTTP: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
        for (variables, name) in [
            (&[ON][..], "grpc"),
            (&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector")], "grpc"),
            (&[HTTP], "http/protobuf"),
            (&[HTTP, (PROTOCOL[1], "grpc")], "grpc"),
            (&[ON, (PROTOCOL[1], "http/protobuf")], "http/protobuf"),
            (&[ON, (PROTOCOL[0], "grpc"), (PROTOCOL[1], "http/protobuf")], "grpc"),
            (&[ON, (PROTOCOL[0], "http/protobuf"), (PROTOCOL[1], "grpc")], "http/protobuf"),
        ] {
            assert_eq!(protocol(variables), name, "{variables:?}");
        }
        for other in ["http/json", "HTTP", "zipkin"] {
            let error = settings(&[ON, (PROTOCOL[1], other)]).unwrap_err();
            assert!(error.to_string().contains("OTEL_EXPORTER_OTLP_PROTOCOL"), "{error}");
        }
    }

    #[test]
    fn every_error_names_its_variable() {
        for (variable, value) in [
            (ENDPOINT[0], "http://"),
            (ENDPOINT[1], "collector:4317 "),
            (ENDPOINT[1], "unix:///run/collector"),
            (ENDPOINT[1], "http://[collector"),
            (COMPRESSION[1], "gzip"),
        ] {
            let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317"), (variable, value)];
            let read = |name: &str| {
                let found = variables.iter().rev().find(|(variable, _)| *variable == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            match TraceSettings::read(&read) {
                Err(error) => assert!(error.to_string().contains(variable), "{error}"),
                Ok(found) => assert_eq!(found.unwrap().endpoint, "https://collector:4317", "trimmed"),
            }
        }
    }

    #[test]
    fn the_path_for_traces_is_appended_to_the_endpoint_of_all_signals_only() {
        for (variable, endpoint, url) in [
            (ENDPOINT[1], "http://collector:4318", "http://collector:4318/v1/traces"),
            (ENDPOINT[1], "http://collector:4318/", "http://collector:4318/v1/traces"),
            (ENDPOINT[1], "https://host.example/otlp/", "https://host.example/otlp/v1/traces"),
            (ENDPOINT[0], "http://collector:4318", "http://collector:4318/"),
            (ENDPOINT[0], "https://host.example/otlp", "https://host.example/otlp"),
            (ENDPOINT[0], "https://host.example/v1/traces?k=1", "https://host.example/v1/traces?k=1"),
        ] {
            let found = settings(&[(variable, endpoint), (PROTOCOL[1], "http/protobuf")]).unwrap().unwrap();
            let Protocol::HttpProtobuf(http) = found.protocol else { panic!("{endpoint}") };
            assert_eq!(http.url, url);
        }
    }

    #[test]
    fn headers_are_decoded_and_hidden() {
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"),
            (HEADERS[1], "authorization=Bearer%20a+b=, x-tenant = media ,nonsense,bad name=1"),
            (TIMEOUT[1], "2500"),
        ];
        let found = settings(&variables).unwrap().unwrap();
        assert!(!format!("{found:?}").contains("Bearer"));
        let Protocol::HttpProtobuf(http) = found.protocol else { panic!() };
        assert_eq!(http.headers.len(), 2);
        assert_eq!(http.headers["authorization"], "Bearer a+b=");
        assert_eq!(http.headers["x-tenant"], "media");
        assert_eq!(http.timeout, Duration::from_millis(2_500));
        let of_traces = [variables[0], variables[1], (HEADERS[0], "x-tenant=other")];
        let Protocol::HttpProtobuf(http) = settings(&of_traces).unwrap().unwrap().protocol else { panic!() };
        assert_eq!((http.headers.len(), &http.headers["x-tenant"]), (1, &HeaderValue::from_static("other")));
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
