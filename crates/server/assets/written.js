// How is an answer shown while it comes, and when it is read again?

import { fill, go, h, said, unreached } from "./dom.js";
import { documentAddress } from "./results.js";
import { absentWords, either, learn, place, t } from "./words.js";

learn(
  {
    tool_search: { zero: "Nouvelle recherche : rien de plus.", one: "Nouvelle recherche : {n} passage de plus.", other: "Nouvelle recherche : {n} passages de plus." },
    tool_open: { zero: "Document ouvert : rien de plus.", one: "Document ouvert : {n} passage de plus.", other: "Document ouvert : {n} passages de plus." },
    tool_list_sources: "Sources listées.", tool_unknown: "Outil inconnu refusé.",
  },
  {
    tool_search: { zero: "Searched again: nothing more.", one: "Searched again: {n} more passage.", other: "Searched again: {n} more passages." },
    tool_open: { zero: "Document opened: nothing more.", one: "Document opened: {n} more passage.", other: "Document opened: {n} more passages." },
    tool_list_sources: "Sources listed.", tool_unknown: "Unknown tool refused.",
  },
);

let writers = null;
let writing = new AbortController();

/** The names of the declared models; asked for once. */
async function declared() {
  if (writers === null) {
    const response = await fetch("/api/v1/status", { headers: { accept: "application/json" } }).catch(() => null);
    writers = response?.ok ? (await response.json()).writers ?? [] : [];
  }
  return writers;
}

/** Stops what is being written. */
export function stopWriting() {
  writing.abort();
}

/** The address that begins a conversation with a question. */
export const beginAddress = (question, collection) =>
  "/conversation?" + new URLSearchParams(collection ? { ask: question, collection } : { ask: question });

/** Offers, below the sentences of the documents, to have an answer written where a model is declared, and to go on. */
export async function offerWriting(element, question, state) {
  stopWriting();
  const [model] = await declared();
  if (element.hidden) return;
  const box = h("div", { class: "written", "aria-live": "polite" });
  const collection = state.query.get("collection") || undefined;
  const write = () => answerTo(box, { question, collection }, state, h("h3", {}, t("written")));
  fill(box, model && h("button", { type: "button", class: "write", on: { click: write } }, t("write", { model })));
  element.append(box, h("p", { class: "go-on" }, go(beginAddress(question, collection), {}, t("go_on"))));
}

/** Asks, and shows the answer while it comes. Gives what the server says of keeping it; nothing when it was stopped. */
export async function answerTo(box, body, state, ...head) {
  stopWriting();
  writing = new AbortController();
  const { signal } = writing;
  const text = h("div", { class: "statements" });
  const draft = h("span", { class: "draft" });
  const note = h("p", { class: "quiet note" });
  const stop = h("button", { type: "button", class: "write", on: { click: () => stopWriting() } }, t("write_stop"));
  fill(box, head, text, note, stop);
  const shown = { text, draft, note, sources: [], line: null, state, kept: null };
  try {
    const response = await fetch("/api/v1/answer", {
      method: "POST", signal, headers: { "content-type": "application/json" }, body: JSON.stringify(body),
    }).catch(unreached);
    if (!response.ok) throw new Error((await said(await response.json().catch(() => null))).message || `${t("failed")} (${response.status}).`);
    for await (const event of events(response.body)) take(shown, event);
  } catch (failure) {
    note.append(failure.name === "AbortError" ? t("write_stopped") : failure.message);
  }
  draft.remove();
  stop.remove();
  return shown.kept;
}

/** An answer that was kept, as far as it may be read. */
export function drawKept(box, turn, state, withheld) {
  const text = h("div", { class: "statements" });
  const note = h("p", { class: "quiet note" });
  fill(box, text, note);
  const shown = { text, draft: h("span", {}), note, sources: turn.citations, line: null, state };
  for (const one of turn.sentences) {
    if (one.withheld) text.append(h("p", { class: "statement withheld" }, withheld));
    else sentence(shown, one);
  }
  if (turn.end.failed) ended(shown, turn.end);
}

/** The events of a stream, with their names. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    const parts = rest.split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const name = /^event: (.*)$/m.exec(part)?.[1];
      const data = /^data: (.*)$/m.exec(part)?.[1];
      if (name && data) yield { name, data: JSON.parse(data) };
    }
  }
}

function take(shown, { name, data }) {
  if (name === "sources") shown.sources = data.citations;
  if (name === "model" || name === "tool" || name === "quoting") {
    fill(shown.text);
    shown.line = null;
    shown.draft.textContent = "";
  }
  if (name === "model" && data.instead_of) shown.note.append(t("pair", { key: data.instead_of.name, value: data.instead_of.why }), " ");
  if (name === "tool") shown.note.append(t("tool_" + (data.name || "unknown"), { n: data.found }), " ");
  if (name === "draft") {
    shown.draft.textContent += data.text;
    shown.text.append(shown.draft);
  }
  if (name === "sentence") sentence(shown, data);
  if (name === "end") ended(shown, data);
  if (name === "kept") shown.kept = data;
}

function sentence(shown, { text, cited, places, unsupported, new_line }) {
  shown.draft.textContent = "";
  if (new_line || !shown.line) {
    shown.line = h("p", { class: "statement" });
    shown.text.append(shown.line);
  }
  const why = unsupported && t("unsupported_" + unsupported.kind.replaceAll("-", "_"), { what: unsupported.what ?? "" });
  const cites = cited.map((number) => {
    const citation = shown.sources.find((one) => one.number === number);
    if (!citation) return null;
    // A source is a whole passage; a sentence cites the part of it that says so.
    const standing = { ...citation, ...places?.find((one) => one.number === number) };
    const { document, passage, start, end } = standing;
    const label = t("citation", { n: number, title: document.title, place: place(standing, document.kind) });
    return go(documentAddress(document.id, { passage, start, end }, shown.state.query), { class: "cite step", "aria-label": label, title: label }, String(number));
  });
  shown.line.append(
    why ? h("span", { class: "unsupported", title: why }, text, " ", h("small", {}, why)) : text, " ", ...cites.filter(Boolean), " ");
}

function ended(shown, end) {
  // Who lost a right while it was written is told that, not that nothing answers.
  const lost = end.notices?.find((one) => one.code === "rights_changed");
  if (lost) return fill(shown.note, either(lost));
  const lines = end.failed.map(([model, why]) => t("pair", { key: model, value: why }));
  if (!end.found) lines.push(t("answer_none"));
  else if (end.model) lines.push(t("written_by", { model: end.model, n: end.supported, all: end.supported + end.unsupported }));
  else lines.push(t("answer_note"));
  if (end.notices) lines.push(...end.notices.map(either));
  if (end.absent?.length) lines.push(absentWords(end.absent));
  if (end.removed) lines.push(t("written_removed", { n: end.unsupported }));
  if (end.cut_short) lines.push(t("written_cut"));
  fill(shown.note, lines.map((line) => [line, h("br", {})]));
}
