// How far is the work, how much is there, and what was not read?

import { api, byId, fill, go, h } from "./dom.js";
import { breakable } from "./results.js";
import { detail, learnDetails, named, number, t, timeLeft } from "./words.js";

/** While documents come in, what is shown follows this often. */
const REFRESH_MS = 700;

let stream = null;
let progress = null;
let counts = null;
let changed = () => {};

/** Follows the work while the page is in sight; `onChange` is called when there is more to be found, with true at first. */
export function follow(onChange) {
  changed = onChange;
  const listen = () => {
    if (document.hidden) {
      stream?.close();
      stream = null;
    } else if (!stream) {
      stream = new EventSource("/api/v1/events");
      stream.addEventListener("progress", (event) => take(JSON.parse(event.data)));
    }
  };
  document.addEventListener("visibilitychange", listen);
  // A browser opens six connections to a server: those that listen are given back when the page goes.
  addEventListener("pagehide", () => { stream?.close(); stream = null; });
  addEventListener("pageshow", listen);
  listen();
  refresh();
}

/** Asks how much there is. */
export async function refresh() {
  try {
    const status = await api("status");
    const first = counts === null;
    counts = status.counts;
    progress = status.progress;
    draw();
    changed(first);
  } catch { /* The next event tries again. */ }
}

export const library = () => ({ counts, progress });

let settle = 0;

function take(next) {
  const before = progress;
  progress = next;
  draw();
  if (next.work?.trouble) learnDetails().then(draw);
  const more = before && (before.words_in_step !== next.words_in_step || before.phase !== next.phase || before.work?.passages !== next.work?.passages);
  if (more && !settle) settle = setTimeout(() => { settle = 0; refresh(); }, REFRESH_MS);
}

/** Draws progress and counts; again after the language changed. */
export function draw() {
  drawProgress(byId("progress"));
  const foot = byId("counts");
  if (!counts) return fill(foot);
  fill(foot, t("documents", { n: counts.documents }),
    counts.failed > 0 && [" · ", go("/failures", {}, t("not_read", { n: counts.failed }))]);
}

function drawProgress(element) {
  const work = progress?.work;
  const lines = [];
  if (work?.trouble) lines.push(h("p", { class: "trouble" }, t("trouble", { text: detail(work.trouble) })));
  if (progress?.phase === "reading" && work?.files_to_read > 0) {
    lines.push(line(t("reading", { done: work.files_done, all: work.files_to_read }), work.files_done, work.files_to_read, work.reading_seconds_left));
  } else if (progress?.phase === "looking") {
    lines.push(line(t("looking")));
  }
  if (work && typeof work.renewing === "number") lines.push(line(t("renewing", { done: work.renewing, all: work.passages }), work.renewing, work.passages, null));
  // Two or three passages that are embedded within a blink need no announcement.
  if (work && work.embedded > 0 && work.passages - work.embedded > 20) {
    lines.push(line(t("embedding", { done: work.embedded, all: work.passages }), work.embedded, work.passages, work.embedding_seconds_left));
  }
  element.hidden = lines.length === 0;
  fill(element, lines);
}

function line(text, done, all, seconds) {
  return h("p", {}, h("progress", { max: all ?? null, value: done ?? null, "aria-label": text }),
    h("span", {}, text), seconds > 1 && h("span", { class: "quiet" }, t("left", { time: timeLeft(seconds) })));
}

/** The page that lists what was not read. */
export async function drawFailures(element, signal) {
  const [answer] = await Promise.all([api("failures?limit=1000", signal), learnDetails()]);
  const rows = answer.failures.map((failure) => h("tr", {},
    h("td", { class: "path", "data-name": t("file") }, breakable(failure.path)),
    h("td", { "data-name": t("reason") }, named("reasons", failure.reason)),
    h("td", { class: "quiet", "data-name": t("detail") }, detail(failure.detail))));
  fill(element, h("div", { class: "sheet" },
    h("h1", {}, t("failures")),
    h("p", { class: "lead" }, t(rows.length ? "failures_lead" : "failures_none")),
    answer.reasons.length > 0 && h("ul", { class: "reasons" }, answer.reasons.map((reason) =>
      h("li", {}, h("strong", {}, number(reason.count)), " ", named("reasons", reason.value)))),
    rows.length > 0 && h("div", { class: "table", role: "region", tabindex: "0", "aria-label": t("failures") },
      h("table", { class: "stack" }, h("thead", {}, h("tr", {}, ["file", "reason", "detail"].map((key) => h("th", { scope: "col" }, t(key))))),
        h("tbody", {}, rows)))));
}
