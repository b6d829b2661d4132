// Who is there, in which groups, with which sessions and tokens?

import { api, byId, fill, h, send } from "./dom.js";
import { complain, field, form, sessionTable, shownOnce, sure, table, tokenForm, tokenTable } from "./own.js";
import { moment, named, t } from "./words.js";

const ROLES = ["reader", "editor", "administrator", "owner"];

function say(text) {
  byId("said").textContent = text;
}

/** The roles that somebody may give. */
const givable = (session) => ROLES.slice(0, ROLES.indexOf(session.role) + 1);

/** People: add, change, invite again, remove. */
export async function drawPeople(content, session, part = "") {
  const { people, total } = await api("people?" + new URLSearchParams(part ? { q: part, limit: 500 } : { limit: 500 }));
  const redraw = () => drawPeople(content, session, part);
  const invited = h("div", {});
  const trouble = h("div", {});
  const show = (one) => {
    fill(invited, shownOnce(t("invited", { name: one.person.name, date: moment(one.expires_ms) }), one.link, redraw));
    invited.firstChild.focus();
  };
  const change = async (one, body) => {
    fill(trouble);
    await send("PATCH", "people/" + one.id, body).catch((failure) => complain(trouble, failure));
    await refresh();
  };
  const list = h("div", {});
  const row = (one) => {
    const mine = ROLES.indexOf(one.role) <= ROLES.indexOf(session.role);
    const role = h("select", { "aria-label": t("role_of", { name: one.name }), disabled: !mine }, ROLES.map((role) =>
      h("option", { value: role, selected: role === one.role, disabled: !givable(session).includes(role) }, named("roles", role))));
    role.addEventListener("change", () => change(one, { role: role.value }));
    const cells = [
      [h("strong", {}, one.name), h("span", { class: "quiet" }, [one.shown !== one.name && one.shown, one.mail, one.origin !== "local" && one.origin.replace("oidc:", "")].filter(Boolean).join(" · "))],
      role,
      one.groups.join(", "),
      [one.seen_ms ? moment(one.seen_ms) : t("never_here"), !one.active && h("span", { class: "quiet" }, t("inactive")), one.active && !one.passphrase && one.origin === "local" && h("span", { class: "quiet" }, t("awaited"))],
      mine ? h("div", { class: "actions" },
        h("button", { type: "button", "aria-label": `${t(one.passphrase ? "new_link" : "invite_again")}: ${one.name}`, title: one.passphrase ? t("new_link_hint") : null, on: { click: async () => show(await send("POST", `people/${one.id}/invitation`)) } }, t(one.passphrase ? "new_link" : "invite_again")),
        h("button", { type: "button", "aria-label": `${t(one.active ? "deactivate" : "activate")}: ${one.name}`, on: { click: () => change(one, { active: !one.active }) } }, t(one.active ? "deactivate" : "activate")),
        sure(t("remove"), one.name, async () => { await send("DELETE", "people/" + one.id).catch((failure) => { complain(trouble, failure); throw failure; }); await refresh(); })) : "",
    ];
    cells.off = !one.active;
    return cells;
  };
  const heads = [t("name"), t("role"), t("section_groups"), t("last_here"), ""];
  const drawList = (found) => fill(list, found.length
    ? table(t("section_people"), heads, found.map(row))
    : h("div", { class: "teach" }, h("p", {}, t(part ? "people_none_found" : "people_empty"))));
  const refresh = async () => drawList((await api("people?" + new URLSearchParams(part ? { q: part, limit: 500 } : { limit: 500 }))).people);
  drawList(people);
  fill(content,
    h("h1", {}, t("section_people")),
    h("p", { class: "lead" }, t(session.accounts ? "people_lead" : "people_lead_open")),
    invited, trouble,
    total > 20 && searchPeople(content, session, part),
    list,
    h("h2", {}, t("add_person")),
    form([
      field("name", t("name"), { required: true, autocomplete: "off" }, t("name_hint")),
      field("shown", t("shown_name"), { autocomplete: "off", autocapitalize: "words" }),
      h("div", { class: "field" }, h("label", { for: "role" }, t("role")),
        h("select", { id: "role", name: "role" }, givable(session).map((role) => h("option", { value: role }, named("roles", role)))),
        h("p", { class: "hint" }, t("roles_hint"))),
    ], t("add_person_button"), async (values, element) => {
      show(await send("POST", "people", values));
      element.reset();
      await refresh();
    }, { class: "fields-of card" }));
}

