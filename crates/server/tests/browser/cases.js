// What do people expect of the page?

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** The passage in an open document: in its text, or on its page. */
const MARK = "#document .body mark, #document .pages mark";

/** Milliseconds that nobody minds: until the page takes letters, and from a key to its results, in the middle of many. */
const MOST_TO_LETTERS_MS = 1_000;
const MOST_TO_RESULTS_MS = 300;

const QUESTION = "Quelle est la durée de conservation des factures ?";

/** Types a search and waits for its results. */
async function search(page, text) {
  await page.fill("#q", text);
  await page.waitForFunction((q) => new URLSearchParams(location.search).get("q") === q, text);
  await page.waitForFunction(() => !document.querySelector("#list .home") && document.querySelector("#list .hits, #list .empty"));
  await settled(page);
}

/** Waits until no request is under way. Events never end, so `networkidle` would wait for ever. */
async function settled(page) {
  await page.waitForTimeout(450);
}

async function inWindow(page, selector) {
  const box = await page.locator(selector).first().boundingBox();
  const size = page.viewportSize();
  return Boolean(box) && box.y >= 0 && box.y < size.height && box.x >= 0 && box.x < size.width;
}

const titles = (page) => page.locator("#list .hit .title").allTextContents();

export const cases = {
  async "the first page teaches"({ page, open, shot }) {
    await open("/");
    assert.equal(await page.getAttribute("html", "lang"), "fr");
    assert.match(await page.textContent("#list h1"), /murs/);
    await page.waitForSelector("#counts a");
    assert.match(await page.textContent("#counts"), /21 documents · 1 fichier non lu/);
    assert.equal(await page.evaluate(() => document.activeElement.id), "q");
    await shot("home");
    await page.locator(".tips a").first().click();
    await page.waitForSelector("#list .hits, #list .empty");
    assert.match(page.url(), /\?q=/);
  },

  async "results come while one types"({ page, open, shot, say }) {
    await open("/");
    await page.evaluate(() => {
      window.times = [];
      let pressed = 0;
      document.getElementById("q").addEventListener("input", () => { pressed = performance.now(); });
      new MutationObserver(() => { if (pressed) { window.times.push(performance.now() - pressed); pressed = 0; } })
        .observe(document.getElementById("list"), { childList: true, subtree: true });
    });
    await page.locator("#q").pressSequentially("télétra", { delay: 60 });
    await page.locator("#q").fill("");
    await page.locator("#q").pressSequentially("parental lea", { delay: 60 });
    await page.waitForFunction(() => document.querySelector("#list .title")?.textContent.includes("handbook"));
    assert.match(await page.textContent("#list mark"), /[Pp]arental|leave/);
    const times = await page.evaluate(() => window.times.sort((a, b) => a - b));
    const median = times[Math.floor(times.length / 2)];
    say(`from a key to its results: median ${median?.toFixed(0)} ms, worst ${times.at(-1)?.toFixed(0)} ms`);
    // Many times what it takes on a machine with nothing else to do.
    assert.ok(median < MOST_TO_RESULTS_MS, `${median} ms at the median from a key to its results`);
    await shot("typing");
    // Letters do not fill the history: one step back is the first page.
    await page.goBack();
    await page.waitForSelector("#list .home");
  },

  async "facets narrow, widen and go into the address"({ page, open, shot }) {
    await open("/?q=facture");
    await page.waitForSelector("[data-facet='kind=mail']");
    const all = (await titles(page)).length;
    await page.click("[data-facet='kind=mail']");
    await page.waitForFunction(() => location.search.includes("kind=mail"));
    await settled(page);
    assert.equal(await page.getAttribute("[data-facet='kind=mail']", "aria-pressed"), "true");
    assert.equal(await page.evaluate(() => document.activeElement.dataset.facet), "kind=mail");
    assert.deepEqual(await page.locator("#list .badge").allTextContents(), ["Courriel"]);
    await page.click("[data-facet='kind=pdf']");
    await settled(page);
    assert.equal((await titles(page)).length, 2);
    await shot("facet");
    await page.reload();
    await page.waitForSelector("#list .hits");
    await settled(page);
    assert.equal((await titles(page)).length, 2);
    await page.goBack();
    await page.goBack();
    await settled(page);
    assert.equal((await titles(page)).length, all);
  },

  async "a question is answered, and its citation opens the document at the sentence"({ page, open, shot }) {
    await open("/");
    await search(page, QUESTION);
    await page.waitForSelector(".answer .statement");
    assert.match(await page.textContent(".answer"), /dix ans/);
    await shot("answer");
    await page.locator(".answer .cite").first().click();
    await page.waitForSelector(MARK);
    await settled(page);
    assert.match(page.url(), /\/document\/\d+\?passage=\d+&start=\d+&end=\d+/);
    assert.equal(await page.locator("[data-page='1'] mark").count(), 0);
    assert.ok(await page.locator("[data-page='2'] mark").count() > 0, "the sentence is marked on its page");
    assert.ok(await inWindow(page, MARK), "the marked sentence is in sight");
    await page.click("[data-view='text']");
    assert.match((await page.locator("#document .body mark").allTextContents()).join(" "), /dix ans/);
    await page.click("[data-view='pages']");
    await page.waitForSelector(MARK);
    await shot("citation");
    const mark = page.url();
    await page.goBack();
    await page.waitForSelector(".answer .statement");
    await page.goto(mark);
    await page.waitForSelector(MARK);
    assert.ok(await inWindow(page, MARK));
  },

  async "a PDF opens at its page"({ page, open, shot, origin }) {
    await open("/?q=bulletins+de+paie+cinq+ans&kind=pdf");
    await page.waitForSelector("#list .hit");
    assert.match(await page.textContent("#list .where"), /p\. 2|p\. 1–2/);
    await page.locator("#list .title").first().click();
    // As it looks, with the passage marked on its page.
    await page.waitForSelector("#document .pages mark");
    const drawn = (number) => page.waitForFunction((number) => {
      const picture = document.querySelector(`[data-page="${number}"] img`);
      return picture?.complete && picture.naturalWidth >= 600;
    }, number);
    await drawn(2);
    assert.equal(await page.locator("#document [data-page]").count(), 2);
    const [mark, paper] = [await page.locator("[data-page='2'] mark").first().boundingBox(), await page.locator("[data-page='2'] .paper").boundingBox()];
    assert.ok(mark.x > paper.x && mark.x + mark.width < paper.x + paper.width && mark.y > paper.y && mark.y < paper.y + paper.height / 2, "the mark lies on its page");
    assert.ok(await inWindow(page, "#document .pages mark"));
    await shot("pdf-pages");
    // As text, which is remembered.
    await page.click("[data-view='text']");
    await page.waitForSelector("#document .page");
    assert.deepEqual(await page.locator("#document .page").allTextContents(), ["Page 1", "Page 2"]);
    await page.reload();
    await page.waitForSelector("#document .body mark");
    const link = page.locator("#document a.button");
    const address = await link.getAttribute("href");
    assert.match(address, /\/original#page=\d$/);
    const response = await page.request.get(origin + address.split("#")[0]);
    assert.equal(response.headers()["content-type"], "application/pdf");
    assert.match(response.headers()["content-disposition"], /^inline/);
    await shot("pdf");
    await page.click("[data-view='pages']");
    await drawn(2);
    assert.equal(await page.evaluate(() => document.activeElement.dataset.view), "pages", "the choice keeps the focus");
  },

  async "tables, mails and code look like what they are"({ page, open, shot }) {
    await open("/?q=bulletin+de+paie&kind=sheet");
    await page.locator("#list .title").first().click();
    await page.waitForSelector("#document table");
    assert.equal(await page.locator("#document tbody tr").count(), 3);
    await shot("table");
    await open("/?q=factures+fournisseurs&kind=mail");
    await page.locator("#list .title").first().click();
    await page.waitForSelector("#document .fields");
    assert.match(await page.textContent("#document .fields"), /Anne Dupont/);
    await shot("mail");
    await open("/?q=RETENTION_YEARS&kind=code");
    await page.locator("#list .title").first().click();
    await page.waitForSelector("#document pre");
    assert.match(await page.textContent("#document pre"), /RETENTION_YEARS|Counts/);
    assert.ok((await page.locator("#document .code-keyword").allTextContents()).includes("def"), "code is coloured");
    await shot("code");
  },

  async "documents are found by looking through folders"({ page, open, shot }) {
    await open("/");
    await page.click("nav.tools [data-t='documents_title']");
    await page.waitForSelector(".folders");
    const folders = () => page.locator(".folders li a").allTextContents();
    assert.deepEqual(await folders(), ["comptabilite", "courrier", "divers", "juridique", "outils", "people", "reunions"]);
    await shot("folders");
    await page.locator(".folders a", { hasText: "comptabilite" }).click();
    await page.waitForSelector(".crumbs");
    await page.waitForFunction(() => document.querySelectorAll(".browse .hit").length === 2);
    assert.match(page.url(), /folder=comptabilite/);
    assert.match(await page.title(), /^comptabilite/);
    await shot("folder");
    // A document goes back to its folder, and the box searches in it.
    await page.locator(".browse .title").first().click();
    await page.waitForSelector("#document .back");
    await page.click("#document .back");
    await page.waitForFunction(() => document.activeElement?.classList.contains("title"));
    await search(page, "facture");
    await page.waitForSelector("#list .hit");
    assert.ok((await page.locator("#list .path").allTextContents()).every((path) => path.startsWith("comptabilite/")));
    await page.goBack();
    await page.waitForSelector(".browse");
    // From the keyboard, a folder that is not there, and many documents.
    await open("/documents?source=documents&folder=reunions");
    await page.waitForFunction(() => document.querySelectorAll(".browse .hit").length === 14);
    await page.keyboard.press("/");
    await page.keyboard.press("ArrowDown");
    assert.ok(await page.evaluate(() => document.activeElement.matches(".browse a.step")));
    await open("/documents?source=documents&folder=nulle/part");
    await page.waitForSelector(".browse .empty");
  },

  async "text stays text"({ page, open }) {
    await open("/?q=pi%C3%A8ge+hostile");
    await page.locator("#list .title").first().click();
    await page.waitForSelector("#document .body");
    await settled(page);
    assert.match(await page.textContent("#document .body"), /<script>/);
    assert.equal(await page.locator("#document img, #document script").count(), 0);
    assert.notEqual(await page.title(), "owned");
  },

  async "everything can be done from the keyboard"({ page, open }) {
    await open("/help");
    const press = (key) => page.keyboard.press(key);
    const focused = () => page.evaluate(() => document.activeElement.className || document.activeElement.id);
    await press("/");
    assert.equal(await focused(), "q");
    await page.keyboard.type("bail commercial", { delay: 20 });
    await page.waitForSelector("#list .hits");
    await settled(page);
    await press("ArrowDown");
    assert.match(await focused(), /title/);
    await press("Enter");
    await page.waitForSelector(MARK);
    assert.ok(await inWindow(page, MARK));
    await press("Escape");
    await page.waitForSelector("#document", { state: "hidden" });
    await page.waitForFunction(() => document.activeElement.matches(".title"));
    await press("Escape");
    assert.equal(await focused(), "q");
    await press("Escape");
    await page.waitForSelector("#list .home");
    // From the box, a few steps lead to the filters, and the space bar sets one.
    await open("/?q=facture");
    await page.waitForSelector(".toggle");
    await settled(page);
    await page.focus("#q");
    for (let steps = 0; steps < 8 && !/toggle/.test(await focused()); steps += 1) await press("Tab");
    assert.match(await focused(), /toggle/);
    await press("Space");
    await page.waitForFunction(() => /kind=/.test(location.search));
  },

  async "both languages, remembered"({ page, open, shot }) {
    await open("/?q=facture");
    assert.match(await page.textContent("#list .count"), /documents? en/);
    await page.click("#language");
    await page.waitForFunction(() => document.documentElement.lang === "en");
    await settled(page);
    assert.match(await page.textContent("#list .count"), /documents? in/);
    assert.equal(await page.getAttribute("#q", "placeholder"), "Search, or ask a question…");
    await page.reload();
    await page.waitForSelector("#list .hits");
    assert.equal(await page.getAttribute("html", "lang"), "en");
    await search(page, "How many weeks of parental leave are there?");
    await page.waitForSelector(".answer .statement");
    assert.match(await page.textContent(".answer"), /sixteen weeks/);
    await shot("english");
  },

  async "more results, no results, and how to go on"({ page, open, shot }) {
    await open("/?q=calendrier+des+travaux");
    await page.waitForSelector("button.wide");
    assert.equal((await titles(page)).length, 10);
    await page.click("button.wide");
    await page.waitForFunction(() => document.querySelectorAll("#list .hit").length > 10);
    assert.ok((await titles(page)).length >= 14);
    await open("/?q=%22zzyzx+introuvable%22&kind=pdf");
    await page.waitForSelector("#list .empty");
    await shot("nothing");
    await page.click("#list .empty button");
    await page.waitForFunction(() => !location.search.includes("kind"));
    // A word with a slip in it finds what was meant, and the page asks whether it was.
    await open("/?q=parantal+leave");
    await page.waitForSelector("#list .suggestion a");
    assert.match(await page.textContent("#list .suggestion"), /^Vouliez-vous dire\s+parental leave\s+\?$/);
    assert.ok((await titles(page)).some((title) => title.includes("handbook")));
    await page.click("#list .suggestion a");
    await page.waitForFunction(() => new URLSearchParams(location.search).get("q") === "parental leave");
    await page.waitForSelector("#list .suggestion", { state: "detached" });
    await page.waitForSelector("#list .hit");
    await open("/document/987654321");
    await page.waitForSelector("#document .empty");
  },

  async "the first page is light and soon there"({ page, open, say }) {
    await open("/");
    await page.waitForSelector(".home h1");
    const seen = await page.evaluate(() => {
      const loaded = [performance.getEntriesByType("navigation")[0], ...performance.getEntriesByType("resource")];
      const bytes = loaded.filter((one) => !one.name.includes("/api/")).reduce((sum, one) => sum + one.encodedBodySize, 0);
      return { bytes, ready: performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd };
    });
    say(`${Math.round(seen.bytes / 100) / 10} kB compressed, takes letters after ${Math.round(seen.ready)} ms`);
    assert.ok(seen.bytes < 60_000, `${seen.bytes} bytes`);
    assert.ok(seen.ready < MOST_TO_LETTERS_MS, `${seen.ready} ms until it takes letters`);
  },

  async "documents are added by dropping them, and taken away again"({ page, open, shot }) {
    await open("/documents");
    await page.waitForSelector(".zone");
    const file = (name, text) => ({ name, mimeType: "text/plain", buffer: Buffer.from(text) });
    // By choosing.
    await page.setInputFiles("#files", [file("violette.txt", "La violette cornue fleurit en mars.\n"), file("verrou.pdf", "%PDF-1.7 nothing")]);
    await page.waitForSelector("[data-upload='violette.txt'][data-state='read'] a");
    await page.waitForSelector("[data-upload='verrou.pdf'][data-state='failed']");
    await shot("uploads");
    // By dropping, and a name that is taken.
    const drop = async (name, text) => page.evaluate(([name, text]) => {
      const carried = new DataTransfer();
      carried.items.add(new File([text], name, { type: "text/plain" }));
      document.querySelector(".zone").dispatchEvent(new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true }));
    }, [name, text]);
    await drop("violette.txt", "La violette cornue fleurit en avril.\n");
    await page.locator(".sending button", { hasText: "Le remplacer" }).click();
    await page.waitForFunction(() => !document.querySelector(".sending li"));
    await page.waitForSelector("[data-upload='violette.txt'][data-state='read'] a");
    await search(page, "violette cornue");
    await page.waitForSelector("#list .hit");
    assert.match(await page.textContent("#list .snippet"), /avril/);
    // From the keyboard, twice, so that no slip takes a document away.
    await open("/documents");
    for (const name of ["violette.txt", "verrou.pdf"]) {
      const remove = page.locator(`[data-upload='${name}'] button`);
      await remove.focus();
      await page.keyboard.press("Enter");
      await page.keyboard.press("Enter");
      await page.waitForFunction((name) => !document.querySelector(`[data-upload='${name}']`), name);
    }
    await open("/?q=violette+cornue");
    await settled(page);
    assert.equal(await page.locator("#list .hit", { hasText: "violette" }).count(), 0);
  },

  async "what was not read is listed with its reason"({ page, open, shot }) {
    await open("/");
    await page.click("#counts a");
    await page.waitForSelector("table");
    assert.match(await page.textContent("tbody"), /divers\/casse\.pdf\s*Endommagé/);
    await shot("failures");
    await page.click(".brand");
    await page.waitForSelector("#list .home");
  },

  async "a new file is found without reloading"({ page, open, folder }) {
    await open("/?q=ornithorynque");
    await page.waitForSelector("#list .empty, #list .hits");
    writeFileSync(join(folder, "divers/nouveau.txt"), "L'ornithorynque vient d'arriver dans le dossier.\n");
    await page.waitForFunction(() => document.querySelector("#list .title")?.textContent.includes("nouveau"), null, { timeout: 15_000 });
  },

  async "360 pixels are enough"({ page, open, shot }) {
    await page.setViewportSize({ width: 360, height: 740 });
    const pages = { folders: "/documents", folder: "/documents?source=documents&folder=comptabilite", home: "/", results: "/?q=" + encodeURIComponent(QUESTION), failures: "/failures", help: "/help", table: "/?q=bulletin+de+paie&kind=sheet" };
    for (const [name, path] of Object.entries(pages)) {
      await open(path);
      await settled(page);
      if (name === "table") {
        await page.locator("#list .title").first().click();
        await page.waitForSelector("#document table");
      }
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(over <= 0, `${name} is ${over} pixels too wide`);
      await shot("narrow-" + name);
    }
  },

  async "it prints without what only a screen needs"({ page, open, shot }) {
    await open("/?q=" + encodeURIComponent(QUESTION));
    await page.locator("#list .title").first().click();
    await page.waitForSelector(MARK);
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.locator(".top").isVisible(), false);
    assert.equal(await page.locator("#document .body, #document .pages").isVisible(), true);
    await shot("print");
    await page.emulateMedia({ media: "screen" });
  },
};

