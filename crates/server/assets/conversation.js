// How is a conversation shown and carried on, and how does one find it again?

import { drawChoice } from "./collections.js";
import { api, fill, go, h, send } from "./dom.js";
import { learn, moment, t } from "./words.js";
import { answerTo, drawKept, stopWriting } from "./written.js";

learn(
  {
    conversations: "Conversations", conversation: "Conversation", conversation_new: "Nouvelle conversation", go_on: "Poursuivre en conversation",
    your_question: "Votre question", ask_further: "Demander", search_conversations: "Chercher dans les conversations",
    no_conversations: "Aucune conversation", no_conversations_text: "Posez une question, puis poursuivez : chaque réponse se retrouve ici, avec ses sources.",
    no_conversation: "Cette conversation n’existe pas, ou n’est pas partagée avec vous.",
    rename: "Renommer", save: "Enregistrer", cancel: "Annuler", title_label: "Titre", share: "Partager", unshare: "Ne plus partager", remove: "Supprimer", export: "Exporter", really_remove: "Supprimer pour de bon",
    shared_note: "Partagée : toute personne qui peut se connecter l’ouvre par son adresse, et n’en voit que ce qu’elle a le droit de lire.",
    shared_by_other: "Partagée par une autre personne. Vous n’en voyez que ce que vous avez le droit de lire.",
    withheld: "Passage que vous n’avez pas le droit de lire.", good: "Bonne réponse", bad: "Mauvaise réponse", not_kept: "Cette réponse n’a pas été conservée.",
    questions: { one: "{n} question", other: "{n} questions" }, shared_mark: "partagée", renamed: "Renommée.", removed: "Supprimée.",
  },
  {
    conversations: "Conversations", conversation: "Conversation", conversation_new: "New conversation", go_on: "Go on as a conversation",
    your_question: "Your question", ask_further: "Ask", search_conversations: "Search the conversations",
    no_conversations: "No conversation", no_conversations_text: "Ask a question, then go on: each answer is found here again, with its sources.",
    no_conversation: "This conversation does not exist, or is not shared with you.",
    rename: "Rename", save: "Save", cancel: "Cancel", title_label: "Title", share: "Share", unshare: "Stop sharing", remove: "Delete", export: "Export", really_remove: "Delete for good",
    shared_note: "Shared: anyone who can sign in opens it by its address, and sees of it only what they may read.",
    shared_by_other: "Shared by somebody else. You see of it only what you may read.",
    withheld: "A passage that you may not read.", good: "Good answer", bad: "Bad answer", not_kept: "This answer was not kept.",
    questions: { one: "{n} question", other: "{n} questions" }, shared_mark: "shared", renamed: "Renamed.", removed: "Deleted.",
  },
);

/** The conversations, with a box to search them. */
export async function drawHistory(element, say) {
  const place = h("div", {});
  const box = h("input", { type: "search", id: "history-q", autocomplete: "off", maxlength: 200 });
  const load = async () => {
    const { conversations } = await api("conversations?" + new URLSearchParams({ q: box.value.trim() }));
    fill(place, conversations.length === 0
      ? h("div", { class: "empty" }, h("h2", {}, t("no_conversations")), h("p", {}, t("no_conversations_text")))
      : h("ul", { class: "past" }, conversations.map((one) => h("li", {},
        go("/conversation/" + one.id, { class: "step" }, one.title),
        h("p", { class: "about" }, h("span", {}, moment(one.changed_ms)), h("span", {}, t("questions", { n: one.turns })),
          one.collection && h("span", { class: "badge" }, one.collection),
          one.shared && h("span", { class: "badge" }, t("shared_mark")))))));
    say(t("questions", { n: conversations.length }));
  };
  let timer = 0;
  box.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(load, 150); });
  fill(element, h("div", { class: "sheet" }, h("h1", {}, t("conversations")),
    h("p", {}, go("/conversation", { class: "button like" }, t("conversation_new"))),
    h("label", { class: "hidden", for: "history-q" }, t("search_conversations")),
    h("div", { class: "seek" }, box), place));
  box.placeholder = t("search_conversations");
  await load();
}

