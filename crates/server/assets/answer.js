// What is a question, and how is its answer shown?

import { fill, go, h } from "./dom.js";
import { about, documentAddress } from "./results.js";
import { absentWords, place, t } from "./words.js";

const ASKING = new Set(("qui que quoi quel quelle quels quelles quand comment combien pourquoi où ou qu'est-ce est-ce lequel laquelle puis-je peut-on "
  + "doit-on faut-il ai-je a-t-on who what when where why how which whose can may must should does do is are did will").split(" "));

/** Whether a text reads as a question: it ends in a question mark, or opens with a word that asks and goes on. */
export function reads(text) {
  const plain = text.trim().toLowerCase().replaceAll("’", "'");
  if (plain.length > 3 && plain.endsWith("?")) return true;
  const words = plain.split(/\s+/);
  const first = words[0];
  const asks = ASKING.has(first) || ASKING.has(words[1] ?? "") && ["à", "de", "dans", "pour", "depuis", "in", "for", "at", "on"].includes(first);
  return words.length >= 4 && asks;
}

/** The answer with its citations, or that there is none. */
export function drawAnswer(element, answer, state) {
  element.hidden = false;
  element.classList.remove("stale");
  fill(element, h("h2", {}, t("answer")), answer.found ? found(answer, state) : none(answer, state));
}

/** Takes the answer away. */
export function clearAnswer(element) {
  element.hidden = true;
  fill(element);
}

function address(citation, state) {
  return documentAddress(citation.document.id, { passage: citation.passage, start: citation.start, end: citation.end }, state.query);
}

function found(answer, state) {
  const cited = (statement) => {
    const citation = answer.citations.find((one) => one.number === statement.citation);
    const label = t("citation", { n: citation.number, title: citation.document.title, place: place(citation, citation.document.kind) });
    return h("p", { class: "statement" }, statement.text, " ",
      go(address(citation, state), { class: "cite step", "aria-label": label, title: label }, String(citation.number)));
  };
  return [
    h("div", { class: "statements" }, answer.statements.map(cited)),
    h("h3", {}, t("sources")),
    h("ol", { class: "citations" }, answer.citations.map((citation) => h("li", { value: citation.number },
      go(address(citation, state), { class: "step" }, citation.document.title), " ",
      h("span", { class: "quiet" }, [place(citation, citation.document.kind), citation.headings.at(-1)].filter(Boolean).join(" — "))))),
    h("p", { class: "quiet note" }, t("answer_note")),
    absent(answer.absent),
  ];
}

function absent(said) {
  return said.length > 0 && h("p", { class: "note" }, absentWords(said));
}

function none(answer, state) {
  return [
    h("p", {}, t("answer_none")),
    absent(answer.absent),
    answer.nearest.length > 0 && h("p", { class: "quiet" }, t("answer_nearest")),
    answer.nearest.length > 0 && h("ul", { class: "nearest" }, answer.nearest.map((result) => h("li", {},
      go(documentAddress(result.id, result.passages[0] ? { passage: result.passages[0].id } : {}, state.query), { class: "step" }, result.title),
      about(result)))),
  ];
}
