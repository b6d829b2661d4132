// How do people add documents, see how far their reading is, and say who may read them?

import { api, fill, go, h, said, send } from "./dom.js";
import { documentAddress } from "./results.js";
import { learn, moment, named, size, t } from "./words.js";

learn({
  add_documents: "Ajouter des documents", drop_here: "Déposez des fichiers ici, ou choisissez-les.", choose_files: "Choisir des fichiers",
  who_reads: "Qui les lit", readers_me: "Moi seul", readers_everyone: "Tout le monde ici", readers_group: "Le groupe {group}", readers_of: "Qui lit {name}",
  sending: "Envoi de {name}", sent_of: "{done} sur {all}", brought_waiting: "Lecture en cours…", brought_read: "Lu", brought_failed: "Pas lu : {why}", own_uploads: "Ce que j’ai ajouté",
  taken_name: "Un document s’appelle déjà {name}.", replace: "Le remplacer", give_up: "Laisser", cancel_sending: "Annuler", take_away: "Retirer", really_take_away: "Retirer vraiment ?", too_big: "{name} est trop grand : {all} au plus.",
}, {
  add_documents: "Add documents", drop_here: "Drop files here, or choose them.", choose_files: "Choose files",
  who_reads: "Who reads them", readers_me: "Only me", readers_everyone: "Everyone here", readers_group: "The group {group}", readers_of: "Who reads {name}",
  sending: "Sending {name}", sent_of: "{done} of {all}", brought_waiting: "Being read…", brought_read: "Read", brought_failed: "Not read: {why}", own_uploads: "What I added",
  taken_name: "There is a document called {name} already.", replace: "Replace it", give_up: "Leave it", cancel_sending: "Cancel", take_away: "Take away", really_take_away: "Really take away?", too_big: "{name} is too large: {all} at most.",
});

/** How often it is looked whether something was read meanwhile. */
const LOOK_EVERY_MS = 700;

/** Draws what somebody may add and what they added; nothing where nothing is taken. */
export async function drawUploads(place, again) {
  const state = await api("uploads");
  if (!state.sources.length) return;
  const sending = h("ul", { class: "sending", "aria-live": "polite" });
  const list = h("div", {});
  const readers = h("select", { id: "readers" }, options(state.groups, "me"));
  const input = h("input", { type: "file", id: "files", multiple: true, hidden: true, on: { change: () => { take(input.files); input.value = ""; } } });
  const take = (files) => [...files].forEach((file) => sendFile(sending, file, { to, most: state.most_bytes, sent: () => refresh() }));
  const to = (file, replace) => "uploads?" + new URLSearchParams({ source: state.sources[0], name: file.name, readers: readers.value, ...(replace && { replace: "true" }) });
  let timer = 0;
  const refresh = async () => {
    clearTimeout(timer);
    if (!place.isConnected) return;
    const now = await api("uploads").catch(() => null);
    if (!now) return;
    // What somebody is about to choose is not taken from under their hands.
    if (!list.contains(document.activeElement)) drawList(list, now, refresh);
    if (now.uploads.some((one) => one.state === "waiting")) timer = setTimeout(refresh, LOOK_EVERY_MS);
    else again?.();
  };
  const zone = h("section", { class: "zone", "aria-labelledby": "add-documents", on: {
    dragover: (event) => { event.preventDefault(); zone.classList.add("over"); },
    dragleave: () => zone.classList.remove("over"),
    drop: (event) => { event.preventDefault(); zone.classList.remove("over"); take(event.dataTransfer.files); },
  } },
    h("h2", { id: "add-documents" }, t("add_documents")), h("p", { class: "quiet" }, t("drop_here")),
    h("div", { class: "zone-acts" }, input, h("button", { type: "button", class: "button", on: { click: () => input.click() } }, t("choose_files")),
      h("label", { for: "readers" }, t("who_reads")), readers),
    sending);
  fill(place, zone, list);
  drawList(list, state, refresh);
  if (state.uploads.some((one) => one.state === "waiting")) timer = setTimeout(refresh, LOOK_EVERY_MS);
}

