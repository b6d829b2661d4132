// Who vouches for people as ProConnect does? The certified provider that ProConnect itself is made of, on this machine, set up
// as ProConnect publishes its own: the secret in the body, ES256, what it tells of a person signed, a claim for each scope,
// levels that can be demanded.

import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";

import { Provider } from "./provider.js";

/** The people that it knows, by the name that they type. */
const PEOPLE = {
  paul: { given_name: "Paul", usual_name: "Durand", email: "paul.durand@ville.example", uid: "7", siret: "21750001600019", acr: "eidas1" },
  lea: { given_name: "Léa", usual_name: "Morel", email: "lea.morel@elsewhere.example", uid: "8", siret: "00000000000000", acr: "eidas1" },
};

const CLAIMS = ["given_name", "usual_name", "email", "uid", "siret", "siren", "idp_id", "organizational_unit"];

/** A provider for one client, whose answers come back to `origin`. */
export async function startProConnect(port, origin, secret) {
  const issuer = `http://127.0.0.1:${port}`;
  const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });
  const seen = { authorizations: [], told: [], ends: [] };
  const provider = new Provider(issuer, {
    acrValues: ["eidas0", "eidas1", "eidas2", "eidas3"],
    clients: [{
      client_id: "intramuros", client_secret: secret, redirect_uris: [`${origin}/sign-in/with/proconnect/back`],
      post_logout_redirect_uris: [`${origin}/sign-in`], grant_types: ["authorization_code"], response_types: ["code"],
      id_token_signed_response_alg: "ES256", userinfo_signed_response_alg: "ES256", token_endpoint_auth_method: "client_secret_post",
    }],
    claims: { openid: ["sub"], acr: null, ...Object.fromEntries(CLAIMS.map((name) => [name, [name]])) },
    scopes: ["openid"],
    clientAuthMethods: ["client_secret_post", "private_key_jwt"],
    jwks: { keys: [{ ...key, use: "sig", alg: "ES256", kid: "one" }] },
    features: { devInteractions: { enabled: false }, jwtUserinfo: { enabled: true }, claimsParameter: { enabled: true }, rpInitiatedLogout: { enabled: true } },
    pkce: { required: () => false },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: "sub-of-" + id, ...PEOPLE[id] }) }),
    // Nobody is asked whether their name may be told.
    loadExistingGrant: async (ctx) => {
      const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
      grant.addOIDCScope(ctx.oidc.params.scope);
      grant.addOIDCClaims([...ctx.oidc.requestParamClaims ?? []]);
      await grant.save();
      return grant;
    },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    cookies: { keys: ["only for the test"] },
  });
  const answer = provider.callback();
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, issuer);
    if (pathname === "/auth") seen.authorizations.push(searchParams);
    if (pathname === "/session/end" && request.method === "GET") seen.ends.push(searchParams);
    if (pathname === "/me") response.on("finish", () => seen.told.push(response.getHeader("content-type")));
    if (!pathname.startsWith("/interaction/")) return answer(request, response);
    if (request.method === "GET") {
      response.setHeader("content-type", "text/html");
      return response.end('<title>Provider</title><form method="post"><input name="login"><button type="submit">Enter</button></form>');
    }
    let body = "";
    for await (const piece of request) body += piece;
    const id = new URLSearchParams(body).get("login");
    return provider.interactionFinished(request, response, { login: { accountId: id, acr: PEOPLE[id].acr } });
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { issuer, seen, close: () => { server.closeAllConnections(); server.close(); } };
}
