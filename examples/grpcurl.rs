//! A small replacement for `grpcurl`, for machines without it and for the tests that run the README's commands.
//!
//! It uses only reflection, and accepts the part of grpcurl's command line that the README uses:
//!
//! ```text
//! grpcurl -plaintext [-H 'name: value'] [-d JSON] HOST:PORT list
//! grpcurl -plaintext HOST:PORT describe SYMBOL
//! grpcurl -plaintext [-H 'name: value'] [-d JSON] HOST:PORT SERVICE/METHOD
//! ```
//!
//! As with grpcurl, the exit code of a failed call is 64 plus its gRPC code.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks to its user")]

use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, SerializeOptions};
use serde_json::Value;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::{Ascii, MetadataKey, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(status)) => ExitCode::from(64 + u8::try_from(i32::from(status.code())).unwrap_or(2)),
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The command line.
#[derive(Default)]
struct Arguments {
    headers: Vec<(MetadataKey<Ascii>, MetadataValue<Ascii>)>,
    data: String,
    words: Vec<String>,
}

impl Arguments {
    fn parse() -> anyhow::Result<Self> {
        let mut parsed = Self { data: "{}".to_owned(), ..Self::default() };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "-plaintext" => {}
                "-H" => {
                    let header = arguments.next().context("-H needs a header")?;
                    let (name, value) = header.split_once(':').context("a header needs a colon")?;
                    parsed.headers.push((name.trim().parse()?, value.trim().parse()?));
                }
                "-d" => parsed.data = arguments.next().context("-d needs a message")?,
                flag if flag.starts_with('-') => bail!("{flag} is not known here"),
                _ => parsed.words.push(argument),
            }
        }
        Ok(parsed)
    }
}

async fn run() -> anyhow::Result<Option<Status>> {
    let Arguments { headers, data, words } = Arguments::parse()?;
    let (address, words) = words.split_first().context("an address is needed")?;
    let channel = Endpoint::from_shared(format!("http://{address}"))?.connect().await?;
    let mut reflection =
        Reflection { client: ServerReflectionClient::new(channel.clone()), pool: DescriptorPool::new() };
    match words {
        [verb] if verb == "list" => {
            for service in reflection.services().await? {
                println!("{service}");
            }
            Ok(None)
        }
        [verb, symbol] if verb == "describe" => {
            println!("{}", reflection.describe(symbol).await?);
            Ok(None)
        }
        [path] => {
            let method = reflection.method(path).await?;
            match call(channel, &method, &data, headers).await? {
                Ok(answer) => {
                    println!("{}", json(&answer)?);
                    Ok(None)
                }
                Err(status) => {
                    reflection.print_error(&status).await?;
                    Ok(Some(status))
                }
            }
        }
        _ => bail!("one of list, describe SYMBOL and SERVICE/METHOD is needed"),
    }
}

/// The server's descriptors, from reflection.
struct Reflection {
    client: ServerReflectionClient<Channel>,
    pool: DescriptorPool,
}

impl Reflection {
    async fn ask(&mut self, question: MessageRequest) -> anyhow::Result<MessageResponse> {
        let request = ServerReflectionRequest { host: String::new(), message_request: Some(question) };
        let mut answers = self.client.server_reflection_info(tokio_stream::once(request)).await?.into_inner();
        let answer = answers.message().await?.context("reflection did not answer")?;
        match answer.message_response.context("reflection answered nothing")? {
            MessageResponse::ErrorResponse(error) => bail!("reflection: {}", error.error_message),
            other => Ok(other),
        }
    }

    async fn services(&mut self) -> anyhow::Result<Vec<String>> {
        match self.ask(MessageRequest::ListServices(String::new())).await? {
            MessageResponse::ListServicesResponse(list) => {
                let mut names: Vec<String> = list.service.into_iter().map(|service| service.name).collect();
                names.sort();
                Ok(names)
            }
            _ => bail!("reflection gave no list"),
        }
    }

    /// Loads the file that defines a symbol, and its imports first.
    async fn load(&mut self, symbol: &str) -> anyhow::Result<()> {
        let mut waiting = vec![self.file(MessageRequest::FileContainingSymbol(symbol.to_owned())).await?];
        while let Some(file) = waiting.last() {
            let missing = file.dependency.iter().find(|name| self.pool.get_file_by_name(name).is_none()).cloned();
            match missing {
                Some(name) => {
                    let file = self.file(MessageRequest::FileByFilename(name)).await?;
                    waiting.push(file);
                }
                None => {
                    self.pool.add_file_descriptor_proto(file.clone())?;
                    waiting.pop();
                }
            }
        }
        Ok(())
    }

