// Sends requests with `fetch`: a JSON object per line of input, and one per line of output.
// Says `ready` first, where there is `fetch`.
import { createInterface } from "node:readline";

if (typeof fetch !== "function") process.exit();
console.log("ready");

for await (const line of createInterface({ input: process.stdin })) {
  const { method, url, headers, body } = JSON.parse(line);
  const answer = await fetch(url, {
    method,
    headers,
    body: body === null ? undefined : Buffer.from(body, "base64"),
    redirect: "manual",
  });
  const content = Buffer.from(await answer.arrayBuffer());
  console.log(
    JSON.stringify({
      status: answer.status,
      headers: Object.fromEntries(answer.headers),
      body: content.toString("base64"),
    }),
  );
}
