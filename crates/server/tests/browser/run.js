// Does the page do in a real browser what people expect of it?
//
//   npm ci && npm test
//   node run.js [page | writing | organisation | people | a part of a case's name]
//
// Environment: INTRAMUROS_BINARY (the program; otherwise the newest in the target folder), CHROMIUM (the browser),
// SCREENSHOTS (a folder for pictures of each page), ASSETS (a folder whose files stand for those of the page in the
// program, so that a change of them can be seen without building it), REQUIRED=1 (what is missing is a failure, not a reason to skip).

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { accessiblePages, cases } from "./cases.js";
import { conversationCases, conversationPages } from "./conversations.js";
import { writeDocuments } from "./fixture.js";
import { keyboardCases } from "./keyboard.js";
import { enterOrganisation, firstPages, organisationCases, organisationPages, startWriter, writeOrganisation } from "./organisation.js";
import { ownerState, peopleCases, peoplePages, startCloud, writePeople } from "./people.js";
import { startProConnect } from "./proconnect.js";
import { startProvider } from "./provider.js";
import { startModel, writeModels, writingCases, writingPages } from "./writing.js";

const here = dirname(fileURLToPath(import.meta.url));
const START_MS = 60_000;
const STEP_MS = 20_000;
/** Documents of the fixture that can be read. */
const DOCUMENTS = 21;
const BROWSERS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/snap/bin/chromium"];

function skip(reason) {
  console.log(`browser test skipped: ${reason}`);
  process.exit(process.env.REQUIRED ? 1 : 0);
}

function findBrowser() {
  return process.env.CHROMIUM ?? BROWSERS.find((path) => existsSync(path)) ?? skip("there is no Chromium; install it or set CHROMIUM");
}

function findBinary() {
  if (process.env.INTRAMUROS_BINARY) return process.env.INTRAMUROS_BINARY;
  const target = process.env.CARGO_TARGET_DIR ?? join(here, "../../../../target");
  const found = ["release", "debug"].map((profile) => join(target, profile, "intramuros")).filter((path) => existsSync(path));
  found.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  return found[0] ?? skip("there is no program; run `cargo build` or set INTRAMUROS_BINARY");
}

async function load() {
  try {
    const require = createRequire(import.meta.url);
    const { chromium } = await import("playwright-core");
    return { chromium, axe: readFileSync(require.resolve("axe-core/axe.min.js"), "utf8") };
  } catch {
    return skip("playwright-core and axe-core are not there; run `npm ci` in tests/browser");
  }
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** What ends a server beside the program, with whoever is connected still. */
const shut = (server) => () => { server.close(); server.closeAllConnections(); };

/** The program on a folder of its own; ready once everything can be found. */
async function start(binary, work) {
  const folder = join(work, "documents");
  writeDocuments(folder);
  const port = await freePort();
  const child = spawn(binary, ["serve", folder, "--listen", `127.0.0.1:${port}`, "--data", join(work, "data")], { stdio: ["ignore", "pipe", "pipe"] });
  return { ...(await ready(child, `http://127.0.0.1:${port}`)), folder };
}

/** A started program, once every document of the fixture can be found. */
async function ready(child, origin) {
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => { output += data; });
  const until = Date.now() + START_MS;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the program ended at once:\n${output}`);
    if (Date.now() > until) throw new Error(`not ready in time:\n${output}`);
    const status = await fetch(origin + "/api/v1/status").then((response) => response.json()).catch(() => null);
    const { phase, words_in_step: words, work } = status?.progress ?? {};
    // Each document has a passage: before they are counted, none waits for its meaning.
    const embedded = work?.passages >= DOCUMENTS && work.embedded >= work.passages;
    if (status?.counts.documents >= DOCUMENTS && phase === "idle" && words && embedded) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { child, origin };
}

/** The program with models that write; ready once everything can be found. */
async function startWithModels(binary, work) {
  const [port, modelPort] = [await freePort(), await freePort()];
  writeModels(work, port, modelPort);
  const model = await startModel(modelPort);
  const child = spawn(binary, ["serve", "--config", join(work, "intramuros.toml")], { stdio: ["ignore", "pipe", "pipe"] });
  return { ...(await ready(child, `http://127.0.0.1:${port}`)), model, beside: [shut(model.server)] };
}