/** Pages on which nothing may stand in anybody's way. */
export const accessiblePages = {
  home: async ({ open }) => open("/"),
  results: async ({ page, open }) => { await open("/?q=" + encodeURIComponent(QUESTION)); await page.waitForSelector(".answer .statement"); },
  nothing: async ({ page, open }) => { await open("/?q=%22zzyzx+introuvable%22&kind=pdf"); await page.waitForSelector("#list .empty"); },
  folders: async ({ page, open }) => { await open("/documents"); await page.waitForSelector(".zone"); },
  folder: async ({ page, open }) => { await open("/documents?source=documents&folder=comptabilite"); await page.waitForSelector(".browse .hit"); },
  document: async ({ page, open }) => {
    await open("/?q=facture&kind=pdf");
    await page.locator("#list .title").first().click();
    await page.waitForSelector(MARK);
  },
  table: async ({ page, open }) => {
    await open("/?q=bulletin+de+paie&kind=sheet");
    await page.locator("#list .title").first().click();
    await page.waitForSelector("#document table");
  },
  mail: async ({ page, open }) => {
    await open("/?q=armoire&kind=mail");
    await page.locator("#list .title").first().click();
    await page.waitForSelector("#document .fields");
    assert.deepEqual(await page.locator("#document .fields strong").allTextContents(), ["Objet", "De", "À", "Date"]);
    assert.match(await page.textContent("#list .snippet"), /^Objet\s: Archivage[^]*\nDe\s: Anne/);
  },
  code: async ({ page, open }) => {
    await open("/?q=RETENTION_YEARS&kind=code");
    await page.locator("#list .title").first().click();
    await page.waitForSelector("#document pre");
  },
  failures: async ({ page, open }) => { await open("/failures"); await page.waitForSelector("table"); },
  // An address that a link led to, and whose document is gone.
  gone: async ({ page, open }) => { await open("/api/v1/documents/999999/original"); await page.waitForSelector("main h1"); },
  help: async ({ open }) => open("/help"),
};
