// How does somebody look through the documents without searching: by source and folder?

import { api, fill, go, h } from "./dom.js";
import { about, documentAddress } from "./results.js";
import { who } from "./who.js";
import { learn, number, t } from "./words.js";

learn({
  all_documents: "Documents", folders_lead: "Tout ce que vous pouvez lire, par source, dossier et collection.", sources_here: "Sources", collections_here: "Collections", search_collection: "La recherche, en haut, porte sur cette collection.",
  in_folder: { one: "{n} document", other: "{n} documents", zero: "Aucun document" }, folder_empty: "Il n’y a rien ici que vous puissiez lire.",
  where_you_are: "Où vous êtes", search_here: "La recherche, en haut, porte sur ce dossier.", folders_in: "Dossiers", documents_in: "Documents de ce dossier", back_folder: "Retour au dossier",
}, {
  all_documents: "Documents", folders_lead: "Everything that you may read, by source, folder and collection.", sources_here: "Sources", collections_here: "Collections", search_collection: "The search box above searches this collection.",
  in_folder: { one: "{n} document", other: "{n} documents", zero: "No documents" }, folder_empty: "There is nothing here that you may read.",
  where_you_are: "Where you are", search_here: "The search box above searches this folder.", folders_in: "Folders", documents_in: "Documents in this folder", back_folder: "Back to the folder",
});

/** The address of a folder, in a collection where one is named. */
export function folderAddress(source, folder, collection) {
  const query = new URLSearchParams();
  if (collection) query.set("collection", collection);
  if (source) query.set("source", source);
  if (folder) query.set("folder", folder);
  const text = query.toString();
  return "/documents" + (text ? "?" + text : "");
}

/**
 * Draws the folder that `query` names; `title` is told what it is called. `own`: the address names no source, so that a
 * collection is called by its own name.
 */
export async function drawFolder(element, query, title, own = !query.has("source")) {
  const [source, folder, collection] = ["source", "folder", "collection"].map((name) => query.get(name) ?? "");
  const place = new URLSearchParams({ ...(collection && { collection }), ...(source && { source }), ...(folder && { folder }) });
  const ask = (offset) => api(`folders?offset=${offset}&${place}`);
  const answer = await ask(0);
  // Who has one source is in it at once.
  if (!source && answer.folders.length === 1 && answer.collections.length === 0) {
    place.set("source", answer.folders[0].name);
    return drawFolder(element, place, title, Boolean(collection));
  }
  const names = folder ? folder.split("/") : [];
  const name = names.length ? shown(names.at(-1)) : (own ? collection : source) || t("all_documents");
  title(name);
  const hit = (one) => h("li", { class: "hit" },
    h("h3", {}, go(documentAddress(one.id, {}, place), { class: "step title", "data-document": one.id }, one.title)),
    about(one));
  const folders = (all, label, address, seen) => all.length > 0 && [h("h2", { class: seen ? null : "hidden" }, label), h("ul", { class: "folders" }, all.map((one) => h("li", {},
    go(address(one.name), { class: "step" }, shown(one.name)),
    h("span", { class: "number" }, h("span", { "aria-hidden": "true" }, number(one.documents)), h("span", { class: "hidden" }, t("in_folder", { n: one.documents }))))))];
  const list = h("ol", { class: "hits" }, answer.documents.map(hit));
  const empty = answer.folders.length === 0 && answer.documents.length === 0;
  let offset = answer.documents.length;
  const more = h("button", { type: "button", class: "wide", on: { click: async () => {
    const next = await ask(offset);
    offset += next.documents.length;
    const items = next.documents.map(hit);
    list.append(...items);
    items[0]?.querySelector("a")?.focus();
    if (!next.more) more.remove();
  } } }, t("more"));
  const uploads = h("div", { class: "uploads-place" });
  fill(element, h("div", { class: "sheet browse" },
    crumbs(collection, source, names, own),
    h("h1", {}, name),
    !source && !collection && h("p", { class: "lead" }, t("folders_lead")),
    !empty && new URLSearchParams(location.search).has("source") ? h("p", { class: "quiet" }, t("search_here"))
      : !empty && collection && h("p", { class: "quiet" }, t("search_collection")),
    empty && h("p", { class: "empty" }, t("folder_empty")),
    folders(answer.collections, t("collections_here"), (inner) => folderAddress("", "", inner), true),
    folders(answer.folders, t(source ? "folders_in" : "sources_here"),
      (inner) => source ? folderAddress(source, [...names, inner].join("/"), collection) : folderAddress(inner, "", collection), answer.collections.length > 0),
    answer.documents.length > 0 && [h("h2", { class: "hidden" }, t("documents_in")), h("p", { class: "count" }, t("in_folder", { n: answer.total })), list],
    answer.more && more, uploads));
  if (!folder && !collection) await addUploads(uploads);
}

/** Where documents can be added, by those who may. */
async function addUploads(place) {
  const session = await who().catch(() => null);
  if (!session || !["editor", "administrator", "owner"].includes(session.role)) return;
  const { drawUploads } = await import("./uploads.js");
  await drawUploads(place).catch(() => null);
}

/** A container is called by its name. */
const shown = (name) => name.replace(/!$/, "");

function crumbs(collection, source, names, own) {
  if (!source && !collection) return null;
  const steps = [go(folderAddress("", ""), {}, t("all_documents"))];
  if (collection && source && !own) steps.push(go(folderAddress("", "", collection), {}, collection));
  names.forEach((_, index) => steps.push(go(folderAddress(source, names.slice(0, index).join("/"), collection), {}, index ? shown(names[index - 1]) : source)));
  return h("nav", { "aria-label": t("where_you_are") }, h("ol", { class: "crumbs" }, steps.map((step) => h("li", {}, step))));
}
