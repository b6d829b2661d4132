// Do people come in and go out through a real Keycloak?
//
//   node keycloak.js FOLDER     (a Keycloak as it is unpacked; bench/keycloak.sh has one fetched)
//
// Environment: INTRAMUROS_BINARY, CHROMIUM, SCREENSHOTS as for run.js.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "playwright-core";
import { PASSPHRASE, driveFor, wayOut, writerIn } from "./household.js";

const SECRET = "only for the test";
const START_MS = 900_000;
const STEP_MS = 120_000;

const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

/** What stands in the realm: a client as docs/accounts.md says, two people, groups of which one lies in another. */
function realm(origin) {
  const user = (username, first, last, verified, groups) => ({
    username, enabled: true, email: `${username}@example.org`, emailVerified: verified, firstName: first, lastName: last, groups,
    credentials: [{ type: "password", value: PASSPHRASE, temporary: false }],
  });
  return {
    realm: "main", enabled: true, sslRequired: "none",
    groups: [{ name: "rh" }, { name: "direction", subGroups: [{ name: "paie" }] }],
    users: [user("olga", "Olga", "Petit", true, ["/rh", "/direction/paie"]), user("nina", "Nina", "Roux", false, [])],
    clients: [{
      clientId: "intramuros", enabled: true, protocol: "openid-connect", publicClient: false, secret: SECRET,
      standardFlowEnabled: true, implicitFlowEnabled: false, directAccessGrantsEnabled: false,
      redirectUris: [`${origin}/sign-in/with/keycloak/back`],
      attributes: { "post.logout.redirect.uris": `${origin}/sign-in`, "pkce.code.challenge.method": "S256" },
      protocolMappers: [{
        name: "groups", protocol: "openid-connect", protocolMapper: "oidc-group-membership-mapper",
        config: { "claim.name": "groups", "full.path": "true", "id.token.claim": "true", "access.token.claim": "false", "userinfo.token.claim": "true" },
      }],
    }],
  };
}

function configuration(port, keycloakPort) {
  return `${driveFor(port, "rh")}
[[access]]
source = "drive"
path = "paie/**"
groups = ["direction/paie"]
${wayOut(keycloakPort, "sign-in")}
[[sign_in]]
name = "keycloak"
label = "Keycloak"
issuer = "http://127.0.0.1:${keycloakPort}/realms/main"
client_id = "intramuros"
client_secret_file = "oidc.secret"
`;
}

