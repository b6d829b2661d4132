// What does the page show for its address, and what do keys and clicks do?
//
// The address says everything: `/?q=…` is a search, `/document/ID?passage=…&q=…` a document with its search beside
// it. Drawing follows from the address, so that links, history and reloading give the same page.

import { clearAnswer, drawAnswer, reads } from "./answer.js";
import { offerWriting, stopWriting } from "./written.js";
import { drawChoice } from "./collections.js";
import { api, byId, fill, go, h, kept } from "./dom.js";
import { drawConversation, drawHistory } from "./conversation.js";
import { drawDocument, fetchDocument } from "./document.js";
import { drawFolder, folderAddress } from "./folders.js";
import { FACETS, addResults, drawFacets, drawResults } from "./results.js";
import { draw as drawStatus, drawFailures, follow, library } from "./status.js";
import { currentLanguage, drawTheme, speak, speakOther, t } from "./words.js";

/** Letters that come closer together than this are searched together; an answer waits for the end of the sentence. */
const SEARCH_EVERY_MS = 25;
const ANSWER_AFTER_MS = 300;

/** A browser does as much for a new address and title as for a key: they follow once the fingers rest. */
const ADDRESS_AFTER_MS = 250;

const PAGE_SIZE = 10;

const box = byId("q");
const among = byId("collection");
const list = byId("list");
const facetsPlace = byId("facets");
const documentPlace = byId("document");
const answerPlace = h("section", { class: "answer", hidden: true, "aria-live": "polite" });

/** What is shown now; `left` is the document that was open last, with its address. */
const shown = { title: "", search: "", document: "", left: null, results: null, all: null, allFor: "", offset: 0, view: "" };
let searching = new AbortController();
let answering = new AbortController();
let opening = new AbortController();
let searchTimer = 0;
let answerTimer = 0;
let lastSearch = 0;
/** Whether the entry of the history was made by typing: further letters change it instead of adding one each. */
let typed = false;
/** What was typed and the address bar does not show yet. */
let coming = null;
let comingTimer = 0;

// ---- the address ----

/** The address that says what is shown. */
const here = () => coming ?? location;

/** The part of the address that is the search. */
function queryOf(parameters) {
  const query = new URLSearchParams();
  if (parameters.get("q")) query.set("q", parameters.get("q"));
  for (const facet of FACETS) for (const value of parameters.getAll(facet.name)) query.append(facet.name, value);
  for (const name of ["after", "before", "collection"]) if (parameters.get(name)) query.set(name, parameters.get(name));
  return query;
}

function readAddress() {
  const { pathname, search } = here();
  const parameters = new URLSearchParams(search);
  const match = pathname.match(/^\/document\/(\d+)$/);
  const marks = new URLSearchParams();
  for (const name of ["passage", "start", "end"]) if (parameters.get(name)) marks.set(name, parameters.get(name));
  const talk = pathname.match(/^\/conversation(?:\/(\d+))?$/);
  const view = match ? "document" : talk ? "conversation"
    : { "/": "search", "/documents": "documents", "/failures": "failures", "/help": "help", "/conversations": "conversations" }[pathname] ?? "missing";
  const conversation = Number(talk?.[1] ?? (match && parameters.get("conversation"))) || null;
  return { view, id: match ? Number(match[1]) : null, marks, query: queryOf(parameters), conversation, ask: talk && parameters.get("ask") };
}

function searchAddress(query) {
  const text = query.toString();
  return text ? "/?" + text : "/";
}

function visit(address, replace) {
  settle();
  history[replace ? "replaceState" : "pushState"](null, "", address);
  return draw();
}

/** Shows what is typed; each letter replaces the one before in the history. */
function visitTyped(address) {
  coming = new URL(address, location.href);
  clearTimeout(comingTimer);
  comingTimer = setTimeout(settle, ADDRESS_AFTER_MS);
  return draw();
}