/** A conversation: what was said, and a box to go on. `at.ask` is a question that begins it. */
export async function drawConversation(element, at, actions) {
  stopWriting();
  const one = at.conversation ? await api("conversations/" + at.conversation).catch(missing) : { id: null, title: t("conversation_new"), own: true, said: [], collection: at.query.get("collection") };
  if (!one) return fill(element, h("div", { class: "empty" }, h("h1", {}, t("no_conversation")), go("/conversations", {}, t("conversations"))));
  actions.title(one.title);
  const said = h("div", { class: "said" });
  const state = { query: new URLSearchParams(one.id ? { conversation: one.id } : {}) };
  for (const turn of one.said) said.append(drawTurn(one, turn, state));
  const attached = h("div", {});
  const talk = h("div", { class: "talk" }, h("p", { class: "crumb" }, go("/conversations", {}, t("conversations"))),
    drawHead(one, actions), one.id && one.collection && h("p", { class: "quiet" }, t("about_collection", { name: one.collection })), said, attached, one.own && drawBox(one, said, state, actions));
  fill(element, talk);
  if (one.own && !at.ask) import("./attachments.js").then(({ drawAttachments }) => drawAttachments(attached, talk, one, actions)).catch(() => {});
  if (at.ask && !one.id) await asked(one, at.ask, said, state, actions);
  else if (one.own && at.view === "conversation") element.querySelector("textarea")?.focus({ preventScroll: one.said.length > 0 });
}

function missing(failure) {
  if (failure.status === 404) return null;
  throw failure;
}

function drawHead(one, actions) {
  const head = h("div", { class: "talk-head" }, h("h1", {}, one.title));
  if (!one.id) return head;
  if (!one.own) return [head, h("p", { class: "notice" }, t("shared_by_other"))];
  const change = async (what) => { await send("PATCH", "conversations/" + one.id, what); actions.again(); };
  const button = (name, click, more) => h("button", { type: "button", on: { click }, ...more }, t(name));
  const rename = () => {
    const input = h("input", { id: "new-title", value: one.title, maxlength: 120 });
    const form = h("form", { class: "rename", on: { submit: (event) => { event.preventDefault(); if (input.value.trim()) change({ title: input.value }); } } },
      h("label", { for: "new-title", class: "hidden" }, t("title_label")), input, h("button", {}, t("save")), button("cancel", () => actions.again()));
    fill(head, form);
    input.select();
  };
  let asked = false;
  const remove = async (event) => {
    if (!asked) {
      asked = true;
      event.target.textContent = t("really_remove");
      return;
    }
    await send("DELETE", "conversations/" + one.id);
    actions.visit("/conversations");
  };
  return [head, h("div", { class: "acts" }, button("rename", rename), button(one.shared ? "unshare" : "share", () => change({ shared: !one.shared })),
    h("a", { href: `/api/v1/conversations/${one.id}/export`, download: true }, t("export")), button("remove", remove)),
  one.shared && h("p", { class: "notice" }, t("shared_note"))];
}

function drawTurn(one, turn, state) {
  const place = h("div", { class: "reply" });
  drawKept(place, turn, state, t("withheld"));
  return h("section", { class: "turn" }, h("h2", {}, turn.question), place, one.own && one.id && drawRating(one.id, turn.number, turn.rating));
}

function drawRating(id, number, rating) {
  const draw = (now) => ["good", "bad"].map((name) => {
    const value = name === "good" ? 1 : -1;
    return h("button", {
      type: "button", "aria-pressed": String(now === value),
      on: { click: async () => {
        const next = now === value ? 0 : value;
        await send("PUT", `conversations/${id}/turns/${number}/rating`, { rating: next });
        fill(box, draw(next));
        box.children[value === 1 ? 0 : 1].focus();
      } },
    }, t(name));
  });
  const box = h("div", { class: "rating" });
  fill(box, draw(rating));
  return box;
}

function drawBox(one, said, state, actions) {
  const text = h("textarea", { id: "further", rows: 2, maxlength: 2000, required: true });
  const submit = async (event) => {
    event.preventDefault();
    const question = text.value.trim();
    if (!question) return;
    text.value = "";
    await asked(one, question, said, state, actions);
    text.focus();
  };
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
  });
  return h("form", { class: "further", on: { submit } }, h("label", { for: "further" }, t("your_question")), text,
    !one.id && drawAbout(one), h("button", { class: "button" }, t("ask_further")));
}

/** What a new conversation is about; it stays so. */
function drawAbout(one) {
  const select = h("select", { id: "about", class: "among", on: { change: () => { one.collection = select.value || null; } } });
  const label = h("label", { for: "about" });
  drawChoice(select, label, one.collection);
  return h("p", { class: "choice" }, label, " ", select);
}

/** Asks in a conversation, and shows the answer while it comes. The first answer gives a new conversation its address. */
async function asked(one, question, said, state, actions) {
  const place = h("div", { class: "reply", "aria-live": "polite" });
  const turn = h("section", { class: "turn" }, h("h2", {}, question), place);
  said.append(turn);
  turn.scrollIntoView({ block: "start" });
  const body = one.id ? { question, conversation: one.id } : { question, keep: true, collection: one.collection || undefined };
  const kept = await answerTo(place, body, state);
  if (kept?.conversation) {
    turn.append(drawRating(kept.conversation, kept.turn, 0));
    if (!one.id) actions.visit("/conversation/" + kept.conversation, true);
  } else if (kept) {
    place.append(h("p", { class: "quiet note" }, t("not_kept")));
  }
}
