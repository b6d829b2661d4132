// How long after a key are the results drawn, while somebody types in the real page?
//
//   node typing.js ADDRESS
//
// ADDRESS: a page over an index of the size that is of interest, as `cargo run --release -p intramuros-server --example scale --
// 100000 page` serves one (its standard input kept open). Environment: CHROMIUM.

import { chromium } from "playwright-core";

// As people type: a key every 140 ms, on average, in words and questions of both languages.
const KEY_EVERY_MS = 140;
const TYPED = ["congés payés maternité", "durée de conservation des données", "carte grise perdue", "comment renouveler un passeport", "instance storage encryption", "boundary layer heat transfer"];

const address = process.argv[2];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });
const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
await page.goto(address);
await page.waitForSelector(".home h1");
const ready = await page.evaluate(() => performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd);
await page.evaluate(() => {
  window.times = [];
  let since = null;
  document.getElementById("q").addEventListener("input", () => { since = performance.now(); }, true);
  new MutationObserver(() => {
    if (since === null || !document.querySelector("#list .count")) return;
    const begun = since;
    since = null;
    const there = performance.now() - begun;
    // Drawn is what stands after the next frame.
    requestAnimationFrame(() => setTimeout(() => window.times.push({ there, drawn: performance.now() - begun }), 0));
  }).observe(document.getElementById("list"), { childList: true, subtree: true, characterData: true });
});
let keys = 0;
for (const text of TYPED) {
  await page.fill("#q", "");
  await page.waitForTimeout(600);
  await page.focus("#q");
  for (const letter of text) {
    await page.keyboard.type(letter);
    keys += 1;
    await page.waitForTimeout(KEY_EVERY_MS);
  }
}
await page.waitForTimeout(500);
const times = await page.evaluate(() => window.times);
await browser.close();
const at = (name, share) => {
  const sorted = times.map((one) => one[name]).sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))].toFixed(1);
};
console.log(`takes letters after ${ready.toFixed(0)} ms; ${keys} keys, ${times.length} drawings`);
for (const name of ["there", "drawn"]) console.log(`${name}: p50 ${at(name, 0.5)} ms, p90 ${at(name, 0.9)} ms, p99 ${at(name, 0.99)} ms, most ${at(name, 1)} ms`);