/** The address bar and the title catch up with what was typed. */
function settle() {
  clearTimeout(comingTimer);
  if (!coming) return;
  history.replaceState(null, "", coming.pathname + coming.search);
  coming = null;
  document.title = shown.title;
}

// ---- drawing ----

async function draw() {
  const at = readAddress();
  if (document.activeElement !== box || !typed) box.value = at.query.get("q") ?? "";
  document.body.dataset.view = at.view;
  drawChoice(among, byId("collection-label"), at.query.get("collection"));
  document.body.classList.toggle("searching", at.query.has("q") || at.view === "document" && at.conversation !== null);
  if (at.view !== "document") closeDocument();
  if (["documents", "failures", "help", "conversations", "missing"].includes(at.view)) return drawSheet(at.view, at);
  const search = at.conversation || at.view === "conversation" ? drawTalk(at) : at.query.has("q") ? drawSearch(at) : drawHome(at);
  await Promise.all([search, at.view === "document" ? openDocument(at) : null]);
}

function title(text) {
  shown.title = text ? `${text} — Intramuros` : "Intramuros";
  if (!coming) document.title = shown.title;
}

function drawHome(at) {
  forget();
  if (at.view === "document") return fill(list);
  title("");
  const { counts, progress } = library();
  const empty = counts && counts.documents === 0;
  const tip = (example, text) => h("li", {}, go(searchAddress(new URLSearchParams({ q: t(example).replaceAll("\u00a0", " ") })), {}, t(example)), h("span", {}, t(text)));
  fill(list, h("div", { class: "home" },
    h("h1", {}, t("title_home")),
    h("p", { class: "lead" }, t("lead")),
    empty
      ? h("div", { class: "empty" }, h("h2", {}, t("empty_library")),
        h("p", {}, t(progress?.phase === "idle" ? "empty_library_text" : "empty_library_reading")))
      : [h("h2", {}, t("try")), h("ul", { class: "tips" },
        tip("example_question", "tip_question"), tip("example_phrase", "tip_phrase"),
        tip("example_filter", "tip_filter"), tip("example_without", "tip_without"))]));
}

function forget() {
  searching.abort();
  answering.abort();
  stopWriting();
  clearTimeout(answerTimer);
  clearAnswer(answerPlace);
  Object.assign(shown, { search: "", results: null });
  facetsPlace.hidden = true;
  fill(facetsPlace);
}

/** A conversation; beside a document it stays as it is. */
async function drawTalk(at, again) {
  const key = "talk " + (at.conversation ?? `${at.query.get("collection") ?? ""} ${at.ask ?? ""}`);
  if (key === shown.search && list.querySelector(".talk") && !again) return;
  forget();
  shown.search = key;
  const actions = { title: (text) => at.view === "conversation" && title(text), visit, again: () => drawTalk(at, true) };
  title(t("conversation"));
  await drawConversation(list, at, actions).catch((failure) => drawFault(list, failure));
}

async function drawSheet(view, at) {
  forget();
  // A folder stays until the next one is there: nothing jumps.
  if (view !== "documents") fill(list);
  if (view === "documents") {
    await drawFolder(list, at.query, title).catch((failure) => drawFault(list, failure));
  } else if (view === "failures") {
    title(t("failures"));
    await drawFailures(list).catch((failure) => drawFault(list, failure));
  } else if (view === "conversations") {
    title(t("conversations"));
    await drawHistory(list, say).catch((failure) => drawFault(list, failure));
  } else if (view === "help") {
    title(t("help"));
    await import("./help.js").then(({ helpPage }) => fill(list, helpPage())).catch((failure) => drawFault(list, failure));
  } else {
    title(t("no_page"));
    fill(list, h("div", { class: "empty" }, h("h1", {}, t("no_page")), go("/", {}, t("to_home"))));
  }
}

