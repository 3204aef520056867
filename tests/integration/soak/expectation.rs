//! What each call must be answered, in fair weather and in foul.

use tonic::Code;

use super::faults::Fault;

/// The kinds of calls that a caller makes in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Download,
    Upload,
    MustExist,
    MustExistAndDoesNot,
    Verify,
    VerifyMissing,
    Closed,
    NoSuchBucket,
    Malformed,
    Own,
    BadToken,
    UnknownKey,
}

/// A code, and the reason of an error.
pub(super) type Outcome = (Code, &'static str);

const ANSWERED: Outcome = (Code::Ok, "");

impl Operation {
    pub(super) const ALL: [Self; 12] = [
        Self::Download,
        Self::Upload,
        Self::MustExist,
        Self::MustExistAndDoesNot,
        Self::Verify,
        Self::VerifyMissing,
        Self::Closed,
        Self::NoSuchBucket,
        Self::Malformed,
        Self::Own,
        Self::BadToken,
        Self::UnknownKey,
    ];

    const fn asks_storage(self) -> bool {
        matches!(self, Self::MustExist | Self::MustExistAndDoesNot | Self::Verify | Self::VerifyMissing)
    }

    /// Whether it has an answer that waits for a record.
    const fn is_decided(self) -> bool {
        !matches!(self, Self::Malformed | Self::BadToken | Self::UnknownKey)
    }

    /// The answer when all is well. The owner is whoever is granted the objects that [`Own`](Self::Own) asks for.
    const fn usual(self, is_owner: bool) -> Outcome {
        match self {
            Self::Download | Self::Upload | Self::MustExist | Self::Verify => ANSWERED,
            Self::Own if is_owner => ANSWERED,
            Self::MustExistAndDoesNot | Self::VerifyMissing => (Code::NotFound, "OBJECT_NOT_FOUND"),
            Self::Closed | Self::Own => (Code::PermissionDenied, "OPERATION_NOT_GRANTED"),
            Self::NoSuchBucket => (Code::PermissionDenied, "OBJECT_IN_NO_TIER"),
            Self::Malformed => (Code::InvalidArgument, "REQUEST_INVALID"),
            Self::BadToken | Self::UnknownKey => (Code::Unauthenticated, "CALLER_NOT_AUTHENTICATED"),
        }
    }

    /// The answer while a fault is in force.
    fn during(self, fault: Fault, is_owner: bool) -> Outcome {
        let usual = self.usual(is_owner);
        let needs_credentials = usual == ANSWERED || self.asks_storage();
        match fault {
            Fault::KeysDown if self == Self::UnknownKey => (Code::Unavailable, "ISSUER_KEYS_UNAVAILABLE"),
            Fault::CredentialsGone if needs_credentials => (Code::Unavailable, "SIGNING_CREDENTIALS_UNAVAILABLE"),
            Fault::StorageDown if self.asks_storage() => (Code::Unavailable, "STORAGE_UNAVAILABLE"),
            Fault::AuditDiskFull if self.is_decided() => (Code::Unavailable, "AUDIT_UNAVAILABLE"),
            _ => usual,
        }
    }
}

/// What is going on at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weather {
    Calm,
    /// The fault begins or ends: some calls meet it and others do not.
    Turning(Fault),
    /// Every call meets the fault.
    Foul(Fault),
}

impl Weather {
    /// The weather once a fault has begun. What the broker holds of its credentials outlasts the loss of their files for
    /// a while.
    pub(super) fn of(fault: Fault) -> Self {
        if fault == Fault::CredentialsGone { Self::Turning(fault) } else { Self::Foul(fault) }
    }

    /// Whether URLs can be tried at the S3 server.
    pub(super) fn has_storage(self) -> bool {
        !matches!(self, Self::Turning(Fault::StorageDown) | Self::Foul(Fault::StorageDown))
    }

    fn permits(self, operation: Operation, is_owner: bool, outcome: (Code, &str)) -> bool {
        // Calls can cause a fetch each 30 seconds. Between them, it cannot be told that a key is absent.
        if operation == Operation::UnknownKey && outcome == (Code::Unavailable, "ISSUER_KEYS_UNAVAILABLE") {
            return true;
        }
        match self {
            Self::Calm => outcome == operation.usual(is_owner),
            Self::Foul(fault) => outcome == operation.during(fault, is_owner),
            Self::Turning(fault) => [operation.usual(is_owner), operation.during(fault, is_owner)].contains(&outcome),
        }
    }
}

/// Whether a call may end so that began in one weather and ended in another.
pub(super) fn is_expected(
    operation: Operation,
    is_owner: bool,
    [begun, ended]: [Weather; 2],
    outcome: (Code, &str),
) -> bool {
    begun.permits(operation, is_owner, outcome) || ended.permits(operation, is_owner, outcome)
}
