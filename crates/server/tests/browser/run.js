// Does the page do in a real browser what people expect of it?
//
//   npm ci && npm test
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
import { ownerState, peopleCases, peoplePages, startCloud, writePeople } from "./people.js";
import { startProConnect } from "./proconnect.js";
import { startProvider } from "./provider.js";
import { startModel, writeModels, writingCases, writingPages } from "./writing.js";

const here = dirname(fileURLToPath(import.meta.url));
const START_MS = 60_000;
const STEP_MS = 20_000;
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
    if (status?.counts.documents >= 21 && status.progress.phase === "idle" && status.progress.words_in_step && status.progress.work.embedded >= status.progress.work.passages) break;
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
  return { ...(await ready(child, `http://127.0.0.1:${port}`)), model };
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
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => { output += data; });
  const until = Date.now() + START_MS;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the program ended at once:\n${output}`);
    if (Date.now() > until) throw new Error(`not ready in time:\n${output}`);
    const healthy = await fetch(origin + "/api/v1/health").then((response) => response.ok).catch(() => false);
    const code = output.match(/\b[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}\b/)?.[0];
    if (healthy && code) return { child, origin, provider, proconnect, cloud, code, also: [provider.issuer, proconnect.issuer] };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
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
  page.on("console", (message) => { if (message.type() === "error" && !(server.provider ? /status of 4\d\d/ : /status of 40[49]/).test(message.text())) faults.push(message.text()); });
  page.on("pageerror", (error) => faults.push(String(error)));
  const others = server.also ?? [];
  const known = [server.origin, ...others];
  // What the provider's own pages ask for is its affair, and gets nothing.
  if (server.provider) await context.route(/^https:/, (route) => route.fulfill({ body: "" }));
  if (process.env.ASSETS) await context.route((url) => url.origin === server.origin && url.pathname.startsWith("/assets/"), fromFolder);
  const theirs = (request) => others.some((origin) => request.frame().url().startsWith(origin + "/"));
  page.on("request", (request) => { if (!theirs(request) && !known.some((origin) => request.url().startsWith(origin + "/"))) faults.push("asked elsewhere: " + request.url()); });
  const shot = async (part) => {
    if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, `${look.scheme}-${part}.png`) });
  };
  return {
    page, faults, shot, name, origin: server.origin, folder: server.folder,
    open: (path) => page.goto(server.origin + path),
    say: (text) => console.log(`     ${text}`),
    code: server.code, provider: server.provider, proconnect: server.proconnect, cloud: server.cloud, model: server.model,
    another: () => visit(browser, server, name, look),
    close: () => context.close(),
  };
}

let failed = 0;

async function attempt(name, browser, server, look, run) {
  const visitor = await visit(browser, server, name, look);
  try {
    await run(visitor);
    if (visitor.faults.length) throw new Error(visitor.faults.join("\n"));
    console.log(`ok   ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}\n     ${String(error?.message ?? error).replaceAll("\n", "\n     ")}`);
    await visitor.shot("fault-" + name.replaceAll(/\W+/g, "-")).catch(() => {});
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

const { chromium, axe } = await load();
const executablePath = findBrowser();
const binary = findBinary();
const only = process.argv[2];
if (process.env.SCREENSHOTS) mkdirSync(process.env.SCREENSHOTS, { recursive: true });
const work = mkdtempSync(join(tmpdir(), "intramuros-browser-"));
let server;
let people;
let models;
let browser;
try {
  server = await start(binary, work);
  browser = await chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });
  for (const [name, run] of Object.entries({ ...cases, ...conversationCases })) {
    if (!only || name.includes(only)) await attempt(name, browser, server, { scheme: "light" }, run);
  }
  for (const scheme of ["light", "dark"]) {
    for (const [part, prepare] of Object.entries({ ...accessiblePages, ...conversationPages })) {
      const name = `nothing stands in the way on ${part}, ${scheme}`;
      if (!only || name.includes(only)) await attempt(name, browser, server, { scheme }, (visitor) => checkAccess(axe, visitor, prepare, part));
    }
  }
  if (!only || only === "writing") {
    models = await startWithModels(binary, join(work, "models"));
    for (const [name, run] of Object.entries(writingCases)) await attempt(name, browser, models, { scheme: "light" }, run);
    for (const scheme of ["light", "dark"]) {
      for (const [part, prepare] of Object.entries(writingPages)) {
        await attempt(`nothing stands in the way on ${part}, ${scheme}`, browser, models, { scheme }, (visitor) => checkAccess(axe, visitor, prepare, part));
      }
    }
  }
  people = await startWithPeople(binary, join(work, "people"));
  for (const [name, run] of Object.entries(peopleCases)) {
    if (!only || only === "people" || name.includes(only)) await attempt(name, browser, people, { scheme: "light" }, run);
  }
  if (!only || only === "people") {
    const visitor = await visit(browser, people, "owner", { scheme: "light" });
    const state = await ownerState(visitor);
    await visitor.close();
    for (const scheme of ["light", "dark"]) {
      for (const [part, { owner, prepare }] of Object.entries(peoplePages)) {
        const name = `nothing stands in the way on ${part}, ${scheme}`;
        await attempt(name, browser, people, { scheme, state: owner ? state : undefined }, (visitor) => checkAccess(axe, visitor, prepare, part));
      }
    }
  }
} finally {
  await browser?.close();
  people?.cloud.server.close();
  people?.provider.close();
  people?.proconnect.close();
  people?.child.kill("SIGTERM");
  models?.child.kill("SIGTERM");
  models?.model.server.close();
  models?.model.server.closeAllConnections();
  server?.child.kill("SIGTERM");
  rmSync(work, { recursive: true, force: true, maxRetries: 5 });
}
console.log(failed ? `${failed} failed` : "all passed");
process.exitCode = failed ? 1 : 0;