/** Sends a file to `to(file, replace)`, at most `most` bytes, with a row in `list` that shows how far it is; then calls `sent`. */
export function sendFile(list, file, { to, most, sent }, replace = false) {
  const row = h("li", {});
  list.append(row);
  if (file.size > most) return say(row, t("too_big", { name: file.name, all: size(most) }));
  const bar = h("progress", { max: 1, value: 0, "aria-label": t("sending", { name: file.name }) });
  const count = h("span", { class: "quiet" });
  const request = new XMLHttpRequest();
  fill(row, h("span", {}, t("sending", { name: file.name })), bar, count, h("button", { type: "button", on: { click: () => { request.abort(); row.remove(); } } }, t("cancel_sending")));
  request.upload.addEventListener("progress", (event) => {
    bar.value = event.total ? event.loaded / event.total : 0;
    count.textContent = t("sent_of", { done: size(event.loaded), all: size(event.total) });
  });
  request.addEventListener("load", () => {
    if (request.status === 201) { row.remove(); return sent(); }
    const failure = parse(request.responseText);
    if (request.status !== 409) return said(failure).then(({ message }) => say(row, message || `${t("failed")} (${request.status}).`));
    fill(row, h("span", {}, t("taken_name", { name: file.name })),
      h("button", { type: "button", on: { click: () => { row.remove(); sendFile(list, file, { to, most, sent }, true); } } }, t("replace")),
      h("button", { type: "button", on: { click: () => row.remove() } }, t("give_up")));
    // Whoever presses Enter once more loses nothing.
    row.querySelector("button:last-of-type").focus();
  });
  request.addEventListener("error", () => say(row, t("offline")));
  request.open("POST", "/api/v1/" + to(file, replace));
  request.setRequestHeader("content-type", "application/octet-stream");
  request.send(file);
}

function options(groups, chosen) {
  const values = ["me", ...groups.map((group) => "group:" + group), "everyone"];
  if (!values.includes(chosen)) values.push(chosen);
  return values.map((value) => h("option", { value, selected: value === chosen }, value.startsWith("group:") ? t("readers_group", { group: value.slice(6) }) : t("readers_" + value)));
}

function say(row, text) {
  fill(row, h("span", { class: "trouble" }, text), h("button", { type: "button", on: { click: () => row.remove() } }, t("give_up")));
}

function drawList(place, state, refresh) {
  if (!state.uploads.length) return fill(place);
  const row = (one) => {
    const title = one.document ? go(documentAddress(one.document, {}, new URLSearchParams()), { class: "step" }, one.name) : h("span", {}, one.name);
    const why = one.state === "failed" ? t("brought_failed", { why: named("reasons", one.reason) }) : t("brought_" + one.state);
    const readers = h("select", { "aria-label": t("readers_of", { name: one.name }), on: { change: async () => { await send("PUT", "uploads", { source: one.source, path: one.path, readers: readers.value }); readers.blur(); refresh(); } } }, options(state.groups, one.readers));
    const remove = h("button", { type: "button", on: { click: async () => {
      if (!remove.dataset.sure) { remove.dataset.sure = "yes"; remove.textContent = t("really_take_away"); return; }
      await send("DELETE", "uploads?" + new URLSearchParams({ source: one.source, path: one.path }));
      remove.blur();
      refresh();
    } } }, t("take_away"));
    return h("li", { "data-upload": one.name, "data-state": one.state }, h("div", { class: "upload-name" }, title, h("span", { class: "quiet" }, `${size(one.size)} · ${moment(one.at_ms)} · ${why}`)), readers, remove);
  };
  fill(place, h("h2", {}, t("own_uploads")), h("ul", { class: "uploads" }, state.uploads.map(row)));
}

function parse(text) {
  try { return JSON.parse(text); } catch { return null; }
}