function drawFault(element, failure) {
  if (failure.name === "AbortError") return;
  const text = failure.status ? failure.message : t("offline");
  fill(element, h("div", { class: "empty", role: "alert" }, h("h1", {}, t("failed")), h("p", {}, text),
    (failure.hints ?? []).map((hint) => h("p", { class: "quiet" }, hint)),
    h("button", { type: "button", on: { click: () => { shown.search = shown.document = ""; draw(); } } }, t("retry"))));
}

// ---- searching ----

function stateOf(at) {
  return { query: at.query, open: at.id, answerPlace, hurry: typed && scrollY === 0 };
}

async function drawSearch(at, again) {
  const key = at.query.toString();
  if (key === shown.search && shown.results && !again) {
    drawFound(at);
    return;
  }
  searching.abort();
  searching = new AbortController();
  const { signal } = searching;
  shown.search = key;
  shown.offset = 0;
  if (at.view === "search") title(at.query.get("q"));
  planAnswer(at, again);
  const parameters = new URLSearchParams(at.query);
  parameters.set("limit", PAGE_SIZE);
  if (typed) parameters.set("typing", "true");
  try {
    const [results] = await Promise.all([api("search?" + parameters, signal), fetchAll(at, signal)]);
    shown.results = results;
    drawFound(readAddress());
    say(t("found", { n: results.total }));
  } catch (failure) {
    if (failure.name !== "AbortError") shown.search = "";
    drawFault(list, failure);
  }
}

/** Counts without filters: what else could be chosen. */
async function fetchAll(at, signal) {
  const bare = unfiltered(at.query);
  if (!FACETS.some((facet) => at.query.has(facet.name)) || shown.allFor === bare.toString()) return;
  shown.allFor = bare.toString();
  bare.set("limit", 1);
  const answer = await api("search?" + bare, signal).catch((failure) => { shown.allFor = ""; throw failure; });
  shown.all = answer.facets;
}

/** The question in its collection, without filters. */
function unfiltered(query) {
  const bare = new URLSearchParams({ q: query.get("q") });
  if (query.get("collection")) bare.set("collection", query.get("collection"));
  return bare;
}

function drawFound(at) {
  const { results } = shown;
  const state = stateOf(at);
  const narrowed = FACETS.some((facet) => at.query.has(facet.name));
  if (!narrowed) Object.assign(shown, { all: results.facets, allFor: unfiltered(at.query).toString() });
  const focused = document.activeElement?.dataset?.facet;
  drawResults(list, results, state, {
    address: (q) => { const query = new URLSearchParams(at.query); query.set("q", q); return searchAddress(query); },
    clear: () => visit(searchAddress(unfiltered(at.query))),
    more: showMore,
  });
  drawFacets(facetsPlace, results.facets, shown.all ?? results.facets, state, toggle);
  if (focused) facetsPlace.querySelector(`[data-facet="${CSS.escape(focused)}"]`)?.focus();
}

async function showMore() {
  const at = readAddress();
  const parameters = new URLSearchParams(at.query);
  shown.offset += PAGE_SIZE;
  parameters.set("limit", PAGE_SIZE);
  parameters.set("offset", shown.offset);
  try {
    const more = await api("search?" + parameters, searching.signal);
    shown.results = { ...shown.results, results: [...shown.results.results, ...more.results], more: more.more };
    addResults(list, more, stateOf(at), { more: showMore })?.focus();
  } catch (failure) {
    drawFault(list, failure);
  }
}

function toggle(facet, value) {
  const query = readAddress().query;
  const chosen = query.getAll(facet.name);
  query.delete(facet.name);
  const next = chosen.includes(value) ? chosen.filter((one) => one !== value) : facet.single ? [value] : [...chosen, value];
  for (const one of next) query.append(facet.name, one);
  typed = false;
  visit(searchAddress(query));
}

function say(text) {
  byId("said").textContent = text;
}

// ---- answering ----