/** The program where people sign in, with a provider beside it; ready once it has told the first owner's code. */
async function startWithPeople(binary, work) {
  const port = await freePort();
  const [providerPort, proconnectPort, cloudPort] = [await freePort(), await freePort(), await freePort()];
  const secret = "only for the test";
  writePeople(work, port, { providerPort, proconnectPort, cloudPort }, secret);
  const cloud = startCloud(cloudPort);
  const origin = `http://127.0.0.1:${port}`;
  const provider = await startProvider(providerPort, origin, secret);
  const proconnect = await startProConnect(proconnectPort, origin, secret);
  const child = spawn(binary, ["serve", "--config", join(work, "intramuros.toml")], { stdio: ["ignore", "pipe", "pipe"] });
  const beside = [provider.close, proconnect.close, shut(cloud.server)];
  return { ...(await coded(child, origin)), provider, proconnect, cloud, beside, also: [provider.issuer, proconnect.issuer] };
}

/** A started program where people sign in, once it has told the first owner's code. */
async function coded(child, origin) {
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => { output += data; });
  const until = Date.now() + START_MS;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the program ended at once:\n${output}`);
    if (Date.now() > until) throw new Error(`not ready in time:\n${output}`);
    const healthy = await fetch(origin + "/api/v1/health").then((response) => response.ok).catch(() => false);
    const code = output.match(/\b[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}\b/)?.[0];
    if (healthy && code) return { child, origin, code };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The program for an organisation, with a place outside and a model beside it; ready once it has told the first owner's code. */
async function startWithOrganisation(binary, work) {
  const [port, modelPort, cloudPort] = [await freePort(), await freePort(), await freePort()];
  const file = writeOrganisation(work, port, { modelPort, cloudPort });
  const cloud = startCloud(cloudPort);
  const writer = await startWriter(modelPort);
  const child = spawn(binary, ["serve", "--config", file], { stdio: ["ignore", "pipe", "pipe"] });
  return { ...(await coded(child, `http://127.0.0.1:${port}`)), cloud, writer, file, beside: [shut(cloud.server), shut(writer.server)] };
}

const KINDS = { ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

/** A file of the page from the folder `ASSETS`. */
function fromFolder(route) {
  const { pathname } = new URL(route.request().url());
  const body = readFileSync(join(process.env.ASSETS, basename(pathname)));
  return route.fulfill({ body, contentType: KINDS[extname(pathname)] });
}

/** One page of a new visitor, with what a case needs. */
async function visit(browser, server, name, look) {
  const context = await browser.newContext({ locale: look.locale ?? "fr-FR", colorScheme: look.scheme, viewport: { width: 1280, height: 900 }, reducedMotion: "reduce", storageState: look.state });
  const page = await context.newPage();
  page.setDefaultTimeout(STEP_MS);
  const faults = [];
  // What is not there, or there already, is asked for on purpose; everything else in the console is a fault.
  page.on("console", (message) => { if (message.type() === "error" && !(server.code ? /status of 4\d\d/ : /status of 40[49]/).test(message.text())) faults.push(message.text()); });
  page.on("pageerror", (error) => faults.push(String(error)));
  const others = [];
  const providers = server.also ?? [];
  const known = [server.origin, ...providers];
  // What the provider's own pages ask for is its affair, and gets nothing.
  if (server.provider) await context.route(/^https:/, (route) => route.fulfill({ body: "" }));
  if (process.env.ASSETS) await context.route((url) => url.origin === server.origin && url.pathname.startsWith("/assets/"), fromFolder);
  const theirs = (request) => providers.some((origin) => request.frame().url().startsWith(origin + "/"));
  page.on("request", (request) => { if (!theirs(request) && !known.some((origin) => request.url().startsWith(origin + "/"))) faults.push("asked elsewhere: " + request.url()); });
  const shot = async (part) => {
    if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, `${look.scheme}-${part}.png`) });
  };
  return {
    page, faults, shot, name, origin: server.origin, folder: server.folder,
    open: (path) => page.goto(server.origin + path),
    say: (text) => console.log(`     ${text}`),
    code: server.code, provider: server.provider, proconnect: server.proconnect, cloud: server.cloud, model: server.model,
    file: server.file, writer: server.writer, others,
    another: () => visit(browser, server, name, look),
    /** Somebody else of the organisation, in a browser of their own, which is closed with this one. */
    as: async (person) => { others.push(await visit(browser, server, name, { ...look, state: server.states[person] })); return others.at(-1); },
    close: async () => { for (const other of others) await other.close(); await context.close(); },
  };
}

let failed = 0;

