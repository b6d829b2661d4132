// Which named set of documents is asked?

import { api, fill, h } from "./dom.js";
import { learn, t } from "./words.js";

learn(
  { among: "Chercher dans", among_all: "Tous les documents", about_collection: "Porte sur : {name}", written_here: "rédigé par {model}" },
  { among: "Search in", among_all: "All documents", about_collection: "About: {name}", written_here: "written by {model}" },
);

let known = null;

/** The collections that may be chosen; asked for once. */
export async function collections() {
  known ??= api("collections").then((answer) => answer.collections).catch(() => []);
  return known;
}

/** Fills a select with the choices; hides it, with its label, where there is nothing to choose. */
export async function drawChoice(select, label, chosen) {
  const all = await collections();
  const names = all.map((one) => one.name);
  // Asked for with each letter that is typed.
  const drawn = JSON.stringify([names, chosen, t("among")]);
  if (select.dataset.drawn === drawn) return void (select.value = chosen ?? "");
  select.dataset.drawn = drawn;
  select.hidden = label.hidden = all.length === 0 && !chosen;
  label.textContent = t("among");
  const option = (value, text, title) => {
    const one = h("option", { value, title }, text);
    one.selected = value === (chosen ?? "");
    return one;
  };
  // A collection that is not ours to choose stays in sight: what is shown is what was asked for.
  const strange = chosen && !names.includes(chosen) ? [option(chosen, chosen)] : [];
  fill(select, option("", t("among_all")), strange, all.map((one) => option(one.name, one.name, one.description || null)));
}
