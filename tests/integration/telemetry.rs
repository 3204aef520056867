//! What a running broker tells of its calls: metrics, request ids and traces.

mod calls;
mod certificates;
pub(crate) mod collector;
mod dashboards;
mod http_collector;
mod lost_collector;
mod request_ids;
mod traces;