async function attempt(name, browser, server, look, run) {
  const visitor = await visit(browser, server, name, look);
  try {
    await run(visitor);
    const faults = [visitor, ...visitor.others].flatMap((one) => one.faults);
    if (faults.length) throw new Error(faults.join("\n"));
    console.log(`ok   ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}\n     ${String(error?.message ?? error).replaceAll("\n", "\n     ")}`);
    for (const [number, one] of [visitor, ...visitor.others].entries()) await one.shot(`fault-${name.replaceAll(/\W+/g, "-")}${number || ""}`).catch(() => {});
  } finally {
    await visitor.close();
  }
}

/** A line with a word that no French sentence holds. Code and the names of settings are in English. */
const ENGLISH = /^.*\b(the|of|which|this|that|with|from|are|not|unknown|sealed|subject|and)\b.*$/im;

async function checkAccess(axe, visitor, prepare, part) {
  await prepare(visitor);
  await visitor.page.waitForTimeout(300);
  await visitor.shot("page-" + part);
  const english = !["code", "settings"].includes(part) && (await visitor.page.innerText("body")).match(ENGLISH);
  if (english) throw new Error(`a French page speaks English: ${english[0]}`);
  await visitor.page.evaluate(axe);
  const { violations } = await visitor.page.evaluate(() => window.axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  }));
  if (violations.length) {
    const lines = violations.flatMap((violation) => violation.nodes.slice(0, 3).map((node) => `${violation.id}: ${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`));
    throw new Error(lines.join("\n"));
  }
}

/** The cases of each program that is started. `enter` signs people in before its cases and `leave` after them, for its pages. */
const GROUPS = {
  page: { start, cases: { ...cases, ...keyboardCases, ...conversationCases }, pages: { ...accessiblePages, ...conversationPages } },
  writing: { start: startWithModels, cases: writingCases, pages: writingPages },
  organisation: { start: startWithOrganisation, first: firstPages, enter: enterOrganisation, cases: organisationCases, pages: organisationPages },
  people: {
    start: startWithPeople, cases: peopleCases, pages: peoplePages,
    leave: async (browser, server) => {
      const visitor = await visit(browser, server, "owner", { scheme: "light" });
      const owner = await ownerState(visitor);
      await visitor.close();
      return { owner };
    },
  },
};

const pageName = (part, scheme) => `nothing stands in the way on ${part}, ${scheme}`;

/** The cases of one program, if any of them is asked for. */
async function go(browser, axe, name, group, only, work, started) {
  const whole = !only || only === name;
  const wanted = (one) => whole || !Object.hasOwn(GROUPS, only) && one.includes(only);
  const schemes = ["light", "dark"];
  const names = [...Object.keys(group.cases), ...Object.keys({ ...group.first, ...group.pages }).flatMap((part) => schemes.map((scheme) => pageName(part, scheme)))];
  if (!names.some(wanted)) return;
  const server = await group.start(findBinary(), join(work, name));
  started.push(server);
  const look = async (pages) => {
    for (const scheme of schemes) {
      for (const [part, page] of Object.entries(pages)) {
        const { as, prepare } = page.prepare ? page : { prepare: page };
        if (wanted(pageName(part, scheme))) await attempt(pageName(part, scheme), browser, server, { scheme, state: server.states?.[as] }, (visitor) => checkAccess(axe, visitor, prepare, part));
      }
    }
  };
  await look(group.first ?? {});
  if (group.enter) server.states = await group.enter(browser, server);
  for (const [one, run] of Object.entries(group.cases)) {
    if (wanted(one)) await attempt(one, browser, server, { scheme: "light" }, run);
  }
  if (group.leave && whole) server.states = await group.leave(browser, server);
  await look(group.pages);
}

const { chromium, axe } = await load();
const executablePath = findBrowser();
findBinary();
if (process.env.SCREENSHOTS) mkdirSync(process.env.SCREENSHOTS, { recursive: true });
const work = mkdtempSync(join(tmpdir(), "intramuros-browser-"));
const started = [];
let browser;
try {
  browser = await chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });
  for (const [name, group] of Object.entries(GROUPS)) await go(browser, axe, name, group, process.argv[2], work, started);
} finally {
  await browser?.close();
  for (const server of started) {
    server.child.kill("SIGTERM");
    for (const close of server.beside ?? []) close();
  }
  rmSync(work, { recursive: true, force: true, maxRetries: 5 });
}
console.log(failed ? `${failed} failed` : "all passed");
process.exitCode = failed ? 1 : 0;
