// Do people come in, see what is theirs alone, and lose access at once?

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { PASSPHRASE, driveFor, section, wayOut, writerIn } from "./household.js";

const OF_BRUNO = "une autre phrase assez longue";

/** Documents and a configuration under which people sign in, by themselves or at a provider. */
export function writePeople(work, port, { providerPort, proconnectPort, cloudPort }, secret) {
  const write = writerIn(work);
  write("drive/rh/conges.md", "# Congés payés\n\nChaque salarié acquiert deux jours et demi de congés payés par mois de travail.\n");
  write("drive/charte.md", "# Charte\n\nLa charte des congés est affichée dans l'entrée.\n");
  write("oidc.secret", secret + "\n");
  write("intramuros.toml", `${driveFor(port, "rh")}
[[collection]]
name = "Ressources humaines"
description = "Congés, paie, recrutement"
folders = [{ source = "drive", path = "rh/**" }]
[[collection]]
name = "Commun"
folders = [{ source = "drive", path = "charte.md" }]
${wayOut(providerPort, "sign-in")}
[[sign_in]]
name = "test"
label = "Compte de l’organisation"
issuer = "http://127.0.0.1:${providerPort}"
client_id = "intramuros"
client_secret_file = "oidc.secret"
${wayOut(proconnectPort, "sign-in")}
[[sign_in]]
name = "proconnect"
label = "ProConnect"
issuer = "http://127.0.0.1:${proconnectPort}"
client_id = "intramuros"
client_secret_file = "oidc.secret"
scopes = ["openid", "given_name", "usual_name", "email", "siret"]
name_claim = "email"
acr_values = "eidas1 eidas2"
only = { siret = ["21750001600019"] }
${wayOut(cloudPort, "source")}
[[source]]
name = "nuage"
kind = "webdav"
url = "http://127.0.0.1:${cloudPort}/dav"
access = "source"
`);
}

/** A WebDAV folder of one file, which goes away when `cloud.away` is set, and answers once the promise `cloud.held` is kept. */
export function startCloud(port) {
  const cloud = { away: false };
  const entry = (path, more) => `<d:response><d:href>${path}</d:href><d:propstat><d:prop>${more}</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>`;
  cloud.server = createServer(async (request, response) => {
    await cloud.held;
    if (cloud.away) return response.writeHead(503).end();
    if (request.method !== "PROPFIND") return response.end("Le télétravail est possible deux jours par semaine.");
    response.writeHead(207, { "content-type": "application/xml" });
    response.end(`<d:multistatus xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns">${entry("/dav/", "<d:resourcetype><d:collection/></d:resourcetype>")}${entry("/dav/t%C3%A9l%C3%A9travail.txt", "<d:getetag>1</d:getetag><oc:owner-id>bruno</oc:owner-id>")}</d:multistatus>`);
  }).listen(port, "127.0.0.1");
  return cloud;
}

async function signIn(visitor, name = "anne", passphrase = PASSPHRASE, path = "/") {
  await visitor.open("/sign-in?next=" + encodeURIComponent(path));
  await visitor.page.fill("#name", name);
  await visitor.page.fill("#passphrase", passphrase);
  await visitor.page.press("#passphrase", "Enter");
  await visitor.page.waitForURL(visitor.origin + path);
}

/** What a search finds, asked as the page does. */
const found = (page, q) => page.evaluate(async (q) => {
  const response = await fetch("/api/v1/search?q=" + encodeURIComponent(q));
  return response.ok ? (await response.json()).results.map((one) => one.path).sort() : response.status;
}, q);

/** Signs in at the provider's own pages. */
async function atProvider(page, login) {
  await page.fill("input[name=login]", login);
  await page.fill("input[name=password]", "anything");
  await page.click("button[type=submit]");
  await page.waitForSelector("button[type=submit]");
  await page.click("button[type=submit]");
}

let link = "";

