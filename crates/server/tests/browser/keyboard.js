// Can somebody without a mouse ask, go to a source, and go on where they were?

import assert from "node:assert/strict";

const QUESTION = "Quelle est la durée de conservation des factures ?";

/** The passage in an open document: in its text, or on its page. */
const MARK = "#document .body mark, #document .pages mark";

/** What has the focus: what it is, where it leads, and whether one sees that it has it. */
const focus = (page) => page.evaluate(() => {
  const one = document.activeElement;
  const style = getComputedStyle(one);
  const box = one.getBoundingClientRect();
  return {
    tag: one.tagName, id: one.id, name: one.className, href: one.getAttribute("href"), text: one.textContent.slice(0, 80),
    inDocument: Boolean(one.closest("#document")),
    ringed: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== "none",
    inWindow: box.bottom > 0 && box.top < innerHeight && box.width > 0,
  };
});

/** That what has the focus can be seen to have it. */
async function seen(page, what) {
  const now = await focus(page);
  assert.ok(now.ringed && now.inWindow, `${what}: the focus can't be seen on ${JSON.stringify(now)}`);
  return now;
}

/** Presses a key until what has the focus is what one looks for. */
async function pressUntil(page, key, what, is, most = 40) {
  for (let presses = 0; presses < most; presses += 1) {
    await page.keyboard.press(key);
    const now = await seen(page, what);
    if (is(now)) return now;
  }
  throw new Error(`${what} is not reached with ${key}`);
}

const isCite = (now) => /\bcite\b/.test(now.name);

/** Waits until the focus is where it should be; it moves once the page has drawn. */
async function returned(page, href) {
  await page.waitForFunction((href) => document.activeElement.getAttribute("href") === href, href, { timeout: 5_000 }).catch(async () => {
    assert.fail(`the focus is on ${JSON.stringify(await focus(page))} rather than on ${href}`);
  });
  assert.ok(isCite(await seen(page, "the citation")));
}

const closed = (page) => page.waitForFunction(() => document.getElementById("document").hidden);

export const keyboardCases = {
  async "by keyboard alone one asks, follows a citation, opens the document, closes it and goes back to where one was"({ page, open, shot }) {
    // No mouse: whatever it does is a fault of the case.
    await page.addInitScript(() => addEventListener("mousedown", () => { throw new Error("a mouse"); }, true));
    await open("/");
    assert.equal((await seen(page, "the box")).id, "q");
    await page.keyboard.type(QUESTION);
    await page.waitForSelector(".answer .statement");
    await page.waitForURL(/\?q=/);
    const cite = await pressUntil(page, "ArrowDown", "a citation", isCite, 3);
    await shot("keyboard-citation");
    await page.keyboard.press("Enter");
    await page.waitForSelector(MARK);
    await page.waitForFunction(() => document.activeElement.closest("#document"));
    // From the passage one goes back up to what can be done with the document.
    await pressUntil(page, "Shift+Tab", "the way back", (now) => /\bback\b/.test(now.name));
    await page.keyboard.press("Tab");
    assert.ok((await seen(page, "what follows")).inDocument);
    await page.keyboard.press("Escape");
    await closed(page);
    await returned(page, cite.href);
    // By the link, and by the browser's own way back.
    await page.keyboard.press("Enter");
    await page.waitForSelector(MARK);
    await page.waitForFunction(() => document.activeElement.closest("#document"));
    await pressUntil(page, "Shift+Tab", "the way back", (now) => /\bback\b/.test(now.name));
    await page.keyboard.press("Enter");
    await closed(page);
    await returned(page, cite.href);
    await page.keyboard.press("Enter");
    await page.waitForSelector(MARK);
    // Its keys are the browser's, which no page and no test sees.
    await page.goBack();
    await closed(page);
    await returned(page, cite.href);
  },

  async "by keyboard alone one goes on in a conversation, and a closed document gives the focus back"({ page, open }) {
    await open("/?q=" + encodeURIComponent(QUESTION));
    await page.waitForSelector(".go-on a");
    await page.focus("#q");
    await pressUntil(page, "Tab", "going on", (now) => /^\/conversation\?/.test(now.href ?? ""));
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/conversation\/\d+$/);
    await page.waitForFunction(() => document.activeElement.id === "further");
    await seen(page, "the box of the conversation");
    const cite = await pressUntil(page, "Shift+Tab", "a citation", isCite);
    await page.keyboard.press("Enter");
    await page.waitForSelector(MARK);
    await page.waitForFunction(() => document.activeElement.closest("#document"));
    await page.keyboard.press("Escape");
    await closed(page);
    await page.waitForURL(/\/conversation\/\d+$/);
    await returned(page, cite.href);
  },
};
