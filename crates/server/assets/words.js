// What does the page say, in French and in English?

import { kept, sayWith } from "./dom.js";

const FRENCH = {
  skip: "Aller aux résultats",
  home: "Intramuros, accueil",
  ask: "Chercher ou poser une question",
  placeholder: "Chercher, ou poser une question…",
  tools: "Aide, langue et apparence",
  help: "Aide",
  progress: "Avancement",
  narrow: "Affiner",
  results: "Résultats",
  document: "Document",
  language_button: "English",
  language_label: "Show this page in English",
  theme_auto: "comme l’appareil",
  theme_light: "claire",
  theme_dark: "sombre",
  theme_label: "Apparence : {value}",
  title_home: "Vos documents, entre vos murs",
  lead: "Tapez quelques mots, ou une question entière. Chaque réponse cite le document, la page et la ligne.",
  try: "Pour commencer",
  tip_question: "Une question entière donne une réponse, phrase par phrase, chacune avec sa source.",
  tip_phrase: "Des guillemets cherchent les mots exacts, dans cet ordre.",
  tip_filter: "Un filtre se tape comme un mot : le format, le dossier, la date.",
  tip_without: "Un tiret écarte un mot.",
  example_question: "quelle est la durée de conservation ?",
  example_phrase: "\"période d’essai\"",
  example_filter: "facture format:pdf après:2023",
  example_without: "contrat -brouillon",
  empty_library: "Aucun document pour l’instant",
  empty_library_text: "Déposez des fichiers dans le dossier suivi : ils sont lus aussitôt et apparaissent ici.",
  empty_library_reading: "La lecture commence : les premiers documents arrivent dans un instant.",
  documents: { one: "{n} document", other: "{n} documents" },
  found: { zero: "Aucun document", one: "{n} document", other: "{n} documents" },
  in_ms: "en {ms} ms",
  not_read: { one: "{n} fichier non lu", other: "{n} fichiers non lus" },
  did_you_mean: "Vouliez-vous dire",
  nothing: "Rien ne correspond à « {q} »",
  nothing_tips: ["Essayez des mots plus courants, ou moins de mots.", "Les accents et le pluriel ne comptent pas ; une faute de frappe est tolérée.", "Décrivez l’idée : le sens est cherché aussi, pas seulement les mots."],
  nothing_filters: "Des filtres sont actifs.",
  clear_filters: "Retirer les filtres",
  more: "Afficher la suite",
  more_passages: "Autres passages",
  kind: "Format", folder: "Dossier", language: "Langue", year: "Année", source: "Source",
  filters: "Filtres",
  filters_on: { one: "Filtres ({n} actif)", other: "Filtres ({n} actifs)" },
  kinds: { pdf: "PDF", word: "Texte mis en forme", slides: "Présentation", sheet: "Tableur", html: "Page web", markdown: "Markdown", text: "Texte", data: "Données", book: "Livre", mail: "Courriel", chat: "Conversation", notebook: "Carnet", code: "Code", image: "Image", archive: "Archive" },
  other_language: "Autre",
  page: "p. {n}", pages: "p. {n}–{m}", slide: "diapo {n}", slides: "diapos {n}–{m}", line: "ligne {n}", lines: "lignes {n}–{m}",
  sheet_named: "feuille {name}", row: "ligne {n}", rows: "lignes {n}–{m}",
  page_break: "Page {n}", slide_break: "Diapositive {n}",
  write: "Faire rédiger une réponse ({model})",
  write_stop: "Arrêter",
  write_stopped: "Arrêté.",
  written: "Réponse rédigée",
  written_by: { zero: "Rédigée par {model} ; aucune phrase sur {all} n’est appuyée par les passages.", one: "Rédigée par {model} ; {n} phrase sur {all} est appuyée par les passages.", other: "Rédigée par {model} ; {n} phrases sur {all} sont appuyées par les passages." },
  written_removed: "Phrases sans appui retirées : {n}.",
  written_cut: "La réponse s’arrête faute de place.",
  unsupported_unknown_passage: "cite un passage qui n’existe pas",
  unsupported_number: "le nombre {what} n’est pas dans les passages",
  unsupported_date: "la date {what} n’est pas dans les passages",
  unsupported_name: "le nom {what} n’est pas dans les passages",
  unsupported_negation: "les passages disent le contraire",
  unsupported_not_said: "aucun passage ne le dit",
  answer: "Réponse",
  answer_note: "Phrases reprises telles quelles des documents.",
  answer_none: "Je n’ai pas trouvé de réponse dans vos documents.",
  absent: { one: "{words} ne figure dans aucun des documents consultés.", other: "{words} ne figurent dans aucun des documents consultés." },
  quoted: "« {word} »",
  answer_nearest: "Les documents les plus proches :",
  citation: "Source {n} : {title}, {place}",
  sources: "Sources",
  back: "Retour aux résultats",
  close: "Fermer",
  open_original: "Ouvrir l’original",
  open_original_page: "Original, p. {n}",
  open_outside: "Ouvrir à la source",
  download_original: "Télécharger l’original",
  print: "Imprimer",
  documents_title: "Documents",
  view: "Présentation", as_pages: "Pages", as_text: "Texte",
  page_alt: "Page {n} telle qu’elle se présente ; « Texte » donne ce qu’elle dit",
  page_missing: "Cette page ne peut pas être dessinée ; « Texte » donne ce qui en a été lu.",
  outline: "Plan du document",
  before: "Afficher ce qui précède",
  after: "Afficher ce qui suit",
  to_passage: "Au passage",
  passage_marked: "Passage surligné",
  passage_gone: "Ce passage n’existe plus : le document a été relu depuis.",
  table: "Tableau",
  note: "Note", comment: "Commentaire",
  mail_heads: { Subject: "Objet", From: "De", To: "À", Cc: "Copie", Bcc: "Copie cachée", Date: "Date", Attachment: "Pièce jointe" },
  no_document: "Ce document n’existe pas, ou vous n’y avez pas accès.",
  no_page: "Cette page n’existe pas.",
  to_home: "Revenir à l’accueil",
  failed: "La demande n’a pas abouti",
  pair: "{key} : {value}",
  offline: "Le serveur ne répond pas. Il est peut-être arrêté : relancez-le, puis réessayez.",
  retry: "Réessayer",
  looking: "Parcours des dossiers…",
  reading: "Lecture : {done} fichiers sur {all}",
  embedding: "Recherche par le sens : {done} passages sur {all} — la recherche par mots marche déjà",
  renewing: "Nouveau modèle de sens : {done} passages sur {all} — l’ancien sert en attendant",
  left: "encore {time}",
  trouble: "Un obstacle : {text}",
  failures: "Ce qui n’a pas été lu",
  failures_lead: "Chaque fichier que l’on n’a pas pu lire figure ici avec la raison. Rien n’est passé sous silence.",
  failures_none: "Tout a été lu.",
  file: "Fichier", reason: "Raison", detail: "Détail",
  reasons: { encrypted: "Chiffré : il faut un mot de passe", corrupt: "Endommagé", unsupported: "Format non lu", needs_ocr: "Image de texte : il faut l’OCR (tesseract)", limit: "Dépasse une limite", time: "Trop long à lire", crashed: "La lecture a échoué", empty: "Vide", unreadable: "Accès impossible" },
};

