// Does a whole organisation work together: are answers shared, documents brought, and does the administration tell the truth?

import assert from "node:assert/strict";
import { readFileSync, readdirSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { PASSPHRASE, driveFor, section, wayOut, writerIn } from "./household.js";

/** Who is there beside the owner, anne: name, role, and whether they are in the group that reads what only the direction does. */
const PEOPLE = [["bruno", "reader", false], ["carole", "administrator", false], ["emma", "editor", true]];
const GROUP = "direction";

/** What nobody outside the group may see: in the document's text, its title, its path. */
const SECRETS = /quarante-deux|Verdier|bareme/i;
const SECRET = "L'indemnité d'astreinte du laboratoire est de quarante-deux euros par nuit.";
const OPEN = "La charte informatique est affichée dans l'entrée du bâtiment.";
const OF_THE_SECRET = "De combien est l’indemnité d’astreinte ?";
const OF_THE_OPEN = "Où est affichée la charte informatique ?";

/** What the model says that each answer took. */
const TOKENS_READ = 100;
const TOKENS_WRITTEN = 20;

/** The passage in an open document: in its text, or on its page. */
const MARK = "#document .body mark, #document .pages mark";

// ---- the fixture ----

/** Documents and a configuration of everything that the administration shows. */
export function writeOrganisation(work, port, { modelPort, cloudPort }) {
  const write = writerIn(work);
  write(`drive/${GROUP}/bareme.md`, `# Barème Verdier\n\n${SECRET}\n`);
  write("drive/charte.md", `# Charte\n\n${OPEN}\n`);
  write("drive/casse.pdf", "%PDF-1.7\nnothing of what a PDF needs\n");
  write("intramuros.toml", `${driveFor(port, GROUP)}
[assistant]
currency = "EUR"
[[source]]
name = "apports"
kind = "uploads"
${wayOut(cloudPort, "source")}
[[source]]
name = "nuage"
kind = "webdav"
url = "http://127.0.0.1:${cloudPort}/dav"
access = "source"
${wayOut(modelPort, "answers")}
[[model]]
name = "plume"
kind = "open-ai"
purpose = "answers"
url = "http://127.0.0.1:${modelPort}/v1"
price_in = 1000.0
price_out = 5000.0
`);
  return join(work, "intramuros.toml");
}

/** A service with OpenAI's interface that copies the sentence that answers, cites its passage, and counts what it is asked. */
export function startWriter(port) {
  const writer = { asked: 0 };
  writer.server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    writer.asked += 1;
    const text = JSON.parse(body).messages.at(-1).content;
    const sentence = text.includes(OF_THE_SECRET) ? SECRET : OPEN;
    const before = text.slice(0, text.indexOf(sentence));
    const number = [...before.matchAll(/<passage (\d+)>/g)].at(-1)?.[1] ?? 1;
    response.writeHead(200, { "content-type": "text/event-stream" });
    const send = (more) => response.write(`data: ${JSON.stringify(more)}\n\n`);
    send({ choices: [{ index: 0, delta: { content: `${sentence.slice(0, -1)} [${number}].` }, finish_reason: null }] });
    send({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
    send({ choices: [], usage: { prompt_tokens: TOKENS_READ, completion_tokens: TOKENS_WRITTEN, total_tokens: TOKENS_READ + TOKENS_WRITTEN } });
    response.end("data: [DONE]\n\n");
  });
  return new Promise((resolve) => writer.server.listen(port, "127.0.0.1", () => resolve(writer)));
}

/** Makes the owner and the people, as the pages ask for it; gives what each one's browser keeps. */
export async function enterOrganisation(browser, { origin, code }) {
  const states = {};
  const enter = async (name, path, body) => {
    const context = await browser.newContext({ extraHTTPHeaders: { origin } });
    const ask = async (method, address, data) => {
      const response = await context.request.fetch(origin + "/api/v1/" + address, { method, data });
      if (!response.ok()) throw new Error(`${address}: ${response.status()} ${await response.text()}`);
      return response.json();
    };
    await ask("POST", path, body);
    states[name] = await context.storageState();
    return { ask, close: () => context.close() };
  };
  const anne = await enter("anne", "first-owner", { code, name: "anne", passphrase: PASSPHRASE });
  const group = await anne.ask("POST", "groups", { name: GROUP });
  for (const [name, role, inGroup] of PEOPLE) {
    const invited = await anne.ask("POST", "people", { name, role });
    await (await enter(name, "invitation", { code: invited.code, passphrase: PASSPHRASE })).close();
    if (inGroup) await anne.ask("PATCH", "groups/" + group.id, { add: [name] });
  }
  await anne.close();
  return states;
}

/** A PDF that asks for a password: everything is in its place, but the key of nobody opens it. */
function lockedPdf() {
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>",
    `<< /Filter /Standard /V 1 /R 2 /P -4 /O <${"5a".repeat(32)}> /U <${"a5".repeat(32)}> >>`,
  ];
  let text = "%PDF-1.4\n";
  const offsets = objects.map((object, index) => {
    const offset = text.length;
    text += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return offset;
  });
  const start = text.length;
  text += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n` + offsets.map((offset) => `${String(offset).padStart(10, "0")} 00000 n \n`).join("");
  text += `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R /Encrypt 4 0 R /ID [<${"11".repeat(16)}> <${"11".repeat(16)}>] >>\nstartxref\n${start}\n%%EOF\n`;
  return Buffer.from(text, "latin1");
}

// ---- what people do ----

/** Asks in the open conversation, and waits until the answer is there and rated or not. */
async function ask(page, question, turns) {
  await page.fill("#further", question);
  await page.press("#further", "Enter");
  await page.waitForFunction((turns) => document.querySelectorAll(".turn .rating").length === turns, turns);
}

/** Asks the API as the page does. */
const api = (page, path, method = "GET", body = undefined) => page.evaluate(async ([path, method, body]) => {
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  const response = await fetch("/api/v1/" + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  return { status: response.status, body: await response.json().catch(() => null) };
}, [path, method, body]);

/** Everything that a page received from the API from now on. */
function received(page) {
  const texts = [];
  page.on("response", async (response) => {
    if (response.url().includes("/api/v1/") && !response.url().endsWith("/events")) texts.push(await response.text().catch(() => ""));
  });
  return () => texts.join("\n");
}

/** The rows of a table, each as the texts of its cells. */
const rows = (page, of = "tbody") => page.locator(of).first().locator("tr").evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => cell.innerText)));

/** Waits until something is so, which the page can't tell by itself. */
async function until(what, holds) {
  const end = Date.now() + 10_000;
  while (!await holds()) {
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Paths of all files below a folder. */
function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true }).filter((one) => one.isFile()).map((one) => join(one.parentPath ?? one.path, one.name));
}

// ---- cases ----

export const organisationCases = {
  async "a shared answer shows each person what they may read, until it is shared no more"({ as }) {
    const anne = await as("anne");
    await anne.open("/conversation");
    await anne.page.waitForSelector("#further");
    await ask(anne.page, OF_THE_SECRET, 1);
    await anne.page.waitForURL(/\/conversation\/\d+$/);
    await ask(anne.page, OF_THE_OPEN, 2);
    assert.match(await anne.page.innerText(".turn >> nth=0"), SECRETS);
    const secret = await anne.page.locator(".turn >> nth=0").locator(".cite").first().getAttribute("href");
    const address = anne.page.url();
    const path = new URL(address).pathname;
    const id = path.split("/").at(-1);

    // Nobody opens it by its address before it is shared.
    const bruno = await as("bruno");
    const seen = received(bruno.page);
    await bruno.page.goto(address);
    await bruno.page.getByText("Cette conversation n’existe pas").waitFor();
    assert.doesNotMatch(seen(), /astreinte/);

    await anne.page.getByRole("button", { name: "Partager", exact: true }).click();
    await anne.page.getByText("Partagée : toute personne").waitFor();

    // The link leads whoever is not signed in there once they are.
    await bruno.page.context().clearCookies();
    await bruno.page.goto(address);
    await bruno.page.waitForURL(/\/sign-in\?next=/);
    await bruno.page.fill("#name", "bruno");
    await bruno.page.fill("#passphrase", PASSPHRASE);
    await bruno.page.press("#passphrase", "Enter");
    await bruno.page.waitForURL(address);
    await bruno.page.getByText("Partagée par une autre personne").waitFor();
    assert.equal(await bruno.page.locator(".turn").count(), 2);
    assert.deepEqual(await bruno.page.locator(".withheld").allTextContents(), ["Passage que vous n’avez pas le droit de lire."]);
    assert.equal(await bruno.page.locator(".turn >> nth=0").locator(".cite").count(), 0);
    assert.match(await bruno.page.innerText(".turn >> nth=1"), /affichée dans l'entrée/);
    await bruno.shot("shared");
    // It is not his to change.
    assert.equal(await bruno.page.locator(".acts, #further, .rating, .attach").count(), 0);
    assert.equal((await api(bruno.page, "conversations/" + id, "PATCH", { shared: false })).status, 404);
    // His citation opens the document; hers does not exist for him, and neither does its title.
    await bruno.page.locator(".turn .cite").first().click();
    await bruno.page.waitForSelector(MARK);
    await bruno.page.goto(new URL(secret, address).href);
    await bruno.page.getByText("Ce document n’existe pas").waitFor();
    const exported = await bruno.page.context().request.get(new URL(`/api/v1/conversations/${id}/export`, address).href);
    assert.equal(exported.status(), 200);
    assert.match(await exported.text(), /affichée dans l'entrée/);
    for (const text of [await bruno.page.content(), seen(), await exported.text()]) assert.doesNotMatch(text, SECRETS);

    // Emma is of the group, and sees all of it.
    const emma = await as("emma");
    await emma.page.goto(address);
    await emma.page.getByText("Partagée par une autre personne").waitFor();
    assert.equal(await emma.page.locator(".withheld").count(), 0);
    assert.match(await emma.page.innerText(".turn >> nth=0"), SECRETS);

    await anne.page.getByRole("button", { name: "Ne plus partager" }).click();
    await anne.page.getByRole("button", { name: "Partager", exact: true }).waitFor();
    for (const other of [bruno, emma]) {
      assert.equal((await api(other.page, "conversations/" + id)).status, 404);
      await other.page.goto(address);
      await other.page.getByText("Cette conversation n’existe pas").waitFor();
    }
  },

  async "while a file is sent one sees how far it is, and what is cancelled leaves nothing"({ as, file }) {
    const emma = await as("emma");
    const { page } = emma;
    await emma.open("/documents");
    await page.waitForSelector(".zone");
    const slow = await page.context().newCDPSession(page);
    const limit = (uploadThroughput) => slow.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput });
    await slow.send("Network.enable");
    // Two megabytes at a quarter of one each second.
    await limit(250_000);
    const long = { name: "salamandre.txt", mimeType: "text/plain", buffer: Buffer.from("La salamandre tachetée dort sous la pierre. ".repeat(45_000)) };
    await page.setInputFiles("#files", long);
    const shown = () => page.evaluate(() => document.querySelector(".sending progress")?.value ?? null);
    await until("progress", async () => await shown() > 0);
    const first = await shown();
    await until("more progress", async () => await shown() > first);
    assert.ok(await shown() < 1, "it is shown as whole before it is");
    assert.match(await page.innerText(".sending li"), /^Envoi de salamandre\.txt\s+\d[\d,]*\s[kM]o sur \d[\d,]*\sMo\s+Annuler$/);
    await emma.shot("upload-progress");
    await page.getByRole("button", { name: "Annuler" }).click();
    assert.equal(await page.locator(".sending li").count(), 0);
    await limit(-1);
    // Neither in the list, nor on the disk, nor among the documents.
    const spool = () => filesBelow(join(dirname(file), "data")).filter((path) => /incoming/.test(path) && statSync(path).size > 0);
    await until("what came of it is removed", () => spool().length === 0);
    assert.deepEqual((await api(page, "uploads")).body.uploads, []);
    // Its name is free: sent again, it is the only one, and is found.
    await page.setInputFiles("#files", { ...long, buffer: Buffer.from("La salamandre noire vit plus haut.\n") });
    await page.waitForSelector("[data-upload='salamandre.txt'][data-state='read'] a");
    const found = (await api(page, "search?q=salamandre")).body.results;
    assert.deepEqual(found.map((one) => one.path), ["emma/salamandre.txt"]);
    assert.equal((await api(page, "search?q=" + encodeURIComponent("\"salamandre tachetée\""))).body.total, 0);
  },

  async "a file that is too large, locked or of a kind that is not read says so"({ as, file }) {
    const emma = await as("emma");
    const { page } = emma;
    const asked = [];
    page.on("request", (request) => { if (request.method() === "POST") asked.push(request.url()); });
    await emma.open("/documents");
    await page.waitForSelector(".zone");
    // It takes no room on the disk.
    const large = join(dirname(file), "immense.txt");
    writeFileSync(large, "");
    truncateSync(large, (256 << 20) + 1);
    await page.setInputFiles("#files", large);
    await page.getByText("immense.txt est trop grand : 268,4\u00a0Mo au plus.").waitFor();
    assert.deepEqual(asked, [], "it is not even sent");
    const bytes = (name, buffer) => ({ name, mimeType: "application/octet-stream", buffer });
    await page.setInputFiles("#files", [bytes("verrou.pdf", lockedPdf()), bytes("outil.exe", Buffer.from("MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0".repeat(20), "latin1")), bytes("vide.txt", Buffer.alloc(0))]);
    const says = async (name, why) => {
      await page.waitForSelector(`[data-upload='${name}'][data-state='failed']`);
      assert.match(await page.innerText(`[data-upload='${name}']`), why);
      assert.equal(await page.locator(`[data-upload='${name}'] a`).count(), 0);
    };
    await says("verrou.pdf", /Pas lu\s: Chiffré\s: il faut un mot de passe/);
    await says("outil.exe", /Pas lu\s: Format non lu/);
    await says("vide.txt", /Pas lu\s: Vide/);
    await emma.shot("upload-refused");
    await page.getByRole("button", { name: "Laisser" }).click();
    assert.equal(await page.getByText("immense.txt").count(), 0);
    // In English too.
    await page.click("#language");
    await page.getByText("Not read: Encrypted: a password is needed").waitFor();
    // A reader is offered no place to put anything.
    const bruno = await as("bruno");
    await bruno.open("/documents");
    await bruno.page.waitForSelector(".folders, .browse");
    await bruno.page.waitForTimeout(300);
    assert.equal(await bruno.page.locator(".zone").count(), 0);
    assert.equal((await api(bruno.page, "uploads")).status, 403);
  },

  async "of two administrators with the same page open, neither undoes what the other did"({ as }) {
    const [anne, carole] = [await as("anne"), await as("carole")];
    const members = (visitor) => visitor.page.locator(".chips li").evaluateAll((chips) => chips.map((chip) => chip.firstChild.textContent));
    await section(anne, "groups");
    await section(carole, "groups");
    assert.deepEqual(await members(carole), ["emma"]);
    const put = async (visitor, name) => {
      await visitor.page.fill("input[name=add]", name);
      await visitor.page.press("input[name=add]", "Enter");
      await visitor.page.locator(".chips li", { hasText: name }).waitFor();
    };
    // Carole's page does not show bruno yet; what she saves keeps him.
    await put(anne, "bruno");
    await put(carole, "anne");
    assert.deepEqual(await members(carole), ["anne", "bruno", "emma"]);
    // Anne's page does not show herself yet; she takes bruno out, and stays.
    await anne.page.getByRole("button", { name: "Retirer bruno de direction" }).click();
    await until("bruno is out", async () => !(await members(anne)).includes("bruno"));
    assert.deepEqual(await members(anne), ["anne", "emma"]);
    await carole.page.getByRole("button", { name: "Retirer anne de direction" }).click();
    await until("anne is out", async () => (await members(carole)).join() === "emma");

    // A role that one gives stays when the other, whose page shows the old one, closes the access.
    await section(anne, "people");
    await section(carole, "people");
    const row = (visitor) => visitor.page.locator("tbody tr", { hasText: "bruno" });
    const person = async () => (await api(anne.page, "people?q=bruno")).body.people[0];
    await row(anne).locator("select").selectOption("editor");
    await until("the role is given", async () => (await person()).role === "editor");
    assert.equal(await row(carole).locator("select").inputValue(), "reader");
    await row(carole).getByRole("button", { name: /Fermer l’accès/ }).click();
    await carole.page.waitForSelector("tr.off");
    const after = await person();
    assert.deepEqual([after.role, after.active], ["editor", false]);
    assert.equal(await row(carole).locator("select").inputValue(), "editor", "her page shows what holds");
    for (const change of [{ role: "reader" }, { active: true }]) assert.equal((await api(anne.page, "people/" + after.id, "PATCH", change)).status, 200);

    // What the other removed meanwhile is not brought back, and the page says that it is gone.
    await api(anne.page, "groups", "POST", { name: "passage" });
    await section(carole, "groups");
    const gone = (await api(anne.page, "groups")).body.groups.find((group) => group.name === "passage");
    await api(anne.page, "groups/" + gone.id, "DELETE");
    const stale = carole.page.locator("tbody tr", { hasText: "passage" });
    await stale.locator("input[name=add]").fill("bruno");
    await stale.locator("input[name=add]").press("Enter");
    await carole.page.waitForSelector("[role=alert]");
    await carole.shot("groups-gone");
    assert.deepEqual((await api(anne.page, "groups")).body.groups.map((group) => group.name), [GROUP]);
    assert.match(await carole.page.innerText("[role=alert]"), /n’existe pas/);
  },

  async "the sources say how far they are, what fails and why, and when they are visited next"({ as, cloud }) {
    const anne = await as("anne");
    const { page } = anne;
    const source = async (name) => (await api(page, "sources")).body.sources.find((one) => one.name === name);
    await section(anne, "sources");
    const table = async () => Object.fromEntries((await rows(page)).map((cells) => [cells[0].split("\n")[0], cells]));
    const { drive } = await table();
    assert.match(drive[1], /À jour/);
    assert.equal(drive[2], "2");
    assert.match(drive[3], /1 · Endommagé/);
    assert.equal(drive[4], "intramuros.toml");
    assert.equal((await table()).apports[2], String((await source("apports")).documents));
    // While it is fetched the page says so, and offers no second time.
    await until("the first visit is over", async () => (await source("nuage")).fetching.phase === "waiting");
    let go;
    cloud.held = new Promise((resolve) => { go = resolve; });
    await section(anne, "sources");
    const row = page.locator("tr", { hasText: "nuage" });
    await row.getByRole("button", { name: "Collecter maintenant" }).click();
    await page.mouse.click(5, 5);
    await row.getByText("Collecte en cours").waitFor();
    assert.equal(await row.getByRole("button").count(), 0);
    await anne.shot("sources-fetching");
    cloud.away = true;
    go();
    await row.getByText("Injoignable pour l’instant").waitFor();
    assert.match(await row.innerText(), /le lieu répond 503/);
    // The next visit is a moment to come, the one that the program keeps to: a minute after a first failure.
    const { next_ms } = (await source("nuage")).fetching;
    assert.ok(next_ms > Date.now() && next_ms < Date.now() + 120_000, String(next_ms - Date.now()));
    const told = await page.evaluate((ms) => new Intl.DateTimeFormat("fr", { dateStyle: "medium", timeStyle: "short" }).format(new Date(ms)), next_ms);
    assert.ok((await row.innerText()).includes("Prochain passage " + told), await row.innerText());
    cloud.away = false;
    await row.getByRole("button", { name: "Collecter maintenant" }).click();
    await page.mouse.click(5, 5);
    await row.getByText("Injoignable").waitFor({ state: "detached" });
    assert.equal((await table()).nuage[2], "1");
  },

  async "the models show what was just asked of them"({ as, writer }) {
    const anne = await as("anne");
    const { page } = anne;
    const usage = async () => {
      await section(anne, "models");
      await page.waitForSelector("#period");
      const mine = (await rows(page, "section tbody")).find((cells) => cells[0] === "anne" && cells[1] === "plume");
      return { requests: Number(/\d+/.exec((await rows(page))[0][5])[0]), mine: mine?.slice(2) ?? ["0", "0", "0", "0", "0, 0", "0.00 EUR"] };
    };
    const before = await usage();
    const asked = writer.asked;
    await anne.open("/conversation");
    await page.waitForSelector("#further");
    await ask(page, OF_THE_OPEN, 1);
    await ask(page, OF_THE_SECRET, 2);
    await page.getByRole("button", { name: "Bonne réponse" }).first().click();
    await page.waitForSelector(".rating [aria-pressed='true']");
    const after = await usage();
    assert.equal(after.requests - before.requests, writer.asked - asked);
    assert.ok(writer.asked >= asked + 2);
    const numbers = ({ mine }) => [...mine.slice(0, 4).map(Number), ...mine[4].split(", ").map((text) => Number(text.replaceAll(/\D/g, "")))];
    const more = numbers(after).map((value, at) => value - numbers(before)[at]);
    const calls = writer.asked - asked;
    // Questions, answered, without an answer, failures, tokens read and written, as the service counts them.
    assert.deepEqual(more, [2, 2, 0, 0, calls * TOKENS_READ, calls * TOKENS_WRITTEN]);
    // A thousand for a million read, five thousand for a million written.
    const cost = ({ mine }) => Number(mine[5].replace(" EUR", "").replace(",", "."));
    assert.ok(Math.abs(cost(after) - cost(before) - calls * (TOKENS_READ * 0.001 + TOKENS_WRITTEN * 0.005)) < 0.011, after.mine[5]);
    assert.match(await page.innerText("#content"), /jugées bonnes\s: 1, mauvaises\s: 0/);
    await anne.shot("models-used");
    await page.selectOption("#period", "1");
    await page.waitForFunction(() => document.querySelector("#period").value === "1" && document.querySelector("section tbody"));
    assert.deepEqual((await rows(page, "section tbody")).find((cells) => cells[0] === "anne" && cells[1] === "plume").slice(2), after.mine);
  },

  async "health says what is well and leads to what is not"({ as }) {
    const anne = await as("anne");
    const { page } = anne;
    await section(anne, "health");
    const check = (name) => page.locator(".check", { hasText: name });
    const badge = (name) => check(name).locator(".badge").innerText();
    assert.equal(await badge("Lecture des sources"), "Bien");
    assert.equal(await badge("Journal"), "Bien");
    assert.equal(await badge("Fichiers non lus"), "À savoir");
    // The worst first.
    const badges = await page.locator(".check .badge").allInnerTexts();
    const rank = ["En panne", "À savoir", "Bien"];
    assert.deepEqual(badges, [...badges].sort((one, other) => rank.indexOf(one) - rank.indexOf(other)));
    const failures = (await api(page, "failures?limit=1000")).body.failures;
    assert.ok(failures.length >= 1);
    assert.match(await check("Fichiers non lus").innerText(), new RegExp(`\\b${failures.length} `));
    await anne.shot("health-attention");
    await check("Fichiers non lus").getByRole("link").click();
    await page.waitForURL(/\/failures$/);
    await page.waitForSelector("tbody tr");
    assert.match(await page.innerText("tbody"), /casse\.pdf\s+Endommagé/);
  },

  async "each setting names the line that declares it, or that it is the default"({ as, file }) {
    const anne = await as("anne");
    await section(anne, "settings");
    const lines = readFileSync(file, "utf8").split("\n");
    const all = await rows(anne.page);
    const declared = all.filter((cells) => cells[2] !== "par défaut");
    assert.ok(declared.length >= 20 && all.length > declared.length, `${declared.length} of ${all.length}`);
    for (const [path, value, origin] of declared) {
      const number = origin.match(/^intramuros\.toml:(\d+)$/)?.[1];
      assert.ok(number, `${path}: ${origin}`);
      const line = lines[number - 1];
      assert.ok(line.startsWith(path.replace(/\[\d+\]$/, "").split(".").at(-1)), `${path} is not declared in line ${number}: ${line}`);
      // Paths are told from the root on.
      const said = line.slice(line.indexOf("=") + 1).trim().replaceAll(/["[\]]/g, "");
      assert.ok(value.replaceAll(/["[\]]/g, "").endsWith(said), `${path} is ${value}, and line ${number} says ${line}`);
    }
    const [, , origin] = all.find(([path]) => path === "server.listen");
    assert.equal(origin, `intramuros.toml:${lines.findIndex((line) => line.startsWith("listen")) + 1}`);
    // What holds and what others might read: no secret, no hash.
    assert.ok(all.every(([, value]) => !/secret|passphrase/i.test(value)));
  },

  async "the journal narrows by person, kind and day"({ as }) {
    const anne = await as("anne");
    const { page } = anne;
    const bruno = await as("bruno");
    await bruno.open("/?q=charte");
    await bruno.page.waitForSelector("#list .hit");
    await bruno.page.locator("#list .title").first().click();
    await bruno.page.waitForSelector("#document h1");
    await section(anne, "journal");
    await page.waitForSelector("tbody tr");
    const columns = async () => { const all = await rows(page); return { all: all.length, who: new Set(all.map((cells) => cells[1])), kinds: new Set(all.map((cells) => cells[2])) }; };
    const everything = await columns();
    assert.ok(everything.who.size > 2 && everything.kinds.size > 3, JSON.stringify([[...everything.who], [...everything.kinds]]));
    const narrow = async (form) => {
      for (const [id, value] of Object.entries(form)) await (id === "kind" ? page.selectOption("#kind", value) : page.fill("#" + id, value));
      await Promise.all([page.waitForEvent("load"), page.getByRole("button", { name: "Filtrer" }).click()]);
      await page.waitForSelector("tbody tr, .teach");
      return columns();
    };
    const his = await narrow({ who: "bruno" });
    assert.deepEqual([...his.who], ["bruno"]);
    assert.ok(his.kinds.size > 1 && his.all < everything.all, JSON.stringify([his.all, ...his.kinds]));
    assert.equal(await page.inputValue("#who"), "bruno");
    const read = await narrow({ kind: "document_read" });
    assert.deepEqual([[...read.who], [...read.kinds]], [["bruno"], ["Document lu"]]);
    assert.ok(read.all >= 1 && read.all < his.all);
    const [year, month, date] = await page.evaluate(() => { const now = new Date(); return [now.getFullYear(), now.getMonth() + 1, now.getDate()]; });
    const day = `${year}-${String(month).padStart(2, "0")}-${String(date).padStart(2, "0")}`;
    assert.equal((await narrow({ day })).all, read.all);
    await anne.shot("journal-narrowed");
    assert.equal((await narrow({ day: "2001-01-01" })).all, 0);
    await page.getByText("Rien de tel dans le journal.").waitFor();
    assert.equal((await narrow({ day: "", who: "personne de ce nom" })).all, 0);
    // A reader reads no journal.
    assert.equal((await api(bruno.page, "journal")).status, 403);
  },

  async "a token does what it was made for, shows its last use, and has an end"({ as, origin }) {
    const anne = await as("anne");
    const { page } = anne;
    await section(anne, "tokens");
    await page.fill("#service-name", "veille");
    await page.getByLabel(GROUP, { exact: true }).check();
    await page.selectOption("#service-days", "30");
    await page.getByRole("button", { name: "Créer le jeton" }).click();
    const token = await page.textContent(".secret");
    await page.getByRole("button", { name: "Terminé" }).click();
    const row = page.locator("tbody tr", { hasText: "veille" });
    const cell = (name) => row.locator(`td[data-name="${name}"]`);
    assert.equal(await cell("Ce qu’il permet").innerText(), "Chercher et lire");
    assert.match(await cell("À qui").innerText(), /Programme\s+direction/);
    assert.equal(await cell("Dernier usage").innerText(), "jamais");
    assert.ok(!(await page.content()).includes(token), "the token is shown once");
    const [ends, expected] = await page.evaluate(async () => {
      const { tokens } = await fetch("/api/v1/tokens?all=true").then((response) => response.json());
      const moment = (ms) => new Intl.DateTimeFormat("fr", { dateStyle: "medium", timeStyle: "short" }).format(new Date(ms));
      const { expires_ms, created_ms } = tokens.find((one) => one.name === "veille");
      return [(expires_ms - created_ms) / 86_400_000, moment(expires_ms)];
    });
    assert.equal(ends, 30);
    assert.equal(await cell("Fin").innerText(), expected);
    // Read: what its group may. Nothing else.
    const program = (path, method = "GET", body = undefined, type = "application/json") => fetch(origin + path, { method, body, headers: { authorization: "Bearer " + token, "content-type": type } });
    const found = await (await program("/api/v1/search?q=astreinte")).json();
    assert.deepEqual(found.results.map((one) => one.path), [`${GROUP}/bareme.md`]);
    assert.equal((await program("/api/v1/people")).status, 403);
    assert.equal((await program("/api/v1/uploads?name=a.txt", "POST", "a", "application/octet-stream")).status, 403);
    assert.equal((await program("/api/v1/tokens", "POST", "{}")).status, 403);
    await until("the use is noted", async () => (await api(page, "tokens?all=true")).body.tokens.find((one) => one.name === "veille").used_ms > Date.now() - 120_000);
    await section(anne, "tokens");
    assert.match(await cell("Dernier usage").innerText(), /\d{2}:\d{2}$/);
    await anne.shot("tokens-used");
    const revoke = row.getByRole("button", { name: /Révoquer/ });
    await revoke.click();
    await row.getByRole("button", { name: /Vraiment/ }).click();
    await row.waitFor({ state: "detached" });
    assert.equal((await program("/api/v1/search?q=astreinte")).status, 401);
  },

  async "a session is seen and ended, and who had it is out at once"({ as, another }) {
    const anne = await as("anne");
    const bruno = await another();
    await bruno.open("/sign-in?next=%2F");
    await bruno.page.fill("#name", "bruno");
    await bruno.page.fill("#passphrase", PASSPHRASE);
    await bruno.page.press("#passphrase", "Enter");
    await bruno.page.waitForURL(bruno.origin + "/");
    await bruno.page.fill("#q", "charte");
    await bruno.page.waitForSelector("#list .hit");
    const [mine] = (await api(bruno.page, "sessions")).body.sessions.filter((one) => one.this);
    await section(anne, "sessions");
    const sessions = await rows(anne.page);
    const row = anne.page.locator("tbody tr", { hasText: "bruno" }).first();
    assert.match(await row.innerText(), /Chrome, Linux[^]*127\.0\.0\.1[^]*Phrase de passe/);
    // Her own can't be ended here.
    assert.equal(await anne.page.locator("tbody tr", { hasText: "cette session" }).getByRole("button").count(), 0);
    await anne.shot("sessions-open");
    // Whoever hears the buttons alone knows whose session each one ends.
    await row.getByRole("button", { name: /^Fermer: bruno/ }).click();
    await row.getByRole("button", { name: /Vraiment/ }).click();
    await until("it is gone", async () => (await rows(anne.page)).length === sessions.length - 1);
    const { body } = await api(anne.page, "sessions?all=true");
    assert.ok(!body.sessions.some((one) => one.id === mine.id), "another session than his was ended");
    assert.equal((await api(bruno.page, "search?q=charte")).status, 401);
    await bruno.page.fill("#q", "charte informatique");
    await bruno.page.waitForURL(/\/sign-in\?next=/);
    await bruno.close();
  },

  async "360 pixels are enough for an organisation, in English too"(visitor) {
    const { as } = visitor;
    const conversation = await sharedConversation(visitor);
    const pages = { bruno: [conversation], emma: ["/documents"], anne: ["/account", "groups", "tokens", "sessions", "sources", "models", "settings", "journal", "health"] };
    for (const [name, paths] of Object.entries(pages)) {
      const { page, open, shot } = await as(name);
      await page.setViewportSize({ width: 360, height: 740 });
      await open("/");
      await page.click("#language");
      await page.waitForFunction(() => document.documentElement.lang === "en");
      for (const path of paths) {
        await open(path.startsWith("/") ? path : "/administration/" + path);
        await page.waitForSelector(".talk .turn, .zone, #content h1");
        await page.waitForTimeout(300);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(over <= 0, `${path} is ${over} pixels too wide`);
        await shot("narrow-english-" + (path === conversation ? "shared" : path.replaceAll("/", "")));
      }
    }
  },
};

/** Pages before anybody has an account. */
export const firstPages = {
  "first-owner": { prepare: async ({ page, open }) => { await open("/"); await page.waitForSelector("#code"); } },
};

let shared = "";

/** The address of a conversation of anne's that is shared; the first who asks makes it. */
async function sharedConversation({ as }) {
  if (shared) return shared;
  const anne = await as("anne");
  await anne.open("/conversation");
  await anne.page.waitForSelector("#further");
  await ask(anne.page, OF_THE_SECRET, 1);
  await anne.page.waitForURL(/\/conversation\/\d+$/);
  await anne.page.getByRole("button", { name: "Partager", exact: true }).click();
  await anne.page.getByText("Partagée : toute personne").waitFor();
  shared = new URL(anne.page.url()).pathname;
  return shared;
}

/** Makes a token under a name, whose secret stands there. */
async function newToken({ page }, prefix, part) {
  await page.fill(`#${prefix}-name`, part);
  await page.locator("form", { has: page.locator(`#${prefix}-name`) }).locator("button.main").click();
  await page.waitForSelector(".secret");
}

