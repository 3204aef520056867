//! The messages of the contract, by their descriptors.

use std::collections::HashMap;
use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, MessageDescriptor, ServiceDescriptor};

fn service() -> ServiceDescriptor {
    static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
        let proto = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto");
        let files = protox::compile(["accessbroker/v1/access_broker.proto"], [proto]).unwrap();
        DescriptorPool::from_file_descriptor_set(files).unwrap()
    });
    POOL.get_service_by_name("accessbroker.v1.AccessBrokerService").unwrap()
}

/// Those of a download, of an upload and of a verification.
pub(super) fn requests() -> [MessageDescriptor; 3] {
    let requests: Vec<_> = service().methods().map(|method| method.input()).collect();
    requests.try_into().unwrap()
}

/// Requests and answers.
pub(super) fn messages() -> Vec<MessageDescriptor> {
    service().methods().flat_map(|method| [method.input(), method.output()]).collect()
}

/// Some fields of a download.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Download {
    #[prost(string, tag = "2")]
    pub(super) key: String,
    #[prost(bool, tag = "8")]
    pub(super) must_exist: bool,
}

/// Some fields of an upload.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Upload {
    #[prost(string, tag = "2")]
    pub(super) key: String,
    #[prost(string, optional, tag = "5")]
    pub(super) content_type: Option<String>,
    #[prost(map = "string, string", tag = "9")]
    pub(super) metadata: HashMap<String, String>,
}
