// How do sources and models do, what happened, what is declared, and who may read what?

import { api, byId, fill, h, send } from "./dom.js";
import { complain, failedBeside, field, form, table } from "./own.js";
import { drawUsage } from "./usage.js";
import { detail, learnDetails, moment, named, number, size, t } from "./words.js";

/** While something is fetched the page looks again this soon, and otherwise this often; in milliseconds. */
const SOON = 1500;
const SELDOM = 15_000;

/** What a place outside does, and what its last look came to. */
function fetching(one) {
  const { last, phase, failures, next_ms: next, whole_ms: whole } = one.fetching;
  const busy = phase !== "waiting";
  const counts = last && [
    t("fetched_found", { n: last.found }), t("fetched_new", { n: last.fetched }),
    last.removed > 0 && t("fetched_removed", { n: last.removed }),
    last.unread > 0 && t("fetched_unread", { n: last.unread }),
    last.refused > 0 && t("fetched_refused", { n: last.refused }),
  ].filter(Boolean).join(" · ");
  const troubles = last?.troubles.length > 0 && h("details", {}, h("summary", {}, t("fetch_troubles", { n: last.troubles.length })),
    h("ul", {}, last.troubles.map((trouble) => h("li", { class: "path" }, `${trouble.path}: ${detail(trouble.why)}`))));
  return [
    h("span", {}, named("fetch_phases", phase)),
    counts && h("span", { class: "quiet" }, counts),
    !busy && last?.failure && h("span", { class: "trouble-here" }, named("fetch_failures", last.failure), h("span", { class: "quiet path" }, detail(last.why))),
    !busy && failures > 1 && h("span", { class: "quiet" }, t("fetch_failed_times", { n: failures })),
    troubles,
    whole ? h("span", { class: "quiet" }, t("fetch_whole", { when: moment(whole) })) : !busy && h("span", { class: "quiet" }, t("fetch_never")),
    !busy && next && h("span", { class: "quiet" }, t("fetch_next", { when: moment(next) })),
    !busy && fetchNow(one.name),
  ];
}

function fetchNow(name) {
  const button = h("button", { type: "button", "aria-label": `${t("fetch_now")}: ${name}` }, t("fetch_now"));
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await send("POST", `sources/${encodeURIComponent(name)}/fetch`);
      byId("said").textContent = t("fetch_asked", { name });
    } catch (failure) {
      failedBeside(button, failure);
      button.disabled = false;
    }
  });
  return button;
}

/** Sources and how far they are. */
export async function drawSources(content) {
  const [state] = await Promise.all([api("sources"), learnDetails()]);
  const outside = state.sources.filter((one) => one.fetching);
  if (outside.length) {
    const busy = outside.some((one) => one.fetching.phase !== "waiting");
    const here = location.pathname;
    // What somebody is about to press or read is not taken from under their hands.
    const again = () => {
      if (location.pathname !== here || !content.isConnected) return;
      const held = content.contains(document.activeElement) && document.activeElement.matches("button:not(:disabled), summary");
      if (held || content.querySelector("details[open]")) return void setTimeout(again, SOON);
      drawSources(content).catch(() => setTimeout(again, SELDOM));
    };
    setTimeout(again, busy ? SOON : SELDOM);
  }
  const row = (one) => [
    [h("strong", {}, one.name), h("span", { class: "quiet path" }, one.place || t("undeclared"))],
    one.fetching ? h("div", { class: "fetching" }, fetching(one)) : named("phases", one.phase),
    number(one.documents),
    one.failed.length ? one.failed.map((count) => h("span", { class: "quiet" }, `${number(count.count)} · ${named("reasons", count.value)}`)) : "0",
    named("access_origins", one.access),
  ];
  const meaning = state.passages > 0 ? Math.floor(state.embedded / state.passages * 100) : 100;
  fill(content,
    h("h1", {}, t("section_sources")),
    h("p", { class: "lead" }, t("sources_lead")),
    state.trouble && h("p", { class: "trouble-here" }, t("trouble", { text: detail(state.trouble) })),
    table(t("section_sources"), [t("source"), t("phase"), t("documents_head"), t("not_read_head"), t("rules_from")], state.sources.map(row)),
    h("dl", { class: "facts" },
      h("dt", {}, t("by_words")), h("dd", {}, t(state.words_in_step ? "in_step" : "catching_up")),
      h("dt", {}, t("by_meaning")), h("dd", {}, t("percent_of", { n: meaning, all: state.passages }))));
}

/** How much a model may write, in an answer and for a person. */
const limits = (one) => one.purpose === "answers" && [
  h("span", {}, one.max_tokens === null ? t("answer_tokens_default") : t("answer_tokens", { n: one.max_tokens })),
  h("span", { class: "quiet" }, one.tokens_per_person_per_day === null ? t("day_tokens_none") : t("day_tokens", { n: one.tokens_per_person_per_day })),
];