/** In this order: later ones build on what earlier ones did. */
export const peopleCases = {
  async "the first owner comes in with the code of the terminal, by keyboard alone"({ page, open, shot, origin, code }) {
    await open("/?q=charte");
    await page.waitForSelector("#code");
    assert.match(page.url(), /\/sign-in\?next=/);
    await shot("first-owner");
    const type = async (text) => { await page.keyboard.type(text); await page.keyboard.press("Tab"); };
    assert.equal(await page.evaluate(() => document.activeElement.id), "code");
    await type("0000-0000-0000"); await type("anne"); await type(PASSPHRASE);
    await page.keyboard.type(PASSPHRASE);
    await page.keyboard.press("Enter");
    await page.waitForSelector("[role=alert]");
    assert.match(await page.textContent("[role=alert]"), /ne convient pas/);
    await page.fill("#code", code);
    await page.fill("#passphrase", "trop court");
    await page.fill("#again", "trop court");
    await page.press("#again", "Enter");
    await page.waitForFunction(() => document.querySelector("[role=alert]")?.textContent.includes("15"));
    await page.fill("#passphrase", PASSPHRASE);
    await page.fill("#again", PASSPHRASE);
    await page.press("#again", "Enter");
    await page.waitForURL(origin + "/");
    await page.waitForSelector("#corner a");
    assert.deepEqual(await page.locator("#corner a").allTextContents(), ["Administration", "Mon compte"]);
    await shot("signed-in");
  },

  async "signing in leads where one wanted to go, and a wrong passphrase nowhere"(visitor) {
    const { page, open, shot, origin } = visitor;
    await open("/?q=charte&kind=markdown");
    await page.waitForSelector("#name");
    await shot("sign-in");
    await page.fill("#name", "anne");
    await page.fill("#passphrase", "pas la bonne du tout");
    await page.press("#passphrase", "Enter");
    await page.waitForSelector("[role=alert]");
    await page.fill("#passphrase", PASSPHRASE);
    await page.press("#passphrase", "Enter");
    await page.waitForURL(origin + "/?q=charte&kind=markdown");
    await page.waitForSelector("#list .hit");
    await page.click("#corner a[href='/account']");
    await page.waitForSelector("table");
    await shot("account");
    await page.click("button.main");
    await page.waitForURL(origin + "/sign-in");
    assert.equal(await found(page, "charte"), 401);
    await visitor.open("/sign-in?next=https://evil.example/");
    await page.fill("#name", "anne");
    await page.fill("#passphrase", PASSPHRASE);
    await page.press("#passphrase", "Enter");
    await page.waitForURL(origin + "/");
  },

  async "somebody is invited and put into a group"(visitor) {
    const { page, shot } = visitor;
    await signIn(visitor, "anne", PASSPHRASE, "/administration");
    await page.waitForSelector("table");
    await page.fill("#name", "bruno");
    await page.fill("#shown", "Bruno Martin");
    await page.click("button.main");
    link = await page.textContent(".secret");
    assert.match(link, /\/sign-in#[0-9A-Z-]{20,}/);
    await shot("people");
    await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 2);
    await section(visitor, "groups");
    await page.waitForSelector(".teach");
    await page.fill("#group", "rh");
    await page.click("button.main");
    await page.waitForSelector("tbody");
    await page.fill("input[name=add]", "bruno");
    await page.press("input[name=add]", "Enter");
    await page.waitForSelector(".chips li");
    assert.match(await page.textContent("tbody"), /1 règle le nomme/);
    await shot("groups");
  },

  async "who was invited comes in, and loses access the moment it is taken away"(visitor) {
    const { page, shot, origin, another } = visitor;
    await page.goto(link);
    await page.waitForSelector("#again");
    await shot("invitation");
    await page.fill("#passphrase", OF_BRUNO);
    await page.fill("#again", OF_BRUNO);
    await page.press("#again", "Enter");
    await page.waitForURL(origin + "/");
    assert.deepEqual(await found(page, "congés"), ["charte.md", "rh/conges.md"]);
    assert.equal((await page.goto(origin + "/administration")).status(), 403);
    await visitor.open("/?q=congés");
    await page.waitForSelector("#list .hit");
    const owner = await another();
    await signIn(owner, "anne", PASSPHRASE, "/administration/groups");
    await owner.page.waitForSelector(".chips button");
    await owner.page.click(".chips button");
    await owner.page.waitForFunction(() => !document.querySelector(".chips li"));
    assert.deepEqual(await found(page, "congés"), ["charte.md"]);
    await section(owner, "people");
    const row = owner.page.locator("tbody tr", { hasText: "bruno" });
    await row.getByRole("button", { name: /Fermer l’accès/ }).click();
    await owner.page.waitForSelector("tr.off");
    assert.equal(await found(page, "congés"), 401);
    // The open page leads to where one signs in.
    await page.fill("#q", "charte");
    await page.waitForURL(/\/sign-in/);
    await row.getByRole("button", { name: /Rouvrir l’accès/ }).click();
    await owner.page.waitForFunction(() => !document.querySelector("tr.off"));
    await owner.close();
  },

  async "a token opens the API until it is revoked"(visitor) {
    const { page, shot, origin } = visitor;
    await signIn(visitor, "anne", PASSPHRASE, "/account");
    await page.waitForSelector("#own-name");
    await page.fill("#own-name", "tableau");
    await page.locator("form", { has: page.locator("#own-name") }).locator("button.main").click();
    const token = await page.textContent(".secret");
    assert.match(token, /^imp_/);
    await shot("token");
    const status = async () => (await fetch(origin + "/api/v1/search?q=charte", { headers: { authorization: "Bearer " + token } })).status;
    assert.equal(await status(), 200);
    await page.getByRole("button", { name: "Terminé" }).click();
    const revoke = page.getByRole("button", { name: /Révoquer: tableau/ });
    await revoke.click();
    await revoke.click();
    await page.waitForFunction(() => !document.body.textContent.includes("tableau"));
    assert.equal(await status(), 401);
  },

  async "the rule that lets a person read is named"(visitor) {
    const { page, shot } = visitor;
    await signIn(visitor, "anne", PASSPHRASE, "/administration/access");
    await page.fill("#person", "bruno");
    await page.fill("#path", "rh/conges.md");
    await page.click("button.main");
    await page.waitForSelector(".verdict.no");
    assert.match(await page.textContent(".wide-card"), /règle n° 2[\s\S]*rh\/\*\*[\s\S]*le groupe rh/);
    await shot("access");
    await page.fill("#path", "charte.md");
    await page.click("button.main");
    await page.waitForSelector(".verdict:not(.no)");
    // A deep link gives the same.
    await page.reload();
    await page.waitForSelector(".verdict:not(.no)");
  },

  async "somebody signs in at the provider, with groups, and out again"(visitor) {
    const { page, open, shot, origin, provider } = visitor;
    let back = "";
    page.on("request", (request) => { if (request.url().includes("/sign-in/with/test/back?")) back = request.url(); });
    await open("/?q=congés");
    await page.waitForSelector("a.provider");
    await page.click("a.provider");
    await page.waitForURL(provider.issuer + "/**");
    await atProvider(page, "olga");
    await page.waitForURL(origin + "/?q=cong%C3%A9s");
    await page.waitForSelector("#list .hit");
    assert.deepEqual(await found(page, "congés"), ["charte.md", "rh/conges.md"]);
    await open("/account");
    await page.waitForSelector("table");
    assert.match(await page.textContent(".facts"), /olga[\s\S]*Lecture[\s\S]*paie, rh/);
    await shot("account-provider");
    await page.click("button.main");
    await page.waitForURL(provider.issuer + "/**");
    await page.click("button[type=submit]");
    await page.waitForURL(origin + "/sign-in**");
    assert.equal(await found(page, "congés"), 401);
    // The answer that brought her in brings nobody in a second time.
    assert.match(back, /[?&]code=[^&]+/);
    await page.goto(back);
    await page.waitForURL(origin + "/sign-in?failed=expired");
    assert.equal(await found(page, "congés"), 401);
  },

  async "somebody of the organisation comes in through ProConnect, and nobody else"(visitor) {
    const { page, open, origin, proconnect } = visitor;
    const through = async (login) => {
      await open("/sign-in");
      await page.click("a.provider[href*=proconnect]");
      await page.waitForURL(proconnect.issuer + "/**");
      await page.fill("input[name=login]", login);
      await page.click("button[type=submit]");
    };
    await through("paul");
    await page.waitForURL(origin + "/");
    await open("/account");
    await page.waitForSelector("table");
    assert.match(await page.textContent(".content"), /Paul Durand[\s\S]*paul\.durand@ville\.example[\s\S]*Lecture/);
    const [asked] = proconnect.seen.authorizations;
    assert.deepEqual(JSON.parse(asked.get("claims")).id_token.acr, { essential: true, values: ["eidas1", "eidas2"] });
    // Anything else than these is refused there.
    const known = ["response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "claims", "code_challenge", "code_challenge_method"];
    assert.deepEqual([...asked.keys()].filter((name) => !known.includes(name)), []);
    assert.ok(asked.get("state").length >= 32 && asked.get("nonce").length >= 32);
    assert.match(proconnect.seen.told[0], /^application\/jwt/);
    await page.click("button.main");
    await page.waitForURL(proconnect.issuer + "/**");
    const [end] = proconnect.seen.ends;
    assert.ok(end.get("id_token_hint") && end.get("state").length >= 32 && end.get("post_logout_redirect_uri") === origin + "/sign-in");
    await page.click("button[type=submit]");
    await page.waitForURL(origin + "/sign-in?state=" + end.get("state"));
    await page.waitForSelector("a.provider");
    // Known to the provider, and of another organisation.
    await through("lea");
    await page.waitForURL(origin + "/sign-in?failed=not_admitted");
    assert.match(await page.textContent("[role=alert]"), /vous n’êtes pas de ceux/);
    assert.equal(await found(page, "charte"), 401);
  },

  async "a name that is somebody's is not given to who chose it at the provider"(visitor) {
    const { page, open, origin, provider, shot } = visitor;
    await open("/sign-in");
    await page.click("a.provider");
    await page.waitForURL(provider.issuer + "/**");
    await atProvider(page, "anne");
    await page.waitForURL(origin + "/sign-in?failed=taken");
    await page.waitForSelector("[role=alert]");
    await shot("provider-refused");
    assert.equal(await found(page, "charte"), 401);
    // Answers that nobody asked for.
    for (const address of ["/sign-in/with/test/back?code=x&state=y", "/sign-in/with/test/back"]) {
      await open(address);
      await page.waitForURL(origin + "/sign-in?failed=expired");
    }
  },

  async "the journal tells who came in, and can be narrowed"(visitor) {
    const { page, shot } = visitor;
    await signIn(visitor, "anne", PASSPHRASE, "/administration/journal");
    await page.waitForSelector("tbody tr");
    await shot("journal");
    await page.selectOption("#kind", "sign_in");
    await page.fill("#who", "bruno");
    await page.getByRole("button", { name: "Filtrer" }).click();
    await page.waitForURL(/kind=sign_in/);
    await page.waitForSelector("tbody tr");
    const kinds = await page.locator("tbody td:nth-child(3)").allTextContents();
    assert.ok(kinds.length >= 1 && kinds.every((kind) => kind === "Connexion"), kinds.join());
  },

  async "nobody signs in where the connection is not encrypted"({ page, open, shot }) {
    await page.addInitScript(() => Object.defineProperty(window, "isSecureContext", { value: false }));
    await open("/sign-in");
    await page.getByText("n’est pas chiffrée").waitFor();
    assert.equal(await page.locator("input").count(), 0);
    await shot("in-clear");
  },

  async "what is refused is said in French"(visitor) {
    const { page } = visitor;
    await signIn(visitor, "anne", PASSPHRASE, "/administration/people");
    const refused = async (name, expected) => {
      await page.fill("#name", name);
      await page.click("form.card button[type=submit]");
      await page.getByText(expected).waitFor();
    };
    await refused("a/b", "un nom n’a ni virgule, ni deux-points, ni barre, ni guillemet");
    await refused("owner", "« owner » a un sens à lui ; choisissez un autre nom");
  },

  async "administration speaks English too"({ page, open, origin, shot }) {
    await open("/sign-in");
    await page.click("#language");
    assert.equal(await page.textContent("h1"), "Sign in");
    await page.fill("#name", "anne");
    await page.fill("#passphrase", PASSPHRASE);
    await page.press("#passphrase", "Enter");
    await page.waitForURL(origin + "/");
    await open("/administration/sources");
    await page.waitForSelector("tbody");
    assert.match(await page.textContent("#content"), /Where documents come from/);
    assert.equal(await page.getAttribute("html", "lang"), "en");
    await shot("sources-english");
  },

  async "a place outside is fetched, and a fault says why and when it is tried again"(visitor) {
    const { page, cloud, shot } = visitor;
    await signIn(visitor, "anne", PASSPHRASE, "/administration/sources");
    const row = page.locator("tr", { hasText: "nuage" });
    const state = (text) => row.getByText(text).first().waitFor();
    await state("Vue en entier");
    await state("1 trouvé");
    await shot("sources-outside");
    cloud.away = true;
    await row.getByRole("button", { name: "Collecter maintenant" }).click();
    await page.mouse.click(5, 5);
    await state("Injoignable pour l’instant");
    await state(/: le lieu répond 503/);
    await state("Prochain passage");
    await shot("sources-away");
    // What was fetched before is found, and leads to where it comes from.
    assert.deepEqual(await found(page, "télétravail"), ["télétravail.txt"]);
    cloud.away = false;
    await row.getByRole("button", { name: "Collecter maintenant" }).click();
    await page.mouse.click(5, 5);
    await row.getByText("Injoignable").waitFor({ state: "detached" });
  },

  async "a collection is chosen beside the box and stays with its conversation"(visitor) {
    const { page, open, shot } = visitor;
    await signIn(visitor);
    const choice = page.locator("#collection");
    await choice.waitFor();
    assert.deepEqual(await choice.locator("option").allTextContents(), ["Tous les documents", "Ressources humaines", "Commun"]);
    await page.fill("#q", "congés");
    await page.waitForFunction(() => document.querySelectorAll(".hit").length === 2);
    await choice.selectOption("Commun");
    await page.waitForFunction(() => document.querySelectorAll(".hit").length === 1);
    assert.equal(new URL(page.url()).searchParams.get("collection"), "Commun");
    await shot("collection");
    await choice.selectOption("Ressources humaines");
    await page.fill("#q", "Combien de jours de congés payés par mois ?");
    await page.locator(".go-on a").click();
    await page.waitForURL(/\/conversation\/\d+$/);
    await page.getByText("Porte sur : Ressources humaines").waitFor();
    await page.reload();
    await page.getByText("Porte sur : Ressources humaines").waitFor();
    await open("/conversation");
    await page.locator("#about").waitFor();
    await page.setViewportSize({ width: 360, height: 740 });
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth) <= 0);
    await shot("collection-narrow");
  },

  async "documents are looked through by collection"(visitor) {
    const { page, open, shot, origin } = visitor;
    await signIn(visitor, "anne", PASSPHRASE, "/documents");
    const lists = page.locator("ul.folders");
    await lists.nth(1).waitFor();
    assert.deepEqual(await page.locator(".browse h2:not(.hidden)").allTextContents(), ["Collections", "Sources"]);
    assert.deepEqual(await lists.nth(0).locator("a").allTextContents(), ["Ressources humaines", "Commun"]);
    await shot("documents-collections");
    await lists.nth(0).getByText("Ressources humaines").click();
    await page.waitForURL(origin + "/documents?collection=Ressources+humaines");
    // One source: one is in it at once, and sees nothing that is outside the collection.
    await page.locator("ul.folders a", { hasText: "rh" }).waitFor();
    assert.equal(await page.textContent(".browse h1"), "Ressources humaines");
    assert.equal(await page.locator(".browse .hit").count(), 0);
    assert.equal(await page.locator("#collection").inputValue(), "Ressources humaines");
    await shot("documents-collection");
    await page.click("ul.folders a");
    await page.locator(".browse .hit a").waitFor();
    assert.deepEqual(await page.locator(".crumbs li").allTextContents(), ["Documents", "Ressources humaines", "drive"]);
    await page.click(".browse .hit a");
    await page.waitForURL(/\/document\/\d+\?.*collection=/);
    await page.goBack();
    await page.locator(".browse .hit a").waitFor();
    await page.locator(".crumbs a", { hasText: "Ressources humaines" }).click();
    await page.waitForURL(origin + "/documents?collection=Ressources+humaines");
    // The box above asks the collection; the choice beside it leads from one to the other.
    await page.fill("#q", "congés");
    await page.waitForFunction(() => document.querySelectorAll("#list .hit").length === 1);
    await open("/documents?collection=Commun");
    await page.locator(".browse .hit", { hasText: "Charte" }).waitFor();
    await page.selectOption("#collection", "");
    await page.waitForURL(origin + "/documents");
    await page.setViewportSize({ width: 360, height: 740 });
    await lists.nth(1).waitFor();
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth) <= 0);
    await shot("documents-collections-narrow");
    await open("/documents?collection=Nulle+part");
    await page.locator(".empty").waitFor();
  },

  async "360 pixels are enough for accounts"(visitor) {
    const { page, open, shot } = visitor;
    await signIn(visitor, "anne", PASSPHRASE, "/account");
    await page.setViewportSize({ width: 360, height: 740 });
    const paths = ["/account", ...SECTIONS.map((name) => "/administration/" + name)];
    for (const path of paths) {
      await open(path);
      await page.waitForSelector("#content h1");
      await page.waitForTimeout(300);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(over <= 0, `${path} is ${over} pixels too wide`);
      await shot("narrow" + path.replaceAll("/", "-"));
    }
  },
};

const SECTIONS = ["people", "groups", "access", "tokens", "sessions", "sources", "models", "journal", "health", "settings"];

/** Pages of accounts on which nothing may stand in anybody's way; `as` says who looks. */
export const peoplePages = {
  "sign-in": { prepare: async ({ page, open }) => { await open("/sign-in"); await page.waitForSelector("#name"); } },
  invitation: { prepare: async ({ page, open }) => { await open("/sign-in#AAAA-BBBB"); await page.waitForSelector("#again"); } },
  account: { as: "owner", prepare: async ({ page, open }) => { await open("/account"); await page.waitForSelector("table"); } },
  ...Object.fromEntries(SECTIONS.map((name) => [name, { as: "owner", prepare: (visitor) => section(visitor, name) }])),
};

/** Signs the owner in once; gives what a browser keeps of it. */
export async function ownerState(visitor) {
  await signIn(visitor);
  return visitor.page.context().storageState();
}
