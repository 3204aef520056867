use std::sync::Mutex;
use std::time::SystemTime;

use async_trait::async_trait;

use super::*;
use crate::audit::record::tests::refused;

/// Stores records in memory, or fails.
#[derive(Debug, Default)]
struct FakeSink {
    kept: Mutex<Vec<(AuditRecord, Duration)>>,
    failure: Option<AuditFailure>,
    status: Arc<AuditStatus>,
}

#[async_trait]
impl AuditSink for FakeSink {
    async fn keep(&self, record: AuditRecord, patience: Duration) -> Result<(), AuditFailure> {
        self.kept.lock().unwrap().push((record, patience));
        self.failure.map_or(Ok(()), Err)
    }

    async fn attempt(&self) {}

    fn status(&self) -> &Arc<AuditStatus> {
        &self.status
    }

    async fn close(&self, _: Duration) {}
}

const PATIENCE: Duration = Duration::from_secs(2);

async fn recorded(failure: Option<AuditFailure>, on_failure: OnFailure) -> Result<(), AuditUnavailable> {
    let sink = Arc::new(FakeSink { failure, ..FakeSink::default() });
    let trail = AuditTrail::new(Arc::clone(&sink) as _, KeyForm::Plain, on_failure, PATIENCE);
    let decision = refused("a/b.jpg", SystemTime::UNIX_EPOCH);
    let result = trail.record(&decision, &CallContext::default()).await;
    let kept = sink.kept.lock().unwrap();
    assert!(kept.len() == 1 && kept[0].0.as_str().contains(&decision.id.to_string()) && kept[0].1 == PATIENCE);
    result
}

#[tokio::test]
async fn a_decision_is_recorded_before_the_answer() {
    assert_eq!(recorded(None, OnFailure::Deny).await, Ok(()));
}

#[tokio::test]
async fn without_a_record_the_answer_depends_on_the_setting() {
    for failure in AuditFailure::ALL {
        assert_eq!(recorded(Some(failure), OnFailure::Deny).await, Err(AuditUnavailable(failure)));
        assert_eq!(recorded(Some(failure), OnFailure::Allow).await, Ok(()));
    }
}

#[tokio::test]
async fn answers_that_may_be_given_anyway_do_not_wait_for_an_output_that_hangs() {
    for (on_failure, patience) in [(OnFailure::Allow, Duration::ZERO), (OnFailure::Deny, PATIENCE)] {
        let sink = Arc::new(FakeSink::default());
        assert!(sink.status.note_stalled());
        let trail = AuditTrail::new(Arc::clone(&sink) as _, KeyForm::Plain, on_failure, PATIENCE);
        let decision = refused("a", SystemTime::UNIX_EPOCH);
        trail.record(&decision, &CallContext::default()).await.unwrap();
        assert_eq!(sink.kept.lock().unwrap()[0].1, patience);
    }
}

#[tokio::test]
async fn without_a_sink_nothing_is_recorded() {
    let decision = refused("a", SystemTime::UNIX_EPOCH);
    assert_eq!(AuditTrail::none().record(&decision, &CallContext::default()).await, Ok(()));
    assert!(AuditTrail::none().status().is_none());
}
