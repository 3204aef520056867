//! Calls as an attacker makes them.

use access_broker::contract::proto::IssueDownloadUrlRequest;
use access_broker::grpc::SERVICE_NAME;
use prost::Message;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;

use crate::support::raw::{DATA, DOWNLOAD, END_HEADERS, HEADERS, frame, header_block};

/// The flag of the last frame of a stream.
pub(crate) const END_STREAM: u8 = 1;

/// What a call asks for, and by which proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    WithToken,
    WithoutToken,
    Check,
    Watch,
    Reflection,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [Self::WithToken, Self::WithoutToken, Self::Check, Self::Watch, Self::Reflection];

    fn path(self) -> &'static str {
        match self {
            Self::WithToken | Self::WithoutToken => DOWNLOAD,
            Self::Check => "/grpc.health.v1.Health/Check",
            Self::Watch => "/grpc.health.v1.Health/Watch",
            Self::Reflection => "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        }
    }

    /// A message that has an answer.
    fn message(self) -> Vec<u8> {
        match self {
            Self::WithToken | Self::WithoutToken => {
                grpc_message(&IssueDownloadUrlRequest { key: "x".to_owned(), ..Default::default() }.encode_to_vec())
            }
            Self::Check | Self::Watch => grpc_message(&[]),
            // Its answer is some 25 KiB.
            Self::Reflection => grpc_message(
                &ServerReflectionRequest {
                    message_request: Some(MessageRequest::FileContainingSymbol(SERVICE_NAME.into())),
                    ..Default::default()
                }
                .encode_to_vec(),
            ),
        }
    }
}

/// A message as gRPC frames it: not compressed, its length, itself.
pub(crate) fn grpc_message(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0][..], &length, message].concat()
}

/// A call that can be made on many streams. Its proof is sent for [`Kind::WithToken`] only.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    headers: Vec<u8>,
    /// The payload of DATA, with the flags of its last frame; `None` for no frame at all.
    data: Option<(Vec<u8>, u8)>,
}

impl Call {
    /// One that has an answer.
    pub(crate) fn whole(kind: Kind, authorization: &str) -> Self {
        Self::with(kind, authorization, Some((kind.message(), END_STREAM)))
    }

    /// A stream of so many requests.
    pub(crate) fn repeated(kind: Kind, authorization: &str, times: usize) -> Self {
        Self::with(kind, authorization, Some((kind.message().repeat(times), END_STREAM)))
    }

    /// One whose message never comes.
    pub(crate) fn without_message(kind: Kind, authorization: &str) -> Self {
        Self::with(kind, authorization, None)
    }

    /// One whose message announces a length, and of which so many bytes come.
    pub(crate) fn half_sent(kind: Kind, authorization: &str, announced: u32, sent: usize) -> Self {
        let data = [&[0][..], &announced.to_be_bytes(), &vec![0; sent]].concat();
        Self::with(kind, authorization, Some((data, 0)))
    }

    fn with(kind: Kind, authorization: &str, data: Option<(Vec<u8>, u8)>) -> Self {
        let proof = [("authorization", authorization)];
        let more = if kind == Kind::WithToken { &proof[..] } else { &[] };
        Self { headers: header_block(kind.path(), more), data }
    }

    /// What counts towards windows.
    pub(crate) fn data_length(&self) -> usize {
        self.data.as_ref().map_or(0, |(data, _)| data.len())
    }

    /// Its frames on a stream.
    pub(crate) fn frames(&self, stream: u32) -> Vec<u8> {
        /// The largest payload that every peer must take (RFC 9113 section 4.2).
        const LARGEST: usize = 16_384;
        let mut bytes = frame(HEADERS, END_HEADERS, stream, &self.headers);
        if let Some((data, flags)) = &self.data {
            let mut parts = data.chunks(LARGEST).peekable();
            while let Some(part) = parts.next() {
                let flags = if parts.peek().is_none() { *flags } else { 0 };
                bytes.extend(frame(DATA, flags, stream, part));
            }
        }
        bytes
    }
}
