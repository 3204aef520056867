from google.protobuf import duration_pb2, json_format

from accessbroker.v1 import access_broker_pb2, access_broker_pb2_grpc

access_broker_pb2_grpc.AccessBrokerServiceStub
request = access_broker_pb2.IssueUploadUrlRequest(
    key="tier 1/a",
    ttl=duration_pb2.Duration(seconds=60),
    content_length=5,
    checksum=access_broker_pb2.Checksum(crc32=b"\0\0\0\1"),
    metadata={"n": "v"},
)
print(json_format.MessageToJson(request))