    async fn file(&mut self, question: MessageRequest) -> anyhow::Result<prost_types::FileDescriptorProto> {
        match self.ask(question).await? {
            MessageResponse::FileDescriptorResponse(files) => {
                let bytes = files.file_descriptor_proto.first().context("reflection gave no file")?;
                Ok(prost_types::FileDescriptorProto::decode(bytes.as_slice())?)
            }
            _ => bail!("reflection gave no file"),
        }
    }

    async fn method(&mut self, path: &str) -> anyhow::Result<MethodDescriptor> {
        let (service_name, method_name) =
            path.split_once('/').or_else(|| path.rsplit_once('.')).context("SERVICE/METHOD is needed")?;
        self.load(service_name).await?;
        let service = self.pool.get_service_by_name(service_name).context("no such service")?;
        service.methods().find(|method| method.name() == method_name).context("no such method")
    }

    async fn describe(&mut self, symbol: &str) -> anyhow::Result<String> {
        self.load(symbol).await?;
        if let Some(service) = self.pool.get_service_by_name(symbol) {
            let methods = service.methods().map(|method| {
                let (input, output) = (method.input(), method.output());
                format!("  rpc {} ( .{} ) returns ( .{} );", method.name(), input.full_name(), output.full_name())
            });
            let methods: Vec<String> = methods.collect();
            return Ok(format!("{symbol} is a service:\nservice {} {{\n{}\n}}", service.name(), methods.join("\n")));
        }
        let message = self.pool.get_message_by_name(symbol).context("neither a service nor a message")?;
        let fields: Vec<String> = message
            .fields()
            .map(|field| format!("  {:?} {} = {};", field.kind(), field.name(), field.number()))
            .collect();
        Ok(format!("{symbol} is a message:\nmessage {} {{\n{}\n}}", message.name(), fields.join("\n")))
    }

    async fn print_error(&mut self, status: &Status) -> anyhow::Result<()> {
        eprintln!("ERROR:\n  Code: {:?}\n  Message: {}", status.code(), status.message());
        let details = tonic_types::pb::Status::decode(status.details())?.details;
        if !details.is_empty() {
            eprintln!("  Details:");
        }
        for (index, detail) in details.into_iter().enumerate() {
            let name = detail.type_url.rsplit('/').next().unwrap_or_default().to_owned();
            self.load(&name).await?;
            let descriptor = self.pool.get_message_by_name(&name).context("the detail's type is not known")?;
            let mut object = serde_json::to_value(DynamicMessage::decode(descriptor, detail.value.as_slice())?)?;
            ensure!(object.is_object(), "a detail is no object");
            object["@type"] = Value::String(detail.type_url);
            let text = serde_json::to_string_pretty(&object)?.replace('\n', "\n    \t");
            eprintln!("  {})\t{text}", index + 1);
        }
        Ok(())
    }
}

async fn call(
    channel: Channel,
    method: &MethodDescriptor,
    data: &str,
    headers: Vec<(MetadataKey<Ascii>, MetadataValue<Ascii>)>,
) -> anyhow::Result<Result<DynamicMessage, Status>> {
    let mut deserializer = serde_json::Deserializer::from_str(data);
    let message = DynamicMessage::deserialize(method.input(), &mut deserializer).context("-d is not the message")?;
    deserializer.end()?;
    let mut request = Request::new(message);
    for (name, value) in headers {
        request.metadata_mut().append(name, value);
    }
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name()).parse()?;
    let mut client = Grpc::new(channel);
    client.ready().await?;
    Ok(client.unary(request, path, DynamicCodec(method.clone())).await.map(tonic::Response::into_inner))
}

fn json(message: &DynamicMessage) -> anyhow::Result<String> {
    let mut text = Vec::new();
    let mut serializer = serde_json::Serializer::pretty(&mut text);
    message.serialize_with_options(&mut serializer, &SerializeOptions::new())?;
    Ok(String::from_utf8(text)?)
}

/// Encodes and decodes by descriptor.
struct DynamicCodec(MethodDescriptor);

impl Codec for DynamicCodec {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = DynamicEncoder;
    type Decoder = Self;

    fn encoder(&mut self) -> Self::Encoder {
        DynamicEncoder
    }

    fn decoder(&mut self) -> Self::Decoder {
        Self(self.0.clone())
    }
}

struct DynamicEncoder;

impl Encoder for DynamicEncoder {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, item: Self::Item, target: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(target).map_err(|error| Status::internal(error.to_string()))
    }
}

impl Decoder for DynamicCodec {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Self::Item>, Status> {
        DynamicMessage::decode(self.0.output(), source).map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}
