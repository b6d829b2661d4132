// Is everything well, and what needs somebody's hand?

import { api, fill, h } from "./dom.js";
import { detail, learn, learnDetails, named, number, size, t } from "./words.js";

learn({
  section_health: "Santé", health_lead: "Ce qui va, et ce qui demande votre attention.", health_version: "Version {version}",
  health_states: { ok: "Bien", attention: "À savoir", trouble: "En panne" },
  health_names: { reading: "Lecture des sources", words: "Recherche par mots", meaning: "Recherche par le sens", files: "Fichiers non lus", disk: "Place sur le disque", seal: "Scellé du noyau", journal: "Journal", ways_out: "Sorties refusées" },
  well_reading: { one: "Les sources se lisent : {a} fichier connu.", other: "Les sources se lisent : {a} fichiers connus." }, ill_reading: "Une source ne se lit pas. Vérifiez qu’elle est là et que le programme peut la lire ; il réessaie seul.",
  well_words: "Tout ce qui est lu se trouve par ses mots.", ill_words: "Les mots des derniers documents suivent ; la recherche marche déjà.",
  well_meaning: "Tous les passages ({b}) se trouvent aussi par leur sens.", ill_meaning: "{a} passages sur {b} se trouvent par leur sens ; les autres suivent, et se trouvent déjà par leurs mots.",
  well_files: "Tous les fichiers ont été lus.", ill_files: { one: "{a} fichier ou pièce n’a pas été lu ; la liste dit pourquoi.", other: "{a} fichiers ou pièces n’ont pas été lus ; la liste dit pourquoi." },
  well_disk: "{a} libres sur {b}.", ill_disk: "Il ne reste que {a} sur {b} : faites de la place, ou déplacez le dossier de données ([data] folder).",
  well_seal: "Le noyau refuse au programme tout ce qui n’est pas déclaré.", ill_seal: "Le noyau n’impose pas tout ; « perimeter report » dit quoi.",
  well_journal: "Ce qui se passe est écrit, chaîné et signé.", ill_journal: "Rien ne s’écrit dans le journal.",
  well_ways_out: "Rien n’a tenté de sortir sans y être autorisé depuis le démarrage.", ill_ways_out: { one: "{a} tentative de sortie refusée depuis le démarrage ; le journal dit laquelle.", other: "{a} tentatives de sortie refusées depuis le démarrage ; le journal dit lesquelles." },
}, {
  section_health: "Health", health_lead: "What is well, and what needs your attention.", health_version: "Version {version}",
  health_states: { ok: "Well", attention: "Worth knowing", trouble: "Broken" },
  health_names: { reading: "Reading the sources", words: "Search by words", meaning: "Search by meaning", files: "Files not read", disk: "Room on the disk", seal: "Kernel seal", journal: "Journal", ways_out: "Ways out refused" },
  well_reading: { one: "The sources are read: {a} file known.", other: "The sources are read: {a} files known." }, ill_reading: "A source can’t be read. Check that it is there and that the program may read it; it is tried again by itself.",
  well_words: "Everything that was read is found by its words.", ill_words: "The words of the latest documents are catching up; search works already.",
  well_meaning: "All {b} passages are found by their meaning too.", ill_meaning: "{a} of {b} passages are found by their meaning; the others follow, and are found by their words already.",
  well_files: "Every file was read.", ill_files: { one: "{a} file or part was not read; the list says why.", other: "{a} files or parts were not read; the list says why." },
  well_disk: "{a} free of {b}.", ill_disk: "Only {a} of {b} are left: make room, or move the data folder ([data] folder).",
  well_seal: "The kernel refuses the program everything that is not declared.", ill_seal: "The kernel does not enforce everything; “perimeter report” says what.",
  well_journal: "What happens is written down, chained and signed.", ill_journal: "Nothing is written to the journal.",
  well_ways_out: "Nothing tried to leave without a rule since the start.", ill_ways_out: { one: "{a} attempt to leave was refused since the start; the journal says which.", other: "{a} attempts to leave were refused since the start; the journal says which." },
});

/** Where somebody looks further. */
const FURTHER = { files: "/failures", reading: "/administration/sources", journal: "/administration/journal", ways_out: "/administration/journal?kind=egress" };

/** The checks, the worst first. */
export async function drawHealth(content) {
  const [{ checks, version }] = await Promise.all([api("well"), learnDetails()]);
  const rank = { trouble: 0, attention: 1, ok: 2 };
  const shown = (name, value) => (name === "disk" ? size(value) : number(value));
  const row = (one) => {
    const [a, b] = one.numbers.map((value) => shown(one.name, value));
    const name = named("health_names", one.name);
    const further = one.state !== "ok" && FURTHER[one.name];
    return h("li", { class: "check " + one.state },
      h("h2", {}, further ? h("a", { href: further }, name) : name, " ", h("span", { class: "badge" }, named("health_states", one.state))),
      h("p", {}, t((one.state === "ok" ? "well_" : "ill_") + one.name, { n: one.numbers[0], a, b })),
      one.detail && h("p", { class: "quiet" }, detail(one.detail)));
  };
  fill(content,
    h("h1", {}, t("section_health")),
    h("p", { class: "lead" }, t("health_lead")),
    h("ul", { class: "checks" }, [...checks].sort((one, other) => rank[one.state] - rank[other.state]).map(row)),
    h("p", { class: "quiet" }, t("health_version", { version })));
}
