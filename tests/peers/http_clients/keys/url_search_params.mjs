// The key in forms of URLSearchParams, and in JSON.
import { text } from "node:stream/consumers";

const [base, token, key] = (await text(process.stdin)).split("\n");
const headers = { authorization: `Bearer ${token}` };
const message = { bucket: "media", key };

async function downloaded(url, urlOf, options) {
  const answer = await fetch(url, { headers, ...options });
  const body = await answer.json();
  if (!answer.ok) throw new Error(JSON.stringify(body));
  const object = await fetch(urlOf(body));
  if (!object.ok) throw new Error(await object.text());
  console.log(url.search.slice(1) || "-", Buffer.from(await object.arrayBuffer()).toString("base64"));
}

function withQuery(path, parameters) {
  const url = new URL(path, base);
  url.search = new URLSearchParams(parameters);
  return url;
}

await downloaded(withQuery("/presignedurl", { key }), (body) => body.url);
await downloaded(withQuery("/v1/downloadUrl", message), (body) => body.get.url);
await downloaded(withQuery("/v1/downloadUrl", {}), (body) => body.get.url, {
  method: "POST",
  headers: { ...headers, "content-type": "application/json" },
  body: JSON.stringify(message),
});
