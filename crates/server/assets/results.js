// How are results, facets and empty answers shown?

import { afterFrame, fill, go, h, marked } from "./dom.js";
import { date, either, isoDate, languageName, mailHead, named, number, place, t } from "./words.js";

/** Filters that the page offers as toggles: parameter, facet of the answer, and whether one value excludes others. */
export const FACETS = [
  { name: "kind", list: "kinds", label: (value) => named("kinds", value) },
  { name: "folder", list: "folders", label: (value) => value },
  { name: "language", list: "languages", label: languageName },
  { name: "year", list: "years", label: (value) => value, single: true },
  { name: "source", list: "sources", label: (value) => value },
];

/** Values of a facet that are shown before the rest is folded away. */
const SHOWN_VALUES = 8;

/** The address of a document, with the question kept so that its results stay beside it. */
export function documentAddress(id, marks, query) {
  const parameters = new URLSearchParams(marks);
  for (const [name, value] of query) parameters.append(name, value);
  const text = parameters.toString();
  return `/document/${id}${text ? "?" + text : ""}`;
}

/** Documents in the first frame while somebody types: as many as most windows show. The others come with the next. */
const FIRST_DRAWN = 4;

/** The list of results with what stands above it. */
export function drawResults(element, answer, state, actions) {
  const count = h("p", { class: "count" }, h("span", {}, t("found", { n: answer.total })), " ",
    h("span", { class: "quiet" }, t("in_ms", { ms: Math.max(1, Math.round(answer.took_ms)) })));
  const suggestion = answer.suggestion && h("p", { class: "suggestion" }, t("did_you_mean"), " ",
    go(actions.address(answer.suggestion), { class: "strong" }, answer.suggestion), " ?");
  const first = state.hurry ? answer.results.slice(0, FIRST_DRAWN) : answer.results;
  const list = h("ol", { class: "hits" }, first.map((result) => hit(result, state)));
  const more = answer.more && h("button", { type: "button", class: "wide", on: { click: actions.more } }, t("more"));
  const notices = answer.notices.map((notice) => h("p", { class: "note" }, either(notice)));
  fill(element, h("h1", { class: "hidden" }, t("results")), state.answerPlace, count, notices, suggestion,
    answer.results.length ? list : nothing(state, actions), more);
  if (first.length < answer.results.length) afterFrame(() => list.isConnected && list.append(...answer.results.slice(FIRST_DRAWN).map((result) => hit(result, state))));
}

/** More results below those that are there; returns the first new link. */
export function addResults(element, answer, state, actions) {
  const list = element.querySelector(".hits");
  const items = answer.results.map((result) => hit(result, state));
  list.append(...items);
  element.querySelector("button.wide")?.remove();
  if (answer.more) element.append(h("button", { type: "button", class: "wide", on: { click: actions.more } }, t("more")));
  return items[0]?.querySelector("a");
}

/** One document. */
function hit(result, state) {
  const [first, ...others] = result.passages;
  const address = (passage) => documentAddress(result.id, passage ? { passage: passage.id } : {}, state.query);
  const current = state.open === result.id;
  return h("li", { class: current ? "hit current" : "hit" },
    h("h2", {}, go(address(first), { class: "step title", "data-document": result.id, "aria-current": current && "true" }, result.title)),
    about(result),
    first && passage(first, result.kind, address(first), false),
    others.length > 0 && h("ul", { class: "others", "aria-label": t("more_passages") },
      others.map((other) => h("li", {}, passage(other, result.kind, address(other), true)))));
}

/** Kind, path and date of a document. */
export function about(result) {
  return h("p", { class: "about" },
    result.kind && h("span", { class: "badge" }, named("kinds", result.kind)),
    h("span", { class: "path" }, breakable(result.path)),
    h("time", { datetime: isoDate(result.date_ms) }, date(result.date_ms)),
    result.author && h("span", {}, result.author));
}

/** A path that may break after each folder. */
export function breakable(path) {
  return path.split("/").flatMap((name, index, names) => (index < names.length - 1 ? [name + "/", h("wbr")] : [name]));
}

function passage(found, kind, address, linked) {
  const where = [place(found, kind), found.headings.join(" › ")].filter(Boolean).join(" — ");
  // The head of a mail stands at the beginning of its lines.
  const line = (piece, at, all) => ({ ...piece, text: mailHead(piece.text, kind, at === 0 ? !found.cut_before : all[at - 1].text.endsWith("\n")) });
  const snippet = kind === "mail" ? found.snippet.map(line) : found.snippet;
  const text = [found.cut_before && "… ", marked(snippet), found.cut_after && " …"];
  return h("div", { class: "passage" },
    where && h("p", { class: "where" }, linked ? go(address, { class: "step" }, where) : where),
    h("p", { class: "snippet" }, linked && !where ? go(address, { class: "step" }, text) : text));
}

function nothing(state, actions) {
  const narrowed = FACETS.some((facet) => state.query.has(facet.name));
  return h("div", { class: "empty" },
    h("h2", {}, t("nothing", { q: state.query.get("q") })),
    narrowed && h("p", {}, t("nothing_filters"), " ",
      h("button", { type: "button", class: "text", on: { click: actions.clear } }, t("clear_filters"))),
    h("ul", {}, t("nothing_tips").map((tip) => h("li", {}, tip))));
}

/** The toggles. `all` holds the counts without filters, so that alternatives to a chosen value stay in sight. */
export function drawFacets(element, facets, all, state, toggle) {
  const groups = FACETS.map((facet) => group(facet, facets, all, state, toggle)).filter(Boolean);
  const chosen = FACETS.reduce((sum, facet) => sum + state.query.getAll(facet.name).length, 0);
  element.hidden = groups.length === 0;
  const open = element.querySelector("details")?.open ?? matchMedia("(min-width: 62rem)").matches;
  fill(element, h("details", { open }, h("summary", {}, chosen ? t("filters_on", { n: chosen }) : t("filters")), groups));
}

function group(facet, facets, all, state, toggle) {
  const chosen = state.query.getAll(facet.name);
  const counts = chosen.length ? all[facet.list] : facets[facet.list];
  const values = counts.map((one) => one.value);
  const missing = chosen.filter((value) => !values.includes(value)).map((value) => ({ value, count: null }));
  const list = [...missing, ...counts];
  if (list.length === 0 || (list.length === 1 && chosen.length === 0)) return null;
  const button = (one) => h("li", {}, h("button", {
    type: "button", class: "toggle", "aria-pressed": String(chosen.includes(one.value)), "data-facet": facet.name + "=" + one.value,
    on: { click: () => toggle(facet, one.value) },
  }, h("span", {}, facet.label(one.value)), one.count !== null && h("span", { class: "number" }, number(one.count))));
  const shown = list.slice(0, SHOWN_VALUES);
  const folded = list.slice(SHOWN_VALUES);
  return h("section", { class: "facet" }, h("h2", {}, t(facet.name)),
    h("ul", {}, shown.map(button)),
    folded.length > 0 && h("details", { class: "rest" }, h("summary", {}, t("more")), h("ul", {}, folded.map(button))));
}
