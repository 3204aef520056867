import { create, toJsonString } from "@bufbuild/protobuf";
import { createClient, type Client, type Transport } from "@connectrpc/connect";
import { AccessBrokerService, IssueUploadUrlRequestSchema } from "./accessbroker/v1/access_broker_pb";
import { ErrorInfoSchema } from "./google/rpc/error_details_pb";

export const client = (transport: Transport): Client<typeof AccessBrokerService> =>
  createClient(AccessBrokerService, transport);
export const reasonOf = ErrorInfoSchema.field.reason;

const request = create(IssueUploadUrlRequestSchema, {
  key: "tier 1/a",
  ttl: { seconds: 60n },
  contentLength: 5n,
  checksum: { value: { case: "crc32", value: new Uint8Array([0, 0, 0, 1]) } },
  metadata: { n: "v" },
});
console.log(toJsonString(IssueUploadUrlRequestSchema, request));
