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
    /// An unknown method.
    Unknown,
}

impl CallMethod {
    /// Every method, in the order of their numbers.
    pub(crate) const ALL: [Self; 8] = [
        Self::IssueDownloadUrl,
        Self::IssueUploadUrl,
        Self::VerifyUpload,
        Self::HealthCheck,
        Self::HealthWatch,
        Self::Reflection,
        Self::ReflectionAlpha,
        Self::Unknown,
    ];

    #[must_use]
    pub(crate) fn from_path(path: &str) -> Self {
        let known = path.strip_prefix('/').and_then(|path| path.split_once('/'));
        let known =
            known.and_then(|parts| Self::ALL.into_iter().find(|method| parts == (method.service(), method.name())));
        known.unwrap_or(Self::Unknown)
    }

    /// The full name of the service; `unknown` for an unknown method.
    #[must_use]
    pub(crate) const fn service(self) -> &'static str {
        match self {
            Self::IssueDownloadUrl | Self::IssueUploadUrl | Self::VerifyUpload => SERVICE_NAME,
            Self::HealthCheck | Self::HealthWatch => "grpc.health.v1.Health",
            Self::Reflection => "grpc.reflection.v1.ServerReflection",
            Self::ReflectionAlpha => "grpc.reflection.v1alpha.ServerReflection",
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
            Self::Unknown => "_OTHER",
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

    /// Whether the method requires an authenticated caller. Health and reflection do not: probes and tools call them,
    /// about the server and not about an object.
    pub(crate) const fn needs_caller(self) -> bool {
        match self {
            Self::HealthCheck | Self::HealthWatch | Self::Reflection | Self::ReflectionAlpha => false,
            // An unknown method is refused as malformed before. If it were not, it would require a caller.
            Self::IssueDownloadUrl | Self::IssueUploadUrl | Self::VerifyUpload | Self::Unknown => true,
        }
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
        for method in CallMethod::ALL.into_iter().filter(|method| *method != CallMethod::Unknown) {
            let path = format!("/{}/{}", method.service(), method.name());
            assert_eq!(CallMethod::from_path(&path), method);
            assert_eq!(path.strip_prefix('/'), Some(method.rpc_method()));
            for other in [format!("/{path}"), format!("{path}/"), path.to_lowercase(), path.replace('/', "")] {
                assert_eq!(CallMethod::from_path(&other), CallMethod::Unknown, "{other}");
            }
        }
        assert_eq!(CallMethod::from_path("/unknown/unknown"), CallMethod::Unknown);
        assert_eq!(CallMethod::from_path(""), CallMethod::Unknown);
    }

    #[test]
    fn only_health_and_reflection_need_no_caller() {
        let exempt: Vec<_> = CallMethod::ALL.into_iter().filter(|method| !method.needs_caller()).collect();
        assert_eq!(
            exempt.iter().map(|method| method.rpc_method()).collect::<Vec<_>>(),
            [
                "grpc.health.v1.Health/Check",
                "grpc.health.v1.Health/Watch",
                "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
            ]
        );
    }

    #[test]
    fn the_number_of_a_method_is_its_place_in_the_list() {
        assert!(CallMethod::ALL.into_iter().enumerate().all(|(place, method)| method as usize == place));
    }
}
