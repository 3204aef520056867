// Calls the broker in every form that the library has, and prints the results as JSON.
import { createHash } from "node:crypto";
import http from "node:http";
import http2 from "node:http2";
import { syncBuiltinESMExports } from "node:module";
import { json } from "node:stream/consumers";
import { gzipSync } from "node:zlib";

import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";

import { AccessBrokerService, ExpiryLimit } from "./accessbroker/v1/access_broker_pb.js";
import { BadRequestSchema, ErrorInfoSchema, RequestInfoSchema } from "./google/rpc/error_details_pb.js";

const { base, tokens, key, refusedKey } = await json(process.stdin);

// The method of the library's last request. Its interceptors do not see it.
let method;
const { request } = http;
http.request = (url, options, callback) => {
  method = options.method;
  return request(url, options, callback);
};
const { connect } = http2;
http2.connect = (...target) => {
  const session = connect(...target);
  const { request } = session;
  session.request = (headers, options) => {
    method = headers[":method"];
    return request.call(session, headers, options);
  };
  return session;
};
syncBuiltinESMExports();

// A client that notes the content type of its last answer.
function client(form, token, more = {}) {
  const noted = {};
  const note = (next) => async (request) => {
    if (token) request.header.set("authorization", `Bearer ${token}`);
    const answer = await next(request);
    noted.contentType = answer.header.get("content-type");
    return answer;
  };
  const transport = createConnectTransport({ baseUrl: base, ...form, ...more, interceptors: [note] });
  return { calls: createClient(AccessBrokerService, transport), noted };
}

async function download(form) {
  const { calls, noted } = client(form, tokens.two);
  const issued = await calls.issueDownloadUrl({ bucket: "media", key });
  const used = method;
  const object = await fetch(issued.get.url, { headers: issued.get.headers });
  return {
    ...noted,
    method: used,
    object: await object.text(),
    tier: issued.tier,
    limit: ExpiryLimit[issued.expiryLimitedBy],
    expiresLater: Number(issued.expiresAt.seconds) > Date.now() / 1000,
  };
}

async function upload(form, place) {
  const { calls, noted } = client(form, tokens.one);
  const body = Buffer.from("a new cat");
  const name = `tier 2/${place}.jpg`;
  const { put } = await calls.issueUploadUrl({
    bucket: "media",
    key: name,
    contentType: "image/jpeg",
    contentLength: BigInt(body.length),
    checksum: { value: { case: "sha256", value: createHash("sha256").update(body).digest() } },
  });
  const used = method;
  const { "content-length": length, ...headers } = put.headers;
  const stored = await fetch(put.url, { method: put.method, headers, body });
  const { object } = await calls.verifyUpload({ bucket: "media", key: name });
  const verified = { size: String(object?.size), contentType: object?.contentType };
  return { ...noted, method: used, status: stored.status, verified };
}

async function refusal(form, token, message, more) {
  const { calls } = client(form, token, more);
  try {
    await calls.issueDownloadUrl(message);
    return { code: "OK" };
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    const [info] = error.findDetails(ErrorInfoSchema);
    const [request] = error.findDetails(RequestInfoSchema);
    const fields = error.findDetails(BadRequestSchema).flatMap((detail) => detail.fieldViolations);
    return {
      code: Code[error.code],
      hasMessage: error.rawMessage.length > 0,
      method,
      reason: info?.reason,
      domain: info?.domain,
      hasRequestId: Boolean(request?.requestId) && request.requestId === error.metadata.get("x-request-id"),
      fields: fields.map((violation) => violation.field),
      challenge: error.metadata.get("www-authenticate"),
    };
  }
}

const gzip = { name: "gzip", compress: async (bytes) => gzipSync(bytes), decompress: async (bytes) => bytes };

const results = [];
for (const httpVersion of ["1.1", "2"]) {
  for (const useBinaryFormat of [false, true]) {
    for (const useHttpGet of [false, true]) {
      const form = { httpVersion, useBinaryFormat, useHttpGet };
      const media = { bucket: "media", key };
      results.push({
        form,
        download: await download(form),
        upload: await upload(form, results.length),
        denied: await refusal(form, tokens.two, { ...media, key: refusedKey }),
        invalid: await refusal(form, tokens.two, { ...media, key: "a//b" }),
        withoutToken: await refusal(form, undefined, media),
        compressed: await refusal(form, tokens.two, media, { sendCompression: gzip, compressMinBytes: 0 }),
      });
    }
  }
}
console.log(JSON.stringify(results));
// Sessions of HTTP/2 stay open for a while.
process.exit();