const ENGLISH = {
  skip: "Skip to results",
  home: "Intramuros, home",
  ask: "Search or ask a question",
  placeholder: "Search, or ask a question…",
  tools: "Help, language and appearance",
  help: "Help",
  progress: "Progress",
  narrow: "Narrow down",
  results: "Results",
  document: "Document",
  language_button: "Français",
  language_label: "Afficher cette page en français",
  theme_auto: "as on this device",
  theme_light: "light",
  theme_dark: "dark",
  theme_label: "Appearance: {value}",
  title_home: "Your documents, inside your walls",
  lead: "Type a few words, or a whole question. Every answer cites the document, the page and the line.",
  try: "To begin",
  tip_question: "A whole question gives an answer, sentence by sentence, each with its source.",
  tip_phrase: "Quotation marks look for the exact words, in this order.",
  tip_filter: "A filter is typed like a word: the kind, the folder, the date.",
  tip_without: "A dash leaves a word out.",
  example_question: "how long are invoices kept?",
  example_phrase: "\"trial period\"",
  example_filter: "invoice kind:pdf after:2023",
  example_without: "contract -draft",
  empty_library: "No document yet",
  empty_library_text: "Put files into the folder that is followed: they are read at once and appear here.",
  empty_library_reading: "Reading has begun: the first documents arrive in a moment.",
  documents: { one: "{n} document", other: "{n} documents" },
  found: { zero: "No document", one: "{n} document", other: "{n} documents" },
  in_ms: "in {ms} ms",
  not_read: { one: "{n} file not read", other: "{n} files not read" },
  did_you_mean: "Did you mean",
  nothing: "Nothing matches “{q}”",
  nothing_tips: ["Try more common words, or fewer of them.", "Accents and plurals do not matter; one typo is forgiven.", "Describe the idea: meaning is searched too, not only words."],
  nothing_filters: "Filters are on.",
  clear_filters: "Remove the filters",
  more: "Show more",
  more_passages: "More passages",
  kind: "Kind", folder: "Folder", language: "Language", year: "Year", source: "Source",
  filters: "Filters",
  filters_on: { one: "Filters ({n} on)", other: "Filters ({n} on)" },
  kinds: { pdf: "PDF", word: "Word processing", slides: "Slides", sheet: "Spreadsheet", html: "Web page", markdown: "Markdown", text: "Text", data: "Data", book: "Book", mail: "Mail", chat: "Conversation", notebook: "Notebook", code: "Code", image: "Image", archive: "Archive" },
  other_language: "Other",
  page: "p. {n}", pages: "pp. {n}–{m}", slide: "slide {n}", slides: "slides {n}–{m}", line: "line {n}", lines: "lines {n}–{m}",
  sheet_named: "sheet {name}", row: "row {n}", rows: "rows {n}–{m}",
  page_break: "Page {n}", slide_break: "Slide {n}",
  write: "Have an answer written ({model})",
  write_stop: "Stop",
  write_stopped: "Stopped.",
  written: "Written answer",
  written_by: { one: "Written by {model}; {n} of its {all} sentences is supported by the passages.", other: "Written by {model}; {n} of {all} sentences are supported by the passages." },
  written_removed: "Unsupported sentences removed: {n}.",
  written_cut: "The answer ends for lack of room.",
  unsupported_unknown_passage: "cites a passage that does not exist",
  unsupported_number: "the number {what} is not in the passages",
  unsupported_date: "the date {what} is not in the passages",
  unsupported_name: "the name {what} is not in the passages",
  unsupported_negation: "the passages say the contrary",
  unsupported_not_said: "no passage says so",
  answer: "Answer",
  answer_note: "Sentences exactly as they stand in the documents.",
  answer_none: "I did not find an answer in your documents.",
  absent: { one: "{words} stands in none of the documents searched.", other: "{words} stand in none of the documents searched." },
  quoted: "“{word}”",
  answer_nearest: "The nearest documents:",
  citation: "Source {n}: {title}, {place}",
  sources: "Sources",
  back: "Back to the results",
  close: "Close",
  open_original: "Open the original",
  open_original_page: "Original, p. {n}",
  open_outside: "Open at its source",
  download_original: "Download the original",
  print: "Print",
  documents_title: "Documents",
  view: "View", as_pages: "Pages", as_text: "Text",
  page_alt: "Page {n} as it looks; “Text” gives what it says",
  page_missing: "This page can’t be drawn; “Text” gives what was read from it.",
  outline: "Outline",
  before: "Show what comes before",
  after: "Show what follows",
  to_passage: "To the passage",
  passage_marked: "Passage highlighted",
  passage_gone: "This passage is not there any more: the document was read again since.",
  table: "Table",
  note: "Note", comment: "Comment",
  mail_heads: {},
  no_document: "There is no such document, or it is not yours to read.",
  no_page: "There is no such page.",
  to_home: "Back to the start",
  failed: "The request failed",
  pair: "{key}: {value}",
  offline: "The server does not answer. It may have stopped: start it, then try again.",
  retry: "Try again",
  looking: "Looking through the folders…",
  reading: "Reading: {done} of {all} files",
  embedding: "Search by meaning: {done} of {all} passages — search by words works already",
  renewing: "New model of meaning: {done} passages of {all} — the earlier one serves meanwhile",
  left: "{time} left",
  trouble: "Something is in the way: {text}",
  failures: "What was not read",
  failures_lead: "Every file that could not be read is listed here with its reason. Nothing is left out silently.",
  failures_none: "Everything was read.",
  file: "File", reason: "Reason", detail: "Detail",
  reasons: { encrypted: "Encrypted: a password is needed", corrupt: "Damaged", unsupported: "Format not read", needs_ocr: "Picture of text: OCR (tesseract) is needed", limit: "Over a limit", time: "Took too long", crashed: "The reader failed", empty: "Empty", unreadable: "Can’t be opened" },
};

