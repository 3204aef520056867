// Serves the OpenID provider of the package oidc-provider, whose module is the argument. Gets tokens from it by its
// endpoints, and prints its issuer and the tokens as one line of JSON. It serves until it is killed.

const { generateKeyPairSync } = require("node:crypto");
const { once } = require("node:events");
const { createServer } = require("node:http");
const { pathToFileURL } = require("node:url");

// One resource for each algorithm, so that each key signs a token.
const ALGORITHMS = { RS256: ["rsa", { modulusLength: 2048 }], ES256: ["ec", { namedCurve: "P-256" }], EdDSA: ["ed25519"] };
const REDIRECT = "https://app.example/callback";

const resource = (algorithm) => `https://broker.example/${algorithm}`;
const form = (fields) => ({ method: "POST", body: new URLSearchParams(fields), redirect: "manual" });

function configuration() {
  const keys = Object.entries(ALGORITHMS).map(([alg, kind]) => {
    const jwk = generateKeyPairSync(...kind).privateKey.export({ format: "jwk" });
    return { ...jwk, alg, use: "sig", kid: `key-${alg}` };
  });
  const client = { client_secret: "secret", token_endpoint_auth_method: "client_secret_post" };
  return {
    jwks: { keys },
    clients: [
      { ...client, client_id: "service", grant_types: ["client_credentials"], redirect_uris: [], response_types: [] },
      { ...client, client_id: "web", redirect_uris: [REDIRECT] },
    ],
    cookies: { keys: ["a key"] },
    pkce: { required: () => false },
    findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    extraTokenClaims: () => ({ tenant: { id: "acme", groups: ["editors"] } }),
    features: {
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_, indicator) => ({
          scope: "media.read",
          audience: "access-broker",
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: indicator.split("/").pop() } },
        }),
      },
    },
  };
}

async function token(issuer, client_id, fields) {
  const answer = await fetch(`${issuer}/token`, form({ client_id, client_secret: "secret", ...fields }));
  const tokens = await answer.json();
  if (!answer.ok) throw new Error(JSON.stringify(tokens));
  return tokens;
}

// Signs in as a browser does: a form for the login, and one for the consent.
async function signIn(issuer, login) {
  const jar = new Map();
  const send = async (url, options = { redirect: "manual" }) => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(url, { ...options, headers: { cookie } });
    for (const line of answer.headers.getSetCookie()) {
      const [name, value] = line.split(";")[0].split(/=(.*)/);
      value ? jar.set(name, value) : jar.delete(name);
    }
    return new URL(answer.headers.get("location"), issuer).href;
  };
  const parameters = { client_id: "web", response_type: "code", redirect_uri: REDIRECT, scope: "openid media.read" };
  const request = new URLSearchParams({ ...parameters, resource: resource("RS256") });
  let location = await send(`${issuer}/auth?${request}`);
  for (const prompt of ["login", "consent"]) {
    location = await send(await send(location, form({ prompt, login, password: "any" })));
  }
  const code = new URL(location).searchParams.get("code");
  return token(issuer, "web", { grant_type: "authorization_code", code, redirect_uri: REDIRECT });
}

async function main() {
  const { Provider } = await import(pathToFileURL(process.argv[2]));
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = `http://127.0.0.1:${server.address().port}`;
  server.on("request", new Provider(issuer, configuration()).callback());
  const service = {};
  for (const algorithm of Object.keys(ALGORITHMS)) {
    const fields = { grant_type: "client_credentials", scope: "media.read", resource: resource(algorithm) };
    service[algorithm] = (await token(issuer, "service", fields)).access_token;
  }
  const { access_token: access, id_token: id } = await signIn(issuer, "ada");
  console.log(JSON.stringify({ issuer, service, user: { access, id } }));
}

main();
