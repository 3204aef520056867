//! The protocols of calls, for the log and for traces.

/// What a client speaks. Every protocol has the same methods and the same decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Grpc,
    /// JSON over HTTP, at the paths of the contract's `google.api.http` annotations.
    Rest,
    /// Connect's unary calls.
    Connect,
    /// The call `/presignedurl`.
    PresignedUrl,
}

impl Protocol {
    /// The name in the log.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Rest => "rest",
            Self::Connect => "connect",
            Self::PresignedUrl => "presignedurl",
        }
    }

    /// OpenTelemetry's `rpc.system.name`.
    pub(crate) const fn rpc_system(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Connect => "connectrpc",
            Self::Rest | Self::PresignedUrl => "http",
        }
    }
}