let words = ENGLISH;
let tag = "en";
let plural, whole, day, duration, languages;

/** Speaks the language of the document element from now on. */
export function speak(language) {
  tag = language;
  words = language === "fr" ? FRENCH : ENGLISH;
  document.documentElement.lang = language;
  plural = new Intl.PluralRules(tag);
  whole = new Intl.NumberFormat(tag, { maximumFractionDigits: 0 });
  day = new Intl.DateTimeFormat(tag, { dateStyle: "medium", timeZone: "UTC" });
  languages = new Intl.DisplayNames(tag, { type: "language" });
  duration = (unit, value) => new Intl.NumberFormat(tag, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 0 }).format(value);
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll("[data-t-label]")) element.setAttribute("aria-label", t(element.dataset.tLabel));
  for (const element of document.querySelectorAll("[data-t-placeholder]")) element.placeholder = t(element.dataset.tPlaceholder);
}

/** Learns the words of further pages. */
export function learn(french, english) {
  Object.assign(FRENCH, french);
  Object.assign(ENGLISH, english);
}

let french = (text) => text;

/** Fetches the French for what the program says of places and files, where it is shown. */
export async function learnDetails() {
  if (tag === "fr") await import("./details-fr.js").then((found) => { french = found.inFrench; }, () => {});
}

