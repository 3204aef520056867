//! A span of one step of a call, or nothing where the call is not traced.

use opentelemetry::trace::{TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::SdkTracer;

/// Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct StepSpan(Option<Context>);

impl StepSpan {
    /// Begins a step of the call whose span is in `parent`. Without a tracer or such a span there is nothing to see.
    pub(crate) fn start(tracer: Option<&SdkTracer>, name: &'static str, parent: &Context) -> Self {
        let tracer = tracer.filter(|_| parent.has_active_span());
        Self(tracer.map(|tracer| parent.with_span(tracer.start_with_context(name, parent))))
    }

    /// Begins a step of the call that this thread is at work for.
    pub(crate) fn start_in_current(tracer: Option<&SdkTracer>, name: &'static str) -> Self {
        match tracer {
            Some(_) => Self::start(tracer, name, &Context::current()),
            None => Self(None),
        }
    }

    /// Says something of the step.
    pub(crate) fn set(&self, key: &'static str, value: impl Into<Value>) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new(key, value));
        }
    }

    /// What steps within this one take as their parent.
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
