// What do people expect of a conversation?

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

/** The passage in an open document: in its text, or on its page. */
const MARK = "#document .body mark, #document .pages mark";

const QUESTION = "Quelle est la durée de conservation des factures ?";
const HEAD = ".talk-head h1";

/** Begins a conversation from an answer on the first page. */
async function begin(page, open) {
  await open("/?q=" + encodeURIComponent(QUESTION));
  await page.locator(".go-on a").click();
  await page.waitForURL(/\/conversation\/\d+$/);
  await page.waitForSelector(".turn .statement");
}

export const conversationCases = {
  async "an answer becomes a conversation that goes on"({ page, open, shot }) {
    await begin(page, open);
    assert.equal(await page.textContent(HEAD), QUESTION);
    assert.equal(await page.evaluate(() => document.activeElement.id), "further");
    await page.keyboard.type("Et les congés payés ?");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelectorAll(".turn .rating").length === 2);
    await shot("conversation");
    // The citation opens beside, and the conversation stays.
    await page.locator(".turn .cite").first().click();
    await page.waitForSelector(MARK);
    assert.equal(await page.locator(".talk .turn").count(), 2);
    await shot("conversation-document");
    await page.keyboard.press("Escape");
    await page.waitForURL(/\/conversation\/\d+$/);
    await page.waitForFunction(() => document.getElementById("document").hidden);
    await page.reload();
    await page.waitForFunction(() => document.querySelectorAll(".turn .statement").length >= 2);
  },

  async "conversations are found, named, rated, exported and deleted"({ page, open, shot }) {
    await begin(page, open);
    await page.getByRole("button", { name: "Bonne réponse" }).click();
    await page.waitForSelector(".rating [aria-pressed='true']");
    await page.getByRole("button", { name: "Renommer" }).click();
    await page.fill("#new-title", "Les factures, une fois pour toutes");
    await page.keyboard.press("Enter");
    await page.waitForFunction((head) => document.querySelector(head)?.textContent.startsWith("Les factures"), HEAD);
    assert.equal(await page.locator(".rating [aria-pressed='true']").count(), 1);
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Exporter" }).click()]);
    assert.match(readFileSync(await download.path(), "utf8"), /^# Les factures, une fois pour toutes\n[^]*\/document\//);
    await page.locator(".crumb a").click();
    await page.waitForSelector(".past li");
    await shot("conversations");
    await page.fill("#history-q", "une fois pour toutes");
    await page.waitForFunction(() => document.querySelectorAll(".past li").length === 1);
    await page.locator(".past a").click();
    const remove = page.getByRole("button", { name: "Supprimer" });
    await remove.click();
    await page.getByRole("button", { name: "Supprimer pour de bon" }).click();
    await page.waitForURL(/\/conversations$/);
    await page.waitForFunction(() => ![...document.querySelectorAll(".past a")].some((link) => link.textContent.startsWith("Les factures, une")));
  },

  async "a document is attached to a conversation, asked about, and removed"({ page, open, shot }) {
    await open("/conversation");
    await page.waitForSelector(".attach button");
    const file = (name, text) => ({ name, mimeType: "text/plain", buffer: Buffer.from(text) });
    await page.setInputFiles("#attach-files", file("devis.txt", "Le devis de la toiture s’élève à quatorze mille euros.\n"));
    await page.waitForURL(/\/conversation\/\d+$/);
    await page.waitForSelector("[data-attached='devis.txt'][data-state='read']");
    await page.fill("#further", "À combien s’élève le devis de la toiture ?");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".turn .rating");
    assert.match(await page.textContent(".turn .statement"), /quatorze mille/);
    await shot("conversation-attached");
    await page.locator(".turn .cite").first().click();
    await page.waitForSelector(MARK);
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => document.getElementById("document").hidden);
    // Dropped into the conversation, a second one is there too.
    const dropped = await page.evaluateHandle(() => {
      const data = new DataTransfer();
      data.items.add(new File(["Le second devis est de douze mille euros."], "second.txt", { type: "text/plain" }));
      return data;
    });
    await page.dispatchEvent(".talk", "drop", { dataTransfer: dropped });
    await page.waitForSelector("[data-attached='second.txt'][data-state='read']");
    const remove = page.getByRole("button", { name: "Retirer second.txt" });
    await remove.click();
    await remove.click();
    await page.waitForFunction(() => document.querySelectorAll("[data-attached]").length === 1);
    // Nobody finds it by searching.
    await open("/?q=" + encodeURIComponent("devis toiture"));
    await page.waitForSelector(".empty, #results");
    assert.equal(await page.locator("text=quatorze mille").count(), 0);
  },

  async "a conversation fits into 360 pixels and speaks English"({ page, open, shot }) {
    await begin(page, open);
    await page.setViewportSize({ width: 360, height: 740 });
    await page.click("#language");
    await page.getByRole("button", { name: "Rename" }).waitFor();
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(over <= 0, `${over} pixels too wide`);
    await shot("narrow-conversation");
  },
};

export const conversationPages = {
  "conversation-new": async ({ page, open }) => { await open("/conversation"); await page.waitForSelector(".attach button"); },
  conversation: async ({ page, open }) => begin(page, open),
  conversations: async ({ page, open }) => { await begin(page, open); await open("/conversations"); await page.waitForSelector(".past li"); },
};
