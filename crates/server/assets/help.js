// How is it asked, and which keys help?

import { h } from "./dom.js";
import { learn, t } from "./words.js";

learn({
  help_search: "Ce que l’on peut taper",
  help_keys: "Au clavier",
  help_rows: [["mots simples", "tous les mots, dans toutes leurs formes, et le sens"], ["\"mots exacts\"", "ces mots, dans cet ordre"], ["-mot", "sans ce mot"], ["titre:bail", "le mot est dans le titre"], ["format:pdf", "un format : pdf, word, slides, sheet, mail, code…"], ["dossier:contrats", "dans ce dossier"], ["langue:fr", "dans cette langue"], ["année:2024", "cette année ; aussi après:2024-05 et avant:2025"]],
  help_key_rows: [["/", "aller à la recherche"], ["↑ ↓", "parcourir les résultats"], ["Entrée", "ouvrir"], ["Échap", "revenir"]],
}, {
  help_search: "What you can type",
  help_keys: "Keyboard",
  help_rows: [["plain words", "all the words, in all their forms, and what they mean"], ["\"exact words\"", "these words, in this order"], ["-word", "without this word"], ["title:lease", "the word stands in the title"], ["kind:pdf", "a kind: pdf, word, slides, sheet, mail, code…"], ["folder:contracts", "in this folder"], ["lang:fr", "in this language"], ["year:2024", "in this year; also after:2024-05 and before:2025"]],
  help_key_rows: [["/", "go to the search box"], ["↑ ↓", "move through the results"], ["Enter", "open"], ["Esc", "go back"]],
});

/** The help, as a page. */
export function helpPage() {
  const rows = (key) => h("dl", {}, t(key).map(([name, text]) => h("div", {}, h("dt", {}, h("kbd", {}, name)), h("dd", {}, text))));
  return h("div", { class: "sheet" }, h("h1", {}, t("help")), h("h2", {}, t("help_search")), rows("help_rows"), h("h2", {}, t("help_keys")), rows("help_key_rows"));
}
