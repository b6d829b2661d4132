// How does somebody attach documents to a conversation, for its questions alone?

import { api, fill, go, h, send } from "./dom.js";
import { documentAddress } from "./results.js";
import { sendFile } from "./uploads.js";
import { learn, named, size, t } from "./words.js";

learn({
  attach: "Joindre un document", attached: "Documents joints", attach_note: "Joints, ils ne servent qu’aux questions de cette conversation, et vous seul les lisez. Ils partent avec elle.",
  attach_drop: "Ou déposez-le dans la conversation.", really_detach: "Retirer vraiment ?", detach: "Retirer {name}",
}, {
  attach: "Attach a document", attached: "Attached documents", attach_note: "Attached, they serve the questions of this conversation alone, and only you read them. They go when it goes.",
  attach_drop: "Or drop it into the conversation.", really_detach: "Really remove?", detach: "Remove {name}",
});

/** How often it is looked whether something was read meanwhile. */
const LOOK_EVERY_MS = 700;

/** Draws what is attached to one's own conversation, and takes files that are chosen or dropped into `talk`. A conversation
 *  that is not there yet begins with its first file. */
export async function drawAttachments(place, talk, one, actions) {
  let id = one.id;
  const list = h("div", {});
  const sending = h("ul", { class: "sending", "aria-live": "polite" });
  const input = h("input", { type: "file", id: "attach-files", multiple: true, hidden: true, on: { change: () => { take([...input.files]); input.value = ""; } } });
  let limits = { most_bytes: Infinity };
  let timer = 0;
  const refresh = async () => {
    clearTimeout(timer);
    if (!place.isConnected || !id) return;
    limits = await api(`conversations/${id}/attachments`);
    drawList(list, state, id, limits.attachments, refresh);
    if (limits.attachments.some((each) => each.state === "waiting")) timer = setTimeout(refresh, LOOK_EVERY_MS);
  };
  const state = { query: new URLSearchParams() };
  const take = async (files) => {
    if (!files.length) return;
    const began = !id;
    if (began) id = (await send("POST", "conversations", { title: files[0].name, collection: one.collection || undefined })).id;
    state.query.set("conversation", id);
    if (began) await refresh();
    let left = files.length;
    const sent = async () => {
      left -= 1;
      if (began && left === 0) actions.visit("/conversation/" + id, true);
      else await refresh();
    };
    const to = (file, replace) => `conversations/${id}/attachments?` + new URLSearchParams({ name: file.name, ...(replace && { replace: "true" }) });
    for (const file of files) sendFile(sending, file, { to, most: limits.most_bytes, sent });
  };
  const over = (now) => talk.classList.toggle("over", now);
  talk.addEventListener("dragover", (event) => { if (event.dataTransfer.types.includes("Files")) { event.preventDefault(); over(true); } });
  talk.addEventListener("dragleave", () => over(false));
  talk.addEventListener("drop", (event) => {
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    over(false);
    take([...event.dataTransfer.files]);
  });
  fill(place, list, sending, h("p", { class: "attach" }, input,
    h("button", { type: "button", on: { click: () => input.click() } }, t("attach")), " ", h("span", { class: "quiet" }, t("attach_drop"))));
  if (id) state.query.set("conversation", id);
  await refresh();
}

function drawList(place, state, id, attachments, refresh) {
  if (!attachments.length) return fill(place);
  // What somebody is about to press is not taken from under their hands.
  if (place.contains(document.activeElement) && document.activeElement.dataset.sure) return;
  const row = (each) => {
    const title = each.document ? go(documentAddress(each.document, {}, state.query), { class: "step" }, each.name) : h("span", {}, each.name);
    const how = each.state === "failed" ? t("brought_failed", { why: named("reasons", each.reason) }) : t("brought_" + each.state);
    const remove = h("button", { type: "button", "aria-label": t("detach", { name: each.name }), on: { click: async () => {
      if (!remove.dataset.sure) {
        remove.dataset.sure = "yes";
        remove.textContent = t("really_detach");
        return;
      }
      await send("DELETE", `conversations/${id}/attachments?` + new URLSearchParams({ name: each.name }));
      remove.blur();
      await refresh();
    } } }, t("take_away"));
    return h("li", { "data-attached": each.name, "data-state": each.state }, h("div", { class: "upload-name" }, title, h("span", { class: "quiet" }, `${size(each.size)} · ${how}`)), remove);
  };
  fill(place, h("h2", { class: "attached" }, t("attached")), h("p", { class: "quiet" }, t("attach_note")), h("ul", { class: "uploads" }, attachments.map(row)));
}
