// Who vouches for people in the test? A real provider (OpenID Connect), certified, on this machine.

import { createServer } from "node:http";

/** The people that the provider knows: whatever password is typed, and what it says of them. */
const PEOPLE = {
  olga: { preferred_username: "olga", name: "Olga Petit", email: "olga@example.org", email_verified: true, groups: ["/rh", "paie"] },
  anne: { preferred_username: "anne", name: "Another Anne", email: "anne@elsewhere.example", email_verified: true, groups: ["rh"] },
};

// It warns from the first line on that its defaults are for tests; this is one.
for (const level of ["warn", "info"]) {
  const say = console[level];
  console[level] = (...words) => { if (!String(words[0]).includes("oidc-provider")) say(...words); };
}

export const { default: Provider } = await import("oidc-provider");

/** A provider for one client, whose answers come back to `origin`. */
export async function startProvider(port, origin, secret) {
  const issuer = `http://127.0.0.1:${port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: "intramuros", client_secret: secret, redirect_uris: [`${origin}/sign-in/with/test/back`],
      post_logout_redirect_uris: [`${origin}/sign-in`], grant_types: ["authorization_code"], response_types: ["code"],
    }],
    claims: { openid: ["sub"], profile: ["name", "preferred_username", "groups"], email: ["email", "email_verified"] },
    pkce: { required: () => true },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...PEOPLE[id] }) }),
    cookies: { keys: ["only for the test"] },
  });
  const server = createServer(provider.callback());
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { issuer, close: () => { server.closeAllConnections(); server.close(); } };
}