/** What a model was used for today. */
const today = (used) => used && [
  h("span", {}, t("today_questions", { n: used.questions })),
  h("span", { class: "quiet" }, t("today_tokens", { read: used.prompt_tokens, written: used.completion_tokens })),
  used.failed > 0 && h("span", { class: "quiet" }, t("today_failed", { n: used.failed })),
];

/** Models and their use. */
export async function drawModels(content) {
  const { models } = await api("models");
  const usage = h("section", {});
  const row = (one) => [
    [h("strong", {}, one.name), h("span", { class: "quiet" }, one.place ?? one.kind)],
    named("purposes", one.purpose),
    [h("span", {}, one.operator ?? t("this_machine")), one.jurisdiction && h("span", { class: "quiet" }, one.jurisdiction)],
    limits(one),
    today(one.today),
    [
      h("span", {}, t("asked_refused", { asked: one.allowed, refused: one.refused })),
      h("span", { class: "quiet" }, t("kilobytes", { out: Math.ceil(one.bytes_out / 1000), in: Math.ceil(one.bytes_in / 1000) })),
      h("span", { class: "quiet" }, one.last_ms ? moment(one.last_ms) : t("never_used")),
    ],
  ];
  fill(content,
    h("h1", {}, t("section_models")),
    h("p", { class: "lead" }, t("models_lead")),
    models.length ? table(t("section_models"), [t("model"), t("purpose"), t("operator"), t("limits"), t("today_head"), t("since_start")], models.map(row))
      : h("div", { class: "teach" }, h("p", {}, t("models_empty")),
        h("pre", {}, "[[egress]]\nhost = \"127.0.0.1\"\nport = 8080\npurpose = \"answers\"\ntls = false\n\n[[model]]\nname = \"local\"\nkind = \"open-ai\"\npurpose = \"answers\"\nurl = \"http://127.0.0.1:8080/v1\"")),
    usage);
  await drawUsage(usage);
}

/** What holds and where it is declared. */
export async function drawSettings(content) {
  const { settings, file } = await api("settings");
  const row = (one) => { const cells = [h("code", {}, one.path), h("code", {}, one.value), one.default ? t("by_default") : one.origin]; cells.off = one.default; return cells; };
  fill(content,
    h("h1", {}, t("section_settings")),
    h("p", { class: "lead" }, t(file ? "settings_lead" : "settings_lead_none", { file: file ?? "intramuros.toml" })),
    table(t("section_settings"), [t("setting"), t("value"), t("declared_in")], [...settings.filter((one) => !one.default), ...settings.filter((one) => one.default)].map(row)));
}

const KINDS = ["sign_in", "sign_out", "question", "document_read", "access_refused", "administered", "egress", "kernel_refused", "fetched", "tool_called", "configuration_changed", "exported", "started"];

/** The journal, filtered, the newest first. */
export async function drawJournal(content) {
  const chosen = new URLSearchParams(location.search);
  const query = new URLSearchParams({ limit: 100 });
  for (const name of ["kind", "who", "before"]) if (chosen.get(name)) query.set(name, chosen.get(name));
  if (chosen.get("day")) {
    const day = new Date(chosen.get("day") + "T00:00:00").getTime();
    if (Number.isFinite(day)) { query.set("from_ms", day); query.set("to_ms", day + 86_400_000); }
  }
  const [journal] = await Promise.all([api("journal?" + query), learnDetails()]);
  const row = (one) => [h("time", { datetime: one.time }, moment(Date.parse(one.time))), who(one), named("kinds_of_entry", one.kind), details(one)];
  const older = new URLSearchParams(chosen);
  if (journal.more) older.set("before", journal.next);
  fill(content,
    h("h1", {}, t("section_journal")),
    h("p", { class: "lead" }, t(journal.kept ? "journal_lead" : "journal_none")),
    journal.failure && h("p", { class: "trouble-here" }, detail(journal.failure)),
    journal.kept && h("form", { class: "inline", action: "/administration/journal", method: "get" },
      h("div", { class: "field" }, h("label", { for: "kind" }, t("entry_kind")), h("select", { id: "kind", name: "kind" },
        h("option", { value: "" }, t("all_kinds")), KINDS.map((kind) => h("option", { value: kind, selected: kind === chosen.get("kind") }, named("kinds_of_entry", kind))))),
      field("who", t("who"), { value: chosen.get("who") ?? "", autocomplete: "off" }),
      field("day", t("day"), { type: "date", value: chosen.get("day") ?? "" }),
      h("button", { type: "submit" }, t("filter"))),
    journal.entries.length ? table(t("section_journal"), [t("when"), t("who"), t("entry_kind"), t("detail")], journal.entries.map(row))
      : journal.kept && h("div", { class: "teach" }, h("p", {}, t("journal_empty"))),
    journal.more && h("p", {}, h("a", { class: "button", href: "/administration/journal?" + older }, t("older"))));
}