function searchPeople(content, session, part) {
  const input = h("input", { id: "part", name: "part", type: "search", value: part });
  const element = h("form", { class: "inline", role: "search" }, h("div", { class: "field" }, h("label", { for: "part" }, t("find_person")), input), h("button", { type: "submit" }, t("find")));
  element.addEventListener("submit", (event) => { event.preventDefault(); drawPeople(content, session, input.value.trim()); });
  return element;
}

/** Groups: add, fill, empty, remove. */
export async function drawGroups(content, session) {
  const { groups } = await api("groups?limit=500");
  const redraw = () => drawGroups(content, session);
  const trouble = h("div", {});
  const change = async (group, body, text) => {
    try {
      await send("PATCH", "groups/" + group.id, body);
      await redraw();
      say(text);
    } catch (failure) {
      complain(trouble, failure);
    }
  };
  const row = (group) => {
    const add = h("input", { name: "add", required: true, "aria-label": t("add_to", { group: group.name }), placeholder: t("name"), autocomplete: "off", autocapitalize: "off", size: "12" });
    const element = h("form", { class: "field" }, add);
    element.addEventListener("submit", (event) => { event.preventDefault(); if (add.value.trim()) change(group, { add: [add.value.trim()] }, add.value); });
    return [
      [h("strong", {}, group.name), h("span", { class: "quiet" }, t("rules_naming", { n: group.rules }), group.origin !== "local" && ` · ${group.origin.replace("oidc:", "")}`)],
      h("ul", { class: "chips" }, group.members.map((name) => h("li", {}, name,
        h("button", { type: "button", "aria-label": t("take_out", { name, group: group.name }), on: { click: () => change(group, { remove: [name] }, name) } }, "×")))),
      element,
      h("div", { class: "actions" }, sure(t("remove"), group.name, async () => { await send("DELETE", "groups/" + group.id); await redraw(); })),
    ];
  };
  fill(content,
    h("h1", {}, t("section_groups")),
    h("p", { class: "lead" }, t("groups_lead")),
    trouble,
    groups.length ? table(t("section_groups"), [t("group"), t("members"), t("add_member"), ""], groups.map(row))
      : h("div", { class: "teach" }, h("p", {}, t("groups_empty")), h("pre", {}, "[[access]]\npath = \"hr/**\"\ngroups = [\"hr\"]")),
    h("h2", {}, t("add_group")),
    form([field("group", t("group"), { required: true, autocomplete: "off" })], t("add_group_button"), async (values) => {
      await send("POST", "groups", { name: values.group });
      await redraw();
      say(values.group);
    }, { class: "fields-of card" }));
}

/** Tokens of everybody, and new ones for programs. */
export async function drawTokens(content, session) {
  const [{ tokens }, { groups }] = await Promise.all([api("tokens?all=true"), api("groups?limit=500")]);
  const redraw = () => drawTokens(content, session);
  fill(content,
    h("h1", {}, t("section_tokens")),
    h("p", { class: "lead" }, t("tokens_lead")),
    tokens.length ? tokenTable(tokens, redraw, true)
      : h("div", { class: "teach" }, h("p", {}, t("tokens_empty")), h("pre", {}, `curl -H 'Authorization: Bearer ims_…' ${location.origin}/api/v1/search?q=…`)),
    h("h2", {}, t("token_for_program")),
    h("div", { class: "card" }, tokenForm(session, true, groups, redraw)));
}

/** Open sessions of everybody. */
export async function drawSessions(content, session) {
  const { sessions } = await api("sessions?all=true");
  fill(content,
    h("h1", {}, t("section_sessions")),
    h("p", { class: "lead" }, t("sessions_lead")),
    sessions.length ? sessionTable(sessions, () => drawSessions(content, session), true)
      : h("div", { class: "teach" }, h("p", {}, t("sessions_empty"))));
}