/** Starts a program; ready once `ready` says something. */
async function start(command, args, options, ready) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  let output = "";
  child.said = () => output;
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => { output += data; });
  for (const until = Date.now() + START_MS; ;) {
    if (child.exitCode !== null) throw new Error(`${command} ended at once:\n${output}`);
    const found = await ready(output).catch(() => null);
    if (found) return [child, found];
    if (Date.now() > until) { child.kill("SIGTERM"); throw new Error(`${command} is not ready in time:\n${output}`); }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Asks Keycloak as its administrator. */
async function administer(keycloak, method, path, body) {
  const form = new URLSearchParams({ grant_type: "password", client_id: "admin-cli", username: "admin", password: SECRET });
  const token = await fetch(`${keycloak}/realms/master/protocol/openid-connect/token`, { method: "POST", body: form }).then((answer) => answer.json());
  const headers = { authorization: `Bearer ${token.access_token}`, "content-type": "application/json" };
  const answer = await fetch(`${keycloak}/admin/realms/main/${path}`, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.status === 204 ? null : answer.json();
}

async function atKeycloak(page, name) {
  await page.waitForSelector("#username");
  await page.fill("#username", name);
  await page.fill("#password", PASSPHRASE);
  await page.click("#kc-login");
}

const found = (page, q) => page.evaluate(async (q) => {
  const response = await fetch("/api/v1/search?q=" + encodeURIComponent(q));
  return response.ok ? (await response.json()).results.map((one) => one.path).sort() : response.status;
}, q);

const folder = process.argv[2];
if (!folder || !existsSync(join(folder, "bin/kc.sh"))) throw new Error("say in which folder Keycloak is");
const binary = process.env.INTRAMUROS_BINARY;
if (!binary) throw new Error("say where the program is: INTRAMUROS_BINARY");
const work = mkdtempSync(join(tmpdir(), "intramuros-keycloak-"));
const write = writerIn(work);
const [port, keycloakPort] = [await freePort(), await freePort()];
const [origin, keycloak] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${keycloakPort}`];
mkdirSync(join(folder, "data/import"), { recursive: true });
writeFileSync(join(folder, "data/import/main-realm.json"), JSON.stringify(realm(origin)));
write("drive/rh/conges.md", "# Congés\n\nDeux jours de congés par mois.\n");
write("drive/paie/congés.md", "# Paie\n\nLes congés sont payés.\n");
write("drive/charte.md", "# Charte\n\nLa charte des congés.\n");
write("oidc.secret", SECRET + "\n");
write("intramuros.toml", configuration(port, keycloakPort));

const children = [];
let browser;
let page;
try {
  const began = Date.now();
  const environment = { ...process.env, KC_BOOTSTRAP_ADMIN_USERNAME: "admin", KC_BOOTSTRAP_ADMIN_PASSWORD: SECRET };
  const [server] = await start(join(folder, "bin/kc.sh"), ["start-dev", "--http-host=127.0.0.1", `--http-port=${keycloakPort}`, "--import-realm"],
    { env: environment, detached: true }, async () => (await fetch(`${keycloak}/realms/main/.well-known/openid-configuration`)).ok);
  children.push(server);
  console.log(`Keycloak is there after ${Math.round((Date.now() - began) / 1000)} s`);
  const [program, code] = await start(binary, ["serve", "--config", join(work, "intramuros.toml")], {}, async (output) =>
    (await fetch(origin + "/api/v1/health")).ok && output.match(/\b[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}\b/)?.[0]);
  children.push(program);
  const headers = { "content-type": "application/json", origin };
  const first = await fetch(`${origin}/api/v1/first-owner`, { method: "POST", headers, body: JSON.stringify({ code, name: "anne", passphrase: PASSPHRASE }) });
  assert.equal(first.status, 200, await first.text());

  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });
  page = await browser.newPage({ locale: "fr-FR" });
  page.setDefaultTimeout(STEP_MS);
  const signIn = async (name) => {
    await page.goto(`${origin}/?q=congés`);
    await page.click("a.provider");
    await page.waitForURL(keycloak + "/**");
    await atKeycloak(page, name);
  };
  const step = async (name, run) => { await run(); console.log("ok  ", name); };

  await step("somebody signs in, with a name, a checked mail address and groups", async () => {
    await signIn("olga");
    await page.waitForURL(origin + "/?q=cong%C3%A9s");
    await page.waitForSelector("#list .hit");
    assert.deepEqual(await found(page, "congés"), ["charte.md", "paie/congés.md", "rh/conges.md"]);
    await page.goto(`${origin}/account`);
    await page.waitForSelector(".facts");
    assert.match(await page.textContent(".facts"), /olga[\s\S]*direction\/paie, rh/);
    const session = await page.evaluate(() => fetch("/api/v1/session").then((answer) => answer.json()));
    assert.equal(session.shown, "Olga Petit", JSON.stringify(session));
  });

  await step("signing out signs out there too, without another question", async () => {
    await page.click("button.main");
    await page.waitForURL(origin + "/sign-in**");
    assert.equal(await found(page, "congés"), 401);
    await page.goto(`${origin}/sign-in`);
    await page.click("a.provider");
    await page.waitForURL(keycloak + "/**");
    await page.waitForSelector("#username", { timeout: STEP_MS });
  });

  await step("a group that was taken away there is gone with the next sign-in", async () => {
    const [olga] = await administer(keycloak, "GET", "users?username=olga&exact=true");
    const rh = (await administer(keycloak, "GET", "groups")).find((group) => group.name === "rh");
    await administer(keycloak, "DELETE", `users/${olga.id}/groups/${rh.id}`);
    await signIn("olga");
    await page.waitForURL(origin + "/?q=cong%C3%A9s");
    assert.deepEqual(await found(page, "congés"), ["charte.md", "paie/congés.md"]);
    // Closed there, and signed out: not in again.
    await page.goto(`${origin}/account`);
    await page.click("button.main");
    await page.waitForURL(origin + "/sign-in**");
    await administer(keycloak, "PUT", `users/${olga.id}`, { ...olga, enabled: false });
    await signIn("olga");
    await page.getByText(/account is disabled|compte est désactivé/i).first().waitFor();
    assert.equal(new URL(page.url()).origin, keycloak);
  });

  await step("a mail address that nobody checked there is not kept", async () => {
    await signIn("nina");
    await page.waitForURL(origin + "/?q=cong%C3%A9s");
    const owner = await browser.newContext();
    const request = owner.request;
    await request.post(`${origin}/api/v1/session`, { data: { name: "anne", passphrase: PASSPHRASE }, headers: { origin } });
    const { people } = await (await request.get(`${origin}/api/v1/people`)).json();
    const mails = Object.fromEntries(people.map((person) => [person.name, person.mail ?? null]));
    assert.deepEqual(mails, { anne: null, nina: null, olga: "olga@example.org" });
    await owner.close();
  });

  await step("new keys are found when the old ones no longer sign", async () => {
    const { id } = await administer(keycloak, "GET", "");
    await administer(keycloak, "POST", "components", {
      name: "newer", providerId: "rsa-generated", providerType: "org.keycloak.keys.KeyProvider", parentId: id,
      config: { priority: ["500"], enabled: ["true"], active: ["true"], algorithm: ["RS256"] },
    }).catch((error) => { if (!/JSON/.test(error)) throw error; });
    await page.context().clearCookies();
    // Keys are fetched again once those that are known are half a minute old.
    await page.waitForTimeout(35_000);
    await signIn("nina");
    await page.waitForURL(origin + "/?q=cong%C3%A9s");
    assert.deepEqual(await found(page, "congés"), ["charte.md"]);
  });
  console.log("all passed");
} catch (error) {
  if (process.env.SCREENSHOTS) await page?.screenshot({ path: join(process.env.SCREENSHOTS, "keycloak-fault.png") });
  console.log(`FAIL ${page?.url()} ${error?.stack ?? error}\n${children[1]?.said().slice(-3_000)}`);
  process.exitCode = 1;
} finally {
  await browser?.close();
  for (const child of children) {
    // Keycloak's script starts a Java of its own: the whole of what it began ends.
    try { process.kill(child === children[0] ? -child.pid : child.pid, "SIGTERM"); } catch { /* it has ended */ }
  }
  rmSync(work, { recursive: true, force: true, maxRetries: 5 });
}
