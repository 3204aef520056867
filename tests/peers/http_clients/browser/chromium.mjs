// Serves one page at every name below localhost, and drives a headless Chromium: per line of input `{ url, expression }`,
// it opens the URL in a new tab, evaluates the expression there, and prints a line with its value, the tab's console, and
// the answers to its preflights.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createInterface } from "node:readline";

const [program, profile, resolverRules] = process.argv.slice(2);

const page = '<!doctype html><link rel="icon" href="data:,"><script src="/page.js"></script>';
const html = { "content-type": "text/html" };
const files = {
  "/": [html, page],
  // A page without an origin.
  "/sandboxed": [{ ...html, "content-security-policy": "sandbox allow-scripts" }, page],
  "/page.js": [{ "content-type": "text/javascript" }, readFileSync("page.js")],
};
const server = createServer((request, answer) => {
  const [headers, content] = files[request.url] ?? [];
  answer.writeHead(content ? 200 : 404, headers).end(content);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const chromium = spawn(
  program,
  [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    `--user-data-dir=${profile}`,
    `--host-resolver-rules=${resolverRules}`,
    "--remote-debugging-pipe",
  ],
  { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"], detached: true },
);
chromium.on("exit", (code) => {
  console.error(`Chromium ended: ${code}`);
  process.exit(1);
});

// The DevTools protocol: JSON messages that end in a zero byte, on file descriptors 3 and 4.
const [, , , requests, answers] = chromium.stdio;
const waiting = new Map();
const listeners = new Set();
let unread = "";
answers.setEncoding("utf8").on("data", (text) => {
  const messages = (unread + text).split("\0");
  unread = messages.pop();
  for (const message of messages.map((message) => JSON.parse(message))) {
    const answered = waiting.get(message.id);
    waiting.delete(message.id);
    if (answered) answered(message);
    else for (const listener of listeners) listener(message);
  }
});
let lastId = 0;
async function command(method, params = {}, sessionId = undefined) {
  const id = ++lastId;
  requests.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
  const { result, error } = await new Promise((resolve) => waiting.set(id, resolve));
  if (error) throw new Error(`${method}: ${error.message}`);
  return result;
}

async function evaluate(url, expression) {
  const { targetId } = await command("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await command("Target.attachToTarget", { targetId, flatten: true });
  const [messages, preflights] = [[], []];
  let loaded;
  const isLoaded = new Promise((resolve) => (loaded = resolve));
  const listener = (message) => {
    if (message.sessionId !== sessionId) return;
    if (message.method === "Log.entryAdded") messages.push(message.params.entry.text);
    if (message.method === "Network.responseReceived" && message.params.type === "Preflight") {
      const { url, status } = message.params.response;
      preflights.push({ origin: new URL(url).origin, status });
    }
    if (message.method === "Page.loadEventFired") loaded();
  };
  listeners.add(listener);
  for (const domain of ["Page", "Log", "Network", "Runtime"]) await command(`${domain}.enable`, {}, sessionId);
  const { errorText } = await command("Page.navigate", { url }, sessionId);
  if (errorText) return { failure: errorText, messages };
  await isLoaded;
  const evaluation = { expression, awaitPromise: true, returnByValue: true };
  const { result, exceptionDetails } = await command("Runtime.evaluate", evaluation, sessionId);
  await command("Target.closeTarget", { targetId });
  listeners.delete(listener);
  if (exceptionDetails) return { failure: exceptionDetails, messages };
  return { value: result.value, messages, preflights };
}

const { product } = await command("Browser.getVersion");
console.log(JSON.stringify({ port: server.address().port, product }));
for await (const line of createInterface({ input: process.stdin })) {
  const { url, expression } = JSON.parse(line);
  console.log(JSON.stringify(await evaluate(url, expression)));
}
// All of its processes: the program may be a script that starts it.
process.kill(-chromium.pid, "SIGKILL");
process.exit();
