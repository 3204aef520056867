//! The known methods: a closed list, because clients can send any path.

/// The full name of the broker's service, for health and for paths.
pub const SERVICE_NAME: &str = "accessbroker.v1.AccessBrokerService";

/// The method of a call, for logs, metrics and traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallMethod {
    /// `IssueDownloadUrl` of the broker.
    IssueDownloadUrl,
    /// `IssueUploadUrl` of the broker.
    IssueUploadUrl,
    /// `VerifyUpload` of the broker.
    VerifyUpload,
    /// `Check` of health.
    HealthCheck,
    /// `Watch` of health.
    HealthWatch,
    Reflection,
    /// The same of the older version.
    ReflectionAlpha,
    /// The description of the HTTP interface.
    OpenApi,
    /// A browser's question whether a page of another origin may call (CORS).
    Preflight,
    /// An unknown method.
    Unknown,
}

impl CallMethod {
    /// Every method, in the order of their numbers.
    pub(crate) const ALL: [Self; 10] = [
        Self::IssueDownloadUrl,
        Self::IssueUploadUrl,
        Self::VerifyUpload,
        Self::HealthCheck,
        Self::HealthWatch,
        Self::Reflection,
        Self::ReflectionAlpha,
        Self::OpenApi,
        Self::Preflight,
        Self::Unknown,
    ];

    #[must_use]
    pub(crate) fn from_path(path: &str) -> Self {
        let known = path.strip_prefix('/').and_then(|path| path.split_once('/'));
        let known =
            known.and_then(|parts| Self::ALL.into_iter().find(|method| parts == (method.service(), method.name())));
        let known = known.filter(|method| method.is_rpc());
        known.unwrap_or(Self::Unknown)
    }

    /// Whether gRPC has the method.
    pub(crate) const fn is_rpc(self) -> bool {
        !matches!(self, Self::OpenApi | Self::Preflight | Self::Unknown)
    }

    /// The full name of the service; `http` for what only HTTP has, `unknown` for an unknown method.
    #[must_use]
    pub(crate) const fn service(self) -> &'static str {
        match self {
            Self::IssueDownloadUrl | Self::IssueUploadUrl | Self::VerifyUpload => SERVICE_NAME,
            Self::HealthCheck | Self::HealthWatch => "grpc.health.v1.Health",
            Self::Reflection => "grpc.reflection.v1.ServerReflection",
            Self::ReflectionAlpha => "grpc.reflection.v1alpha.ServerReflection",
            Self::OpenApi | Self::Preflight => "http",
            Self::Unknown => "unknown",
        }
    }

    /// The method's own name; `unknown` for an unknown method.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::IssueDownloadUrl => "IssueDownloadUrl",
            Self::IssueUploadUrl => "IssueUploadUrl",
            Self::VerifyUpload => "VerifyUpload",
            Self::HealthCheck => "Check",
            Self::HealthWatch => "Watch",
            Self::Reflection | Self::ReflectionAlpha => "ServerReflectionInfo",
            Self::OpenApi => "OpenApi",
            Self::Preflight => "Preflight",
            Self::Unknown => "unknown",
        }
    }

    /// Service and method, as in OpenTelemetry's `rpc.method`: `_OTHER` for an unknown method.
    pub(crate) const fn rpc_method(self) -> &'static str {
        match self {
            Self::IssueDownloadUrl => "accessbroker.v1.AccessBrokerService/IssueDownloadUrl",
            Self::IssueUploadUrl => "accessbroker.v1.AccessBrokerService/IssueUploadUrl",
            Self::VerifyUpload => "accessbroker.v1.AccessBrokerService/VerifyUpload",
            Self::HealthCheck => "grpc.health.v1.Health/Check",
            Self::HealthWatch => "grpc.health.v1.Health/Watch",
            Self::Reflection => "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            Self::ReflectionAlpha => "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
            Self::OpenApi | Self::Preflight | Self::Unknown => "_OTHER",
        }
    }

    /// The name in the log; health and reflection have one name each.
    pub(crate) const fn log_name(self) -> &'static str {
        match self {
            Self::HealthCheck | Self::HealthWatch => "Health",
            Self::Reflection | Self::ReflectionAlpha => "Reflection",
            other => other.name(),
        }
    }

    /// Whether the method requires an authenticated caller. Health, reflection and the like do not: probes, tools and
    /// browsers call them, about the server and not about an object.
    pub(crate) const fn needs_caller(self) -> bool {
        match self {
            Self::HealthCheck
            | Self::HealthWatch
            | Self::Reflection
            | Self::ReflectionAlpha
            | Self::OpenApi
            | Self::Preflight => false,
            // An unknown method is refused as malformed before. If it were not, it would require a caller.
            Self::IssueDownloadUrl | Self::IssueUploadUrl | Self::VerifyUpload | Self::Unknown => true,
        }
    }

    /// Whether load balancers, browsers and tools call the method regularly.
    pub(crate) const fn is_probe(self) -> bool {
        !self.needs_caller()
    }

    /// The kind of the method, by the names of gRPC's Prometheus metrics.
    #[must_use]
    pub(crate) const fn grpc_type(self) -> &'static str {
        match self {
            Self::HealthWatch => "server_stream",
            Self::Reflection | Self::ReflectionAlpha => "bidi_stream",
            _ => "unary",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_path_leads_to_its_method_and_every_other_to_unknown() {
        for method in CallMethod::ALL.into_iter().filter(|method| method.is_rpc()) {
            let path = format!("/{}/{}", method.service(), method.name());
            assert_eq!(CallMethod::from_path(&path), method);
            assert_eq!(path.strip_prefix('/'), Some(method.rpc_method()));
            for other in [format!("/{path}"), format!("{path}/"), path.to_lowercase(), path.replace('/', "")] {
                assert_eq!(CallMethod::from_path(&other), CallMethod::Unknown, "{other}");
            }
        }
        for of_http in ["/unknown/unknown", "/http/OpenApi", "/http/Preflight"] {
            assert_eq!(CallMethod::from_path(of_http), CallMethod::Unknown);
        }
        assert_eq!(CallMethod::from_path(""), CallMethod::Unknown);
    }

    #[test]
    fn only_calls_about_the_server_need_no_caller() {
        let exempt = CallMethod::ALL.into_iter().filter(|method| !method.needs_caller());
        assert_eq!(
            exempt.map(|method| (method.service(), method.name())).collect::<Vec<_>>(),
            [
                ("grpc.health.v1.Health", "Check"),
                ("grpc.health.v1.Health", "Watch"),
                ("grpc.reflection.v1.ServerReflection", "ServerReflectionInfo"),
                ("grpc.reflection.v1alpha.ServerReflection", "ServerReflectionInfo"),
                ("http", "OpenApi"),
                ("http", "Preflight"),
            ]
        );
    }

    #[test]
    fn the_number_of_a_method_is_its_place_in_the_list() {
        assert!(CallMethod::ALL.into_iter().enumerate().all(|(place, method)| method as usize == place));
    }
}