/** Pages as they are once there is something on them, and pages that say no. */
export const organisationPages = {
  "uploads-with-rows": { as: "emma", prepare: async ({ page, open }) => {
    await open("/documents");
    await page.waitForSelector("[data-upload='salamandre.txt'][data-state='read']");
    await page.waitForSelector("[data-upload='verrou.pdf'][data-state='failed']");
    // A name that is taken, too.
    await page.setInputFiles("#files", { name: "salamandre.txt", mimeType: "text/plain", buffer: Buffer.from("La salamandre.") });
    await page.waitForSelector(".sending button");
  } },
  "shared-by-other": { as: "bruno", prepare: async (visitor) => { await visitor.open(await sharedConversation(visitor)); await visitor.page.waitForSelector(".withheld"); } },
  "shared-by-me": { as: "anne", prepare: async (visitor) => { await visitor.open(await sharedConversation(visitor)); await visitor.page.waitForSelector(".turn .rating"); } },
  "conversation-gone": { as: "bruno", prepare: async ({ page, open }) => { await open("/conversation/987654"); await page.getByText("Cette conversation n’existe pas").waitFor(); } },
  "document-gone": { as: "bruno", prepare: async ({ page, open }) => { await open("/document/987654"); await page.waitForSelector("#document .empty"); } },
  "no-page": { as: "bruno", prepare: async ({ page, open }) => { await open("/nulle-part"); await page.waitForSelector(".empty h1"); } },
  "no-section": { as: "anne", prepare: async ({ page, open }) => { await open("/administration/nulle"); await page.getByText("Cette page n’existe pas").waitFor(); } },
  "administration-refused": { as: "bruno", prepare: async ({ page, open }) => { await open("/administration"); await page.waitForSelector("main h1"); } },
  "own-token-made": { as: "bruno", prepare: async (visitor) => { await visitor.open("/account"); await visitor.page.waitForSelector("#own-name"); await newToken(visitor, "own", "carnet"); } },
  "service-token-made": { as: "carole", prepare: async (visitor) => { await section(visitor, "tokens"); await newToken(visitor, "service", visitor.name.includes("light") ? "passerelle" : "relais"); } },
  "invitation-made": { as: "anne", prepare: async ({ page, name, ...visitor }) => {
    await section({ page, ...visitor }, "people");
    await page.fill("#name", name.includes("light") ? "claire" : "noé");
    await page.click("form.card button.main");
    await page.waitForSelector(".secret");
  } },
  "groups-with-members": { as: "anne", prepare: async (visitor) => { await section(visitor, "groups"); await visitor.page.waitForSelector(".chips li"); } },
  verdict: { as: "anne", prepare: async ({ page, open }) => { await open(`/administration/access?person=bruno&source=drive&path=${GROUP}/bareme.md`); await page.waitForSelector(".verdict.no"); } },
  "journal-narrowed": { as: "anne", prepare: async ({ page, open }) => { await open("/administration/journal?who=nobody"); await page.waitForSelector(".teach"); } },
  "models-used": { as: "anne", prepare: async (visitor) => { await section(visitor, "models"); await visitor.page.waitForSelector("#period"); } },
  "sign-in-refused": { prepare: async ({ page, open }) => { await open("/sign-in?failed=expired"); await page.waitForSelector("[role=alert]"); } },
  "owner-again": { prepare: async ({ page, open }) => { await open("/sign-in#owner"); await page.waitForSelector("#code"); } },
  "in-clear": { prepare: async ({ page, open }) => {
    await page.addInitScript(() => Object.defineProperty(window, "isSecureContext", { value: false }));
    await open("/sign-in");
    await page.getByText("n’est pas chiffrée").waitFor();
  } },
  "failed-request": { as: "anne", prepare: async ({ page, open }) => {
    await page.route("**/api/v1/search?**", (route) => route.fulfill({ status: 429, contentType: "application/json", body: "{}" }));
    await open("/?q=charte");
    await page.waitForSelector("[role=alert]");
  } },
};
