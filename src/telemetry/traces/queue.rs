//! A bounded queue of spans between the calls and the collector. It never blocks a call.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter, SpanProcessor};
use tokio::sync::{Notify, mpsc};
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::counts::SpanCounts;
use super::environment::BatchSettings;

pub(super) fn span_queue(settings: BatchSettings, counts: Arc<SpanCounts>) -> (SpanQueue, SpanSender) {
    let (sender, spans) = mpsc::channel(settings.max_queue_size);
    let enough = Arc::new(Notify::new());
    let batch_size = settings.max_batch_size;
    let queue = SpanQueue { sender, batch_size, enough: Arc::clone(&enough), counts: Arc::clone(&counts) };
    (queue, SpanSender { spans, settings, enough, counts })
}

/// Queues finished spans.
#[derive(Debug)]
pub(super) struct SpanQueue {
    sender: mpsc::Sender<SpanData>,
    batch_size: usize,
    /// Wakes the sender when a batch is full.
    enough: Arc<Notify>,
    counts: Arc<SpanCounts>,
}

impl SpanProcessor for SpanQueue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        if self.sender.try_send(span).is_err() {
            self.counts.dropped();
        }
        if self.sender.max_capacity() - self.sender.capacity() >= self.batch_size {
            self.enough.notify_one();
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    /// Does nothing: [`Traces::shutdown`](super::Traces::shutdown) waits for the sender without blocking a thread.
    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Takes spans from the queue and sends them in batches.
pub(super) struct SpanSender {
    spans: mpsc::Receiver<SpanData>,
    settings: BatchSettings,
    enough: Arc<Notify>,
    counts: Arc<SpanCounts>,
}

impl SpanSender {
    /// Sends until `stop`, and then the remaining spans. Also ends when the queue has no more senders.
    pub(super) async fn run(mut self, exporter: impl SpanExporter, stop: CancellationToken) {
        let mut failing = false;
        loop {
            tokio::select! {
                () = time::sleep(self.settings.schedule_delay) => {}
                () = self.enough.notified() => {}
                () = stop.cancelled() => self.spans.close(),
            }
            // As many as there are now: later ones are for the next round.
            let batches = self.spans.len().div_ceil(self.settings.max_batch_size);
            for _ in 0..batches {
                self.send_batch(&exporter, &mut failing).await;
            }
            if self.spans.is_closed() && self.spans.is_empty() {
                return;
            }
        }
    }

    /// Sends a batch of queued spans. Logs the first failure of several, and the recovery.
    async fn send_batch(&mut self, exporter: &impl SpanExporter, failing: &mut bool) {
        let mut batch = Vec::with_capacity(self.settings.max_batch_size.min(self.spans.len()));
        let spans = self.spans.recv_many(&mut batch, self.settings.max_batch_size).await as u64;
        let failure = match time::timeout(self.settings.export_timeout, exporter.export(batch)).await {
            Ok(result) => result.err().map(|error| error.to_string()),
            Err(_) => Some("the request to the collector timed out".to_owned()),
        };
        match &failure {
            None => self.counts.exported(spans),
            Some(_) => self.counts.failed(spans),
        }
        match &failure {
            Some(error) if !*failing => tracing::warn!(error, spans, "exporting spans failed"),
            None if *failing => tracing::info!("exporting spans recovered"),
            _ => {}
        }
        *failing = failure.is_some();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use opentelemetry::trace::{Tracer, TracerProvider};
    use opentelemetry_sdk::error::OTelSdkError;
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;

    /// Records the sizes of batches; can be set to fail, or never to answer.
    #[derive(Debug, Clone, Default)]
    struct Collector {
        batches: Arc<Mutex<Vec<usize>>>,
        fails: bool,
        silent: bool,
    }

    impl SpanExporter for Collector {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.batches.lock().unwrap().push(batch.len());
            if self.silent {
                std::future::pending::<()>().await;
            }
            if self.fails { Err(OTelSdkError::InternalFailure("refused".to_owned())) } else { Ok(()) }
        }
    }

    /// Takes a second for each batch, and reports its start.
    #[derive(Debug)]
    struct SlowCollector(Arc<Notify>);

    impl SpanExporter for SlowCollector {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            self.0.notify_one();
            time::sleep(Duration::from_secs(1)).await;
            Ok(())
        }
    }

    const SETTINGS: BatchSettings = BatchSettings {
        max_queue_size: 10,
        max_batch_size: 4,
        schedule_delay: Duration::from_secs(5),
        export_timeout: Duration::from_secs(30),
    };

    /// A queue with this many spans.
    fn filled(spans: usize) -> (SdkTracerProvider, SpanSender, Arc<SpanCounts>) {
        let counts = Arc::new(SpanCounts::default());
        let (queue, sender) = span_queue(SETTINGS, Arc::clone(&counts));
        let provider = SdkTracerProvider::builder().with_span_processor(queue).build();
        let tracer = provider.tracer("test");
        (0..spans).for_each(|_| drop(tracer.start("span")));
        (provider, sender, counts)
    }

    /// Starts it, and then stops it.
    async fn run_to_its_end(sender: SpanSender, collector: Collector) {
        let stop = CancellationToken::new();
        tokio::join!(sender.run(collector, stop.clone()), async { stop.cancel() });
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_drops_and_counts() {
        let (_provider, sender, counts) = filled(13);
        assert_eq!(counts.read()[2], ("dropped", 3));
        let collector = Collector::default();
        run_to_its_end(sender, collector.clone()).await;
        assert_eq!(*collector.batches.lock().unwrap(), [4, 4, 2]);
        assert_eq!(counts.read(), [("exported", 10), ("failed", 0), ("dropped", 3)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_spans_wait_for_the_delay_and_a_full_batch_does_not() {
        for (spans, delay) in [(1, SETTINGS.schedule_delay), (4, Duration::ZERO)] {
            let (_provider, sender, counts) = filled(spans);
            let started = time::Instant::now();
            let sending = tokio::spawn(sender.run(Collector::default(), CancellationToken::new()));
            while counts.read()[0].1 == 0 {
                time::sleep(Duration::from_millis(1)).await;
            }
            assert!(started.elapsed().abs_diff(delay) < Duration::from_millis(10), "{spans}");
            sending.abort();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_collector_refuses_or_does_not_answer_is_lost_and_counted() {
        for collector in
            [Collector { fails: true, ..Collector::default() }, Collector { silent: true, ..Collector::default() }]
        {
            let (_provider, sender, counts) = filled(5);
            run_to_its_end(sender, collector).await;
            assert_eq!(counts.read(), [("exported", 0), ("failed", 5), ("dropped", 0)]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_while_a_batch_is_sent_leaves_nothing_behind() {
        let (provider, sender, counts) = filled(4);
        let (stop, begun) = (CancellationToken::new(), Arc::new(Notify::new()));
        let collector = SlowCollector(Arc::clone(&begun));
        let meanwhile = async {
            begun.notified().await;
            drop(provider.tracer("test").start("late"));
            stop.cancel();
        };
        tokio::join!(sender.run(collector, stop.clone()), meanwhile);
        assert_eq!(counts.read(), [("exported", 5), ("failed", 0), ("dropped", 0)]);
    }

    #[tokio::test]
    async fn spans_after_the_end_are_dropped() {
        let (provider, sender, counts) = filled(0);
        drop(sender);
        drop(provider.tracer("test").start("span"));
        assert_eq!(counts.read()[2], ("dropped", 1));
    }
}