/** What the program says of a place or a file, in the language of the page. */
export function detail(text) {
  return tag === "fr" ? french(text) : text;
}

sayWith(async (text, status) => {
  if (!text) return status ? `${t("failed")} (${status}).` : t("offline");
  await learnDetails();
  return detail(text);
});

/** What the button of the appearance shows and says. */
export function drawTheme(button, theme) {
  const label = t("theme_label", { value: t("theme_" + theme) });
  button.textContent = { auto: "◐", light: "☀\ufe0e", dark: "☾" }[theme];
  button.setAttribute("aria-label", label);
  button.title = label;
}

/** Changes to the other language and remembers it. */
export function speakOther() {
  const other = tag === "fr" ? "en" : "fr";
  kept("language", other);
  speak(other);
}

/** In French a sign that stands apart stays on the line of its word. */
const bound = (text) => text.replace(/ (?=[:;?!»])|(?<=«) /g, "\u00a0");

/** The words for a key, with values put in. A value `n` chooses between plural forms. */
export function t(key, values = {}) {
  let text = words[key];
  if (text && typeof text === "object" && !Array.isArray(text)) {
    const count = Number(values.n);
    text = (count === 0 && text.zero) || text[plural.select(count)] || text.other;
  }
  if (typeof text !== "string") return text ?? key;
  if (tag === "fr") text = bound(text);
  return text.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "number" ? whole.format(value) : value ?? "";
  });
}

/** A mail's text with the names of its head in the language of the page; it is kept as programs write it. */
export const mailHead = (text, kind, begins = true) => kind !== "mail" || tag !== "fr" ? text
  : text.replace(begins ? /^(\w+): /gm : /(?<=\n)(\w+): /g, (whole, name) => Object.hasOwn(words.mail_heads, name) ? t("pair", { key: words.mail_heads[name], value: "" }) : whole);
/** That words of a question stand in no document. */
export const absentWords = (absent) =>
  t("absent", { n: absent.length, words: absent.map((word) => t("quoted", { word })).join(", ") });

/** What the server says in both languages, such as of filters that filter nothing. */
export const either = (said) => (tag === "fr" ? said.french : said.english);

/** The words of a list: kinds of file, reasons. */
export const named = (list, key, otherwise = key) => words[list][key] ?? otherwise;

export const date = (ms) => day.format(new Date(ms));
/** A moment, as short as it can be told. */
export const moment = (ms) => new Intl.DateTimeFormat(tag, { dateStyle: "medium", timeStyle: "short" }).format(new Date(ms));
export const isoDate = (ms) => new Date(ms).toISOString().slice(0, 10);
export const number = (value) => whole.format(value);
/** Bytes, in the unit that suits them. */
export function size(bytes) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  const step = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  return new Intl.NumberFormat(tag, { style: "unit", unit: units[step], maximumFractionDigits: step > 1 ? 1 : 0 }).format(bytes / 1000 ** step);
}

/** A language by its code. */
export function languageName(code) {
  if (code === "other") return words.other_language;
  const name = languages.of(code);
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** A time that is left, in the unit that suits it. */
export function timeLeft(seconds) {
  if (seconds < 90) return duration("second", Math.max(1, Math.round(seconds)));
  if (seconds < 5400) return duration("minute", Math.round(seconds / 60));
  return duration("hour", Math.round(seconds / 3600));
}

/** Where something stands: page, line, part. */
export function place(standing, kind) {
  const parts = [];
  const range = (one, many, pair) => {
    if (pair) parts.push(pair[0] === pair[1] ? t(one, { n: pair[0] }) : t(many, { n: pair[0], m: pair[1] }));
  };
  if (kind === "slides") range("slide", "slides", standing.pages);
  else range("page", "pages", standing.pages);
  // The lines of a sheet are its rows; a file of values between commas has lines, and no sheet.
  const sheet = kind === "sheet" && standing.section;
  if (sheet) parts.push(t("sheet_named", { name: sheet }));
  if (!standing.pages) range(sheet ? "row" : "line", sheet ? "rows" : "lines", standing.lines);
  if (standing.section && !sheet) parts.push(standing.section);
  return parts.join(" · ");
}

export const currentLanguage = () => tag;