function planAnswer(at, now) {
  answering.abort();
  stopWriting();
  clearTimeout(answerTimer);
  const q = at.query.get("q");
  if (!reads(q)) return clearAnswer(answerPlace);
  answerPlace.classList.add("stale");
  answerTimer = setTimeout(() => answer(at), now || !typed ? 0 : ANSWER_AFTER_MS);
}

async function answer(at) {
  answering = new AbortController();
  try {
    const given = await api("ask?" + at.query, answering.signal);
    drawAnswer(answerPlace, given, stateOf(at));
    if (given.found) offerWriting(answerPlace, at.query.get("q"), stateOf(at));
  } catch (failure) {
    // The results below still stand.
    if (failure.name !== "AbortError") clearAnswer(answerPlace);
  }
}

// ---- documents ----

/** Whether a document was opened from its folder. */
const inFolder = (at) => !at.query.has("q") && at.query.has("source");

/** What a document was opened from: a conversation, a folder or a search. */
function behind(at) {
  if (at.conversation) return "/conversation/" + at.conversation;
  return inFolder(at) ? folderAddress(at.query.get("source"), at.query.get("folder"), at.query.get("collection")) : searchAddress(at.query);
}

async function openDocument(at) {
  const key = at.id + "?" + at.marks;
  document.body.classList.add("reading");
  if (key === shown.document) return;
  opening.abort();
  opening = new AbortController();
  const { signal } = opening;
  shown.document = key;
  shown.left = { id: at.id, href: location.href };
  const fetch = (more) => fetchDocument(at.id, { ...Object.fromEntries(at.marks), ...more }, signal);
  const options = {
    backTo: behind(at), back: at.query.has("q") || at.conversation ? "back" : inFolder(at) ? "back_folder" : "to_home", asked: at.marks.toString() !== "", marks: at.marks.toString(), exact: at.marks.has("start"), fetch,
    load: async (more) => drawDocument(documentPlace, await fetch(more), options),
  };
  try {
    const answer = await fetch({});
    title(answer.title);
    drawDocument(documentPlace, answer, options);
    say(`${answer.title}. ${answer.marked ? t("passage_marked") : ""}`);
  } catch (failure) {
    if (failure.name === "AbortError") return;
    documentPlace.hidden = false;
    if (failure.status !== 404) return drawFault(documentPlace, failure);
    title(t("no_document"));
    fill(documentPlace, h("div", { class: "empty" }, h("h1", {}, t("no_document")), go(options.backTo, {}, t(options.back))));
  }
}

function closeDocument() {
  opening.abort();
  shown.document = "";
  document.body.classList.remove("reading");
  documentPlace.hidden = true;
  fill(documentPlace);
}

/** The focus goes back to the link that opened the document: its citation, or its result. */
function refocus() {
  const { id, href } = shown.left ?? {};
  const link = [...list.querySelectorAll("a[data-go]")].find((one) => one.href === href) ?? list.querySelector(`[data-document="${id}"]`);
  link?.focus();
}

// ---- what people do ----

function onInput() {
  clearTimeout(searchTimer);
  const wait = lastSearch + SEARCH_EVERY_MS - performance.now();
  // The first letter after a pause is searched at once: nobody waits for a letter that may not come.
  if (wait <= 0) searchNow();
  else searchTimer = setTimeout(searchNow, wait);
}

function searchNow() {
  lastSearch = performance.now();
  const at = readAddress();
  const query = ["search", "document", "documents"].includes(at.view) ? at.query : new URLSearchParams();
  if (among.value) query.set("collection", among.value);
  const q = box.value.trim();
  if (q) query.set("q", q);
  else for (const name of [...query.keys()].filter((name) => name !== "collection")) query.delete(name);
  const follows = typed && at.view === "search";
  typed = true;
  if (follows) visitTyped(searchAddress(query));
  else visit(searchAddress(query));
}

