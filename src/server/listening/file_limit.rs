//! The process's limit of open files, and how many connections fit into it.
//!
//! A process without a free descriptor cannot rotate its audit file, read its policy or fetch keys. So the limit is
//! raised to what the configuration may need if the system permits it; otherwise fewer connections are served.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::LimitSettings;
use crate::telemetry::ConnectionLimit;

/// Descriptors that are reserved: listeners and the runtime, the audit file and its rotation, the policy, certificates,
/// credentials, fetches of keys, and connections to S3.
const RESERVE: u64 = 64;

/// Connections at a time, each with one descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) struct Connections {
    /// Of callers, over all listeners.
    pub(in crate::server) callers: u32,
    /// Of the admin port.
    pub(in crate::server) admin: u32,
}

/// Raises the soft limit of open files to what the limits need, up to the hard limit, and lowers the limits of
/// connections to what fits. Logs one warning if fewer connections of callers fit than are configured.
pub(in crate::server) fn fit_into_file_limit(limits: &mut LimitSettings) -> ConnectionLimit {
    let wanted = Connections { callers: limits.max_connections, admin: limits.admin_max_connections };
    // A call in flight may query S3 over a separate connection.
    let needed =
        [wanted.callers, wanted.admin, limits.max_calls_in_flight].map(u64::from).iter().sum::<u64>() + RESERVE;
    let nofile = raise_soft_limit(needed);
    let effective = effective_max_connections(wanted, nofile);
    if effective.callers < wanted.callers {
        tracing::warn!(
            open_files_limit = nofile,
            needed,
            configured = wanted.callers,
            effective = effective.callers,
            "limit of open files is too low for limits.max_connections, so fewer connections are served; raise it with \
             `ulimit -n` or LimitNOFILE=, or lower limits.max_connections"
        );
    }
    (limits.max_connections, limits.admin_max_connections) = (effective.callers, effective.admin);
    ConnectionLimit { configured: wanted.callers, effective: effective.callers }
}

/// How many of the wanted connections fit into a process with `nofile` open files (`None`: no limit) in addition to the
/// reserve of 64; at least 1 of each kind.
///
/// The admin port gets at most an eighth of the limit. A limit below 128 has no room for the whole reserve: then half
/// of the limit is reserved.
pub(in crate::server) fn effective_max_connections(wanted: Connections, nofile: Option<u64>) -> Connections {
    let Some(nofile) = nofile else { return wanted };
    let at_most = |wanted: u32, room: u64| wanted.min(u32::try_from(room).unwrap_or(u32::MAX)).max(1);
    let admin = at_most(wanted.admin, nofile / 8);
    let reserve = RESERVE.min(nofile / 2);
    Connections { callers: at_most(wanted.callers, nofile.saturating_sub(reserve + u64::from(admin))), admin }
}

/// The soft limit after raising it; `None` if there is none.
fn raise_soft_limit(needed: u64) -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let soft = current.filter(|soft| *soft < needed);
    let Some(soft) = soft else { return current };
    let raised = maximum.map_or(needed, |hard| hard.min(needed));
    if raised <= soft {
        return Some(soft);
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }) {
        Ok(()) => {
            tracing::info!(from = soft, to = raised, "soft limit of open files raised");
            Some(raised)
        }
        // A sandbox may refuse it.
        Err(_) => Some(soft),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn effective(callers: u32, admin: u32, nofile: u64) -> (u32, u32) {
        let Connections { callers, admin } = effective_max_connections(Connections { callers, admin }, Some(nofile));
        (callers, admin)
    }

    #[test]
    fn the_reserve_stays_free_for_any_limit() {
        assert_eq!(effective(4_096, 64, 4_096 + 64 + 64), (4_096, 64));
        assert_eq!(effective(4_096, 64, 1_048_576), (4_096, 64));
        assert_eq!(effective(4_096, 64, 4_096), (3_968, 64));
        assert_eq!(effective(4_096, 64, 1_024), (896, 64));
        assert_eq!(effective(4_096, 64, 256), (160, 32));
        assert_eq!(effective(4_096, 64, 64), (24, 8));
        assert_eq!(effective(4_096, 64, 0), (1, 1));
        assert_eq!(effective(10, 5, 1_024), (10, 5));
        let wanted = Connections { callers: 100_000, admin: 1_024 };
        assert_eq!(effective_max_connections(wanted, None), wanted);
    }

    proptest! {
        #[test]
        fn connections_and_reserve_never_exceed_the_limit(
            callers in 1..=100_000_u32, admin in 1..=1_024_u32, nofile in 8..=2_000_000_u64,
        ) {
            let (fit, admin_fit) = effective(callers, admin, nofile);
            prop_assert!((1..=callers).contains(&fit) && (1..=admin).contains(&admin_fit));
            let reserve = 64.min(nofile / 2);
            prop_assert!(u64::from(fit) + u64::from(admin_fit) + reserve <= nofile);
            // Nothing is held back that is not reserved.
            prop_assert!(fit == callers || u64::from(fit) + u64::from(admin_fit) + reserve == nofile);
        }
    }
}
