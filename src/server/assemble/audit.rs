//! The audit trail that the configuration asks for.

use std::sync::Arc;

use anyhow::Context;

use crate::audit::{AuditFile, AuditTrail, GroupCommitSink};
use crate::config::{AuditOutput, AuditSettings};

/// Opens the output, so that one that cannot be used stops the start and not the calls.
pub(super) fn trail(settings: &AuditSettings) -> anyhow::Result<AuditTrail> {
    let AuditSettings { output, key, on_failure, flush_timeout } = settings;
    let sink = match output {
        AuditOutput::None => {
            tracing::warn!("audit.output is \"none\": decisions are not recorded");
            return Ok(AuditTrail::none());
        }
        AuditOutput::Stdout => {
            GroupCommitSink::to_stdout(*flush_timeout).context("audit.output \"stdout\" cannot be used")?
        }
        AuditOutput::File(file) => AuditFile::open(file)
            .map_err(anyhow::Error::from)
            .and_then(|opened| Ok(GroupCommitSink::to_file(opened, *flush_timeout)?))
            .with_context(|| format!("audit.file {} cannot be used", file.path.display()))?,
    };
    Ok(AuditTrail::new(Arc::new(sink), *key, *on_failure, *flush_timeout))
}
