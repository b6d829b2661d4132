// Which page of accounts is shown for this address, and what is common to all of them?

import { byId, fill, h, kept } from "./dom.js";
import { drawAccount, drawSignIn } from "./own.js";
import { drawGroups, drawPeople, drawSessions, drawTokens } from "./people.js";
import { drawAccess, drawJournal, drawModels, drawSettings, drawSources } from "./state.js";
import { drawHealth } from "./health.js";
import "./account-words.js";
import { administers, who } from "./who.js";
import { currentLanguage, drawTheme, speak, speakOther, t } from "./words.js";

const SECTIONS = {
  people: drawPeople, groups: drawGroups, access: drawAccess, tokens: drawTokens, sessions: drawSessions,
  sources: drawSources, models: drawModels, journal: drawJournal, health: drawHealth, settings: drawSettings,
};

const content = byId("content");

async function draw() {
  const path = location.pathname;
  const match = path.match(/^\/administration(?:\/(\w+))?$/);
  const section = match ? match[1] ?? "people" : null;
  try {
    const session = await who();
    byId("sections").hidden = !match;
    if (match) {
      drawSections(section);
      const known = Object.hasOwn(SECTIONS, section);
      document.title = `${t(known ? "section_" + section : "no_page")} — Intramuros`;
      if (!administers(session)) return location.replace("/sign-in?next=" + encodeURIComponent(path));
      if (known) return await SECTIONS[section](content, session);
      return fill(content, h("h1", {}, t("no_page")), h("p", {}, h("a", { href: "/administration" }, t("administration"))));
    }
    document.title = `${t(path === "/account" ? "signed_in_as" : "sign_in")} — Intramuros`;
    if (path === "/account") return await drawAccount(content, session);
    return drawSignIn(content, session);
  } catch (failure) {
    const text = failure.status ? failure.message : t("offline");
    fill(content, h("div", { class: "empty", role: "alert" }, h("h1", {}, t("failed")), h("p", {}, text),
      h("button", { type: "button", on: { click: draw } }, t("retry"))));
  }
}

function drawSections(current) {
  fill(byId("sections"), h("ul", {}, Object.keys(SECTIONS).map((name) =>
    h("li", {}, h("a", { href: "/administration/" + name, "aria-current": name === current ? "page" : null }, t("section_" + name))))));
}

function drawTools() {
  const language = byId("language");
  language.textContent = t("language_button");
  language.lang = currentLanguage() === "fr" ? "en" : "fr";
  language.setAttribute("aria-label", t("language_label"));
  drawTheme(byId("theme"), kept("theme") ?? "auto");
}

byId("language").addEventListener("click", () => { speakOther(); drawTools(); draw(); });
byId("theme").addEventListener("click", () => {
  const order = ["auto", "light", "dark"];
  const next = order[(order.indexOf(kept("theme") ?? "auto") + 1) % order.length];
  kept("theme", next === "auto" ? null : next);
  if (next === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  drawTools();
});

addEventListener("hashchange", draw);
speak(document.documentElement.lang);
drawTools();
draw();