function onSubmit(event) {
  event.preventDefault();
  clearTimeout(searchTimer);
  const query = readAddress().query;
  const q = box.value.trim();
  if (!q) return;
  query.set("q", q);
  // What was typed is an entry of its own from now on.
  const replace = typed;
  typed = false;
  shown.search = "";
  visit(searchAddress(query), replace);
}

/** Another collection: the same question there, without the filters of the one before. */
function onChoice() {
  const at = readAddress();
  const query = new URLSearchParams();
  const q = box.value.trim();
  if (at.view === "documents" && !q) return void visit(folderAddress("", "", among.value));
  if (q && at.view !== "conversation") query.set("q", q);
  if (among.value) query.set("collection", among.value);
  typed = false;
  visit(searchAddress(query));
}

function onClick(event) {
  settle();
  const link = event.target.closest("a[data-go]");
  if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  typed = false;
  const closes = documentPlace.contains(link) && link.matches(".back");
  visit(link.getAttribute("href")).then(() => {
    if (location.pathname === "/" && !location.search) box.focus();
    else if (closes) refocus();
  });
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const inBox = document.activeElement === box;
  const inText = inBox || document.activeElement?.matches("input, textarea, select");
  if (event.key === "/" && !inText) {
    event.preventDefault();
    box.focus();
    box.select();
  } else if (event.key === "Escape") {
    onEscape(inBox);
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    step(event, inBox);
  }
}

function onEscape(inBox) {
  const at = readAddress();
  if (at.view === "document") {
    typed = false;
    visit(behind(at)).then(refocus);
  } else if (inBox && box.value) {
    box.value = "";
    onInput();
  } else {
    box.focus();
  }
}

/** Arrows move through everything that can be opened. */
function step(event, inBox) {
  const steps = [...list.querySelectorAll("a.step")];
  const at = steps.indexOf(document.activeElement);
  if (!inBox && at < 0) return;
  if (inBox && event.key === "ArrowUp") return;
  const next = event.key === "ArrowDown" ? at + 1 : at - 1;
  event.preventDefault();
  if (next < 0) return box.focus();
  steps[Math.min(next, steps.length - 1)]?.focus();
}

// ---- appearance ----

const THEMES = ["auto", "light", "dark"];

function drawTools() {
  drawTheme(byId("theme"), document.documentElement.dataset.theme ?? "auto");
  const language = byId("language");
  language.textContent = t("language_button");
  language.setAttribute("aria-label", `${t("language_button")} — ${t("language_label")}`);
  language.lang = currentLanguage() === "fr" ? "en" : "fr";
}

function changeTheme() {
  const theme = document.documentElement.dataset.theme ?? "auto";
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
  if (next === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  kept("theme", next === "auto" ? null : next);
  drawTools();
}

function changeLanguage() {
  speakOther();
  drawTools();
  drawStatus();
  shown.search = shown.document = "";
  draw();
}

// ---- start ----

speak(document.documentElement.lang);
drawTools();
byId("form").addEventListener("submit", onSubmit);
box.addEventListener("input", onInput);
among.addEventListener("change", onChoice);
byId("theme").addEventListener("click", changeTheme);
byId("language").addEventListener("click", changeLanguage);
addEventListener("click", onClick);
addEventListener("keydown", onKey);
addEventListener("popstate", () => {
  const closes = !documentPlace.hidden;
  clearTimeout(comingTimer);
  coming = null;
  typed = false;
  box.blur();
  draw().then(() => { if (closes && documentPlace.hidden) refocus(); });
});
addEventListener("pagehide", settle);
follow((first) => {
  const at = readAddress();
  if (at.view === "search" && !at.query.has("q")) drawHome(at);
  // New documents may answer too; whoever reads further down is left alone.
  else if (!first && at.view === "search" && shown.results && shown.offset === 0 && !list.contains(document.activeElement)) drawSearch(at, true);
});
draw();
if (readAddress().view === "search" && !("ontouchstart" in window)) box.focus();
