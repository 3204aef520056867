//! A span of one step of a call, or nothing if the call is not traced.

use opentelemetry::trace::{TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::SdkTracer;

/// Ends on drop.
#[derive(Debug)]
pub(crate) struct StepSpan(Option<Context>);

impl StepSpan {
    /// Begins a step of the call whose span is in `parent`. Without a tracer or such a span, nothing is recorded.
    pub(crate) fn start(tracer: Option<&SdkTracer>, name: &'static str, parent: &Context) -> Self {
        let tracer = tracer.filter(|_| parent.has_active_span());
        Self(tracer.map(|tracer| parent.with_span(tracer.start_with_context(name, parent))))
    }

    /// Begins a step of the call that the current thread runs.
    pub(crate) fn start_in_current(tracer: Option<&SdkTracer>, name: &'static str) -> Self {
        match tracer {
            Some(_) => Self::start(tracer, name, &Context::current()),
            None => Self(None),
        }
    }

    /// Sets an attribute of the step.
    pub(crate) fn set(&self, key: &'static str, value: impl Into<Value>) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new(key, value));
        }
    }

    /// The parent of steps within this one.
    pub(crate) fn context(&self) -> Context {
        self.0.clone().unwrap_or_default()
    }
}

impl Drop for StepSpan {
    fn drop(&mut self) {
        if let Some(context) = &self.0 {
            context.span().end();
        }
    }
}
