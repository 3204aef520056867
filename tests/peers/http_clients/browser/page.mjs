// What a page does with Connect's library for browsers and with `fetch`. Bundled as the global `page`.
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";

import { AccessBrokerService } from "./accessbroker/v1/access_broker_pb.js";
import { ErrorInfoSchema } from "./google/rpc/error_details_pb.js";

// A client that tells which method of HTTP its requests have.
function client(baseUrl, token, form, note = () => {}) {
  const authorize = (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
  const noting = (url, options) => {
    note(options.method);
    return fetch(url, options);
  };
  const transport = createConnectTransport({ baseUrl, ...form, interceptors: [authorize], fetch: noting });
  return createClient(AccessBrokerService, transport);
}

async function outcome(call) {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof ConnectError)) return String(error);
    const reason = error.findDetails(ErrorInfoSchema)[0]?.reason;
    return { code: Code[error.code], reason, hasRequestId: Boolean(error.metadata.get("x-request-id")) };
  }
}

const object = async ({ url, headers }) => {
  const answer = await fetch(url, { headers, referrerPolicy: "no-referrer" });
  return { status: answer.status, length: (await answer.blob()).size };
};

// Calls of every form that the library has.
export async function connectCalls({ http, token, key, refusedKey }) {
  const results = [];
  for (const useBinaryFormat of [false, true]) {
    for (const useHttpGet of [false, true]) {
      let method;
      const calls = client(http, token, { useBinaryFormat, useHttpGet }, (used) => (method = used));
      results.push({
        download: await outcome(async () => object((await calls.issueDownloadUrl({ key })).get)),
        refusal: await outcome(() => calls.issueDownloadUrl({ key: refusedKey })),
        // By the header connect-timeout-ms, which the preflight must permit.
        withTimeout: await outcome(async () => (await calls.issueDownloadUrl({ key }, { timeoutMs: 20000 })).tier),
        method,
      });
    }
  }
  return results;
}

async function post(url, token, message) {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(message) });
  return { answer, body: await answer.json() };
}

export async function fetches({ http, token, key, refusedKey }) {
  const { body } = await post(`${http}/v1/downloadUrl`, token, { bucket: "media", key });
  const headers = { authorization: `Bearer ${token}` };
  const presigned = await fetch(`${http}/presignedurl?${new URLSearchParams({ key })}`, { headers });
  const refused = await post(`${http}/v1/downloadUrl`, token, { bucket: "media", key: refusedKey });
  return {
    download: await object(body.get),
    presigned: await object(await presigned.json()),
    refused: {
      status: refused.answer.status,
      reason: refused.body.details[0].reason,
      hasRequestId: Boolean(refused.answer.headers.get("x-request-id")),
    },
  };
}

// An upload with all headers of the answer but the length, which the browser sets.
export async function upload({ http, token, uploadedKey }) {
  const file = new Blob(["from a page"], { type: "image/jpeg" });
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  const sha256 = btoa(String.fromCharCode(...digest));
  const { body } = await post(`${http}/v1/uploadUrl`, token, {
    bucket: "media",
    key: uploadedKey,
    contentType: file.type,
    contentLength: String(file.size),
    checksum: { sha256 },
  });
  const { "content-length": length, ...headers } = body.put.headers;
  const stored = await fetch(body.put.url, { method: body.put.method, headers, body: file });
  // The tier permits no overwriting: the refusal can be read as well.
  const again = await fetch(body.put.url, { method: body.put.method, headers, body: file });
  return {
    length,
    status: stored.status,
    hasEtag: Boolean(stored.headers.get("etag")),
    isChecksum: stored.headers.get("x-amz-checksum-sha256") === sha256,
    again: again.status,
    reason: /<Code>(\w+)<\/Code>/.exec(await again.text())?.[1],
  };
}

// What a page of an origin that is not permitted tries. Nothing of an answer may be readable.
export async function attempts({ http, admin, issuer, token, key }) {
  const authorization = `Bearer ${token}`;
  const read = (url, options) =>
    outcome(async () => {
      const answer = await fetch(url, options);
      return { type: answer.type, status: answer.status, text: await answer.text(), headers: [...answer.headers] };
    });
  const query = new URLSearchParams({ key });
  const body = JSON.stringify({ bucket: "media", key });
  return {
    connect: await outcome(() => client(http, token, {}).issueDownloadUrl({ key })),
    get: await read(`${http}/v1/downloadUrl?${query}`, { headers: { authorization } }),
    post: await read(`${http}/v1/downloadUrl`, {
      method: "POST",
      headers: { authorization, "content-type": "application/json" },
      body,
    }),
    presigned: await read(`${http}/presignedurl?${query}`, { headers: { authorization } }),
    // These need no preflight.
    description: await read(`${http}/openapi.json`),
    redirect: await read(`${http}/v1/downloadUrl?redirect=true&${query}`),
    plainPost: await read(`${http}/v1/downloadUrl`, { method: "POST", body }),
    metrics: await read(`${admin}/metrics`),
    issuer: await read(`${issuer}/.well-known/openid-configuration`),
    opaqueGet: await read(`${http}/openapi.json`, { mode: "no-cors" }),
    opaquePost: await read(`${http}/v1/downloadUrl`, { method: "POST", mode: "no-cors", body }),
  };
}
