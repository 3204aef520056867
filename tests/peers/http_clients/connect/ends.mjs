// Calls that the broker cannot answer: they time out, by the broker's clock and by the library's, or are cancelled.
import { json } from "node:stream/consumers";

import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";

import { AccessBrokerService } from "./accessbroker/v1/access_broker_pb.js";
import { ErrorInfoSchema } from "./google/rpc/error_details_pb.js";

// Long enough that every call reaches the broker, in milliseconds.
const WAIT = 500;

const { base, authorization } = await json(process.stdin);

async function end(calls, options) {
  const begun = performance.now();
  try {
    await calls.issueDownloadUrl({ key: "x", mustExist: true }, options);
    return { code: "OK" };
  } catch (caught) {
    const error = ConnectError.from(caught);
    const took = performance.now() - begun;
    return {
      code: Code[error.code],
      reason: error.findDetails(ErrorInfoSchema)[0]?.reason,
      inTime: took >= 0.9 * WAIT && took < 10 * WAIT,
    };
  }
}

const results = [];
for (const httpVersion of ["1.1", "2"]) {
  for (const useBinaryFormat of [false, true]) {
    const transport = createConnectTransport({ baseUrl: base, httpVersion, useBinaryFormat });
    const calls = createClient(AccessBrokerService, transport);
    const headers = { authorization };
    const cancellation = new AbortController();
    const cancelled = end(calls, { headers, signal: cancellation.signal });
    setTimeout(() => cancellation.abort(), WAIT);
    results.push({
      form: { httpVersion, useBinaryFormat },
      cancelled: await cancelled,
      header: await end(calls, { headers: { ...headers, "connect-timeout-ms": `${WAIT}` } }),
      timeout: await end(calls, { headers, timeoutMs: WAIT }),
    });
  }
}
console.log(JSON.stringify(results));
process.exit();