/** Who did it: a person, or the file in which it is declared. */
function who(entry) {
  return entry.who === "file" && entry.kind.endsWith("_changed") ? t("settings_file") : named("entry_people", entry.who ?? "");
}

/** What happened, in a line of names and values. */
function details({ what, who: by }) {
  const pairs = (fields) => Object.entries(fields ?? {}).filter(([key, one]) => one !== null && one !== "" && !(key === "user" && one === by))
    .map(([key, one]) => t("pair", { key: named("entry_fields", key), value: value(key, one) }));
  const value = (key, one) => {
    if (one === true || one === false) return t(one ? "yes" : "no");
    if (typeof one === "number") return key === "bytes" ? size(one) : PLAIN.has(key) ? String(one) : number(one);
    if (Array.isArray(one)) return one.map((inner) => value(key, inner)).join(", ");
    if (typeof one === "object") return pairs(one).join(", ");
    if (key === "scopes") return one.split(/[ ,]+/).map((scope) => named("entry_values", scope)).join(", ");
    if (NAMES.has(key)) return named("entry_people", one);
    if (/^egress\[\d+\]$/.test(one)) return t("by_rule", { rule: one });
    if (one.startsWith("oidc:")) return t("by_provider", { name: one.slice(5) });
    if (LONG.test(one)) return one.slice(0, 12) + "…";
    const inWords = named("entry_values", `${key}:${one}`, named("entry_values", one));
    return inWords === one ? detail(one) : inWords;
  };
  return h("span", { class: "path" }, pairs(what).join(" · "));
}

/** Numbers that count nothing, and names that somebody chose. */
const PLAIN = new Set(["port", "up_to", "after"]);
const NAMES = new Set(["user", "source", "sources", "path", "host", "address", "from", "name", "person", "people", "group", "token", "hint"]);

/** Hashes and signatures are compared by programs; people tell them apart by their beginning. */
const LONG = /^[0-9a-f]{32,}$/;

/** Can this person read this document, and why? */
export async function drawAccess(content) {
  const [{ sources }, { people }] = await Promise.all([api("sources"), api("people?limit=500")]);
  const asked = new URLSearchParams(location.search);
  const verdict = h("div", { "aria-live": "polite" });
  const look = async (values) => {
    const answer = await api("see-as?" + new URLSearchParams(values));
    drawVerdict(verdict, answer);
    verdict.scrollIntoView({ block: "nearest" });
    history.replaceState(null, "", "/administration/access?" + new URLSearchParams(values));
  };
  fill(content,
    h("h1", {}, t("section_access")),
    h("p", { class: "lead" }, t("access_lead")),
    form([
      field("person", t("person"), { required: true, autocomplete: "off", list: "people", value: asked.get("person") ?? "" }),
      h("datalist", { id: "people" }, people.map((one) => h("option", { value: one.name }))),
      h("div", { class: "field" }, h("label", { for: "source" }, t("source")), h("select", { id: "source", name: "source" },
        sources.map((one) => h("option", { selected: one.name === asked.get("source") }, one.name)))),
      field("path", t("path"), { required: true, autocomplete: "off", value: asked.get("path") ?? "" }, t("path_hint")),
    ], t("see_as"), look, { class: "fields-of card" }),
    verdict);
  if (asked.get("person") && asked.get("path")) {
    await look({ person: asked.get("person"), source: asked.get("source") ?? sources[0]?.name ?? "", path: asked.get("path") }).catch((failure) => complain(verdict, failure));
  }
}

function drawVerdict(place, seen) {
  const { rule } = seen;
  const readers = rule.everyone ? t("everyone") : [...rule.users, ...rule.groups.map((group) => t("the_group", { group }))].join(", ") || t("owner_alone");
  fill(place, h("section", { class: "card wide-card" },
    h("p", { class: seen.allowed ? "verdict" : "verdict no" }, t(seen.allowed ? "can_read" : "can_not_read", { name: seen.person })),
    h("p", {}, t("because_" + seen.by, { groups: seen.through.join(", "), name: seen.person })),
    h("dl", { class: "facts" },
      h("dt", {}, t("document")), h("dd", {}, `${seen.source} / ${seen.path}`),
      h("dt", {}, t("said_by")), h("dd", {}, t("rule_from_" + rule.from, { n: rule.number ?? 0 }), rule.pattern && [" ", h("code", {}, rule.pattern)], rule.line && ` (${t("line", { n: rule.line })})`),
      h("dt", {}, t("readers")), h("dd", {}, readers, rule.only && [h("br"), t("only_members", { members: rule.only.join(", ") || t("nobody") })]),
      h("dt", {}, t("groups_of", { name: seen.person })), h("dd", {}, seen.groups.join(", ") || t("no_groups"))),
    rule.parts_differ && h("p", { class: "quiet" }, t("parts_differ")),
    rule.pending && h("p", { class: "quiet" }, t("rule_pending")),
    !seen.known && h("p", { class: "quiet" }, t("not_read_yet"))));
}
