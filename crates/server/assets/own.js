// How does a person come in, and what do they see and end of what is theirs?

import { api, byId, fill, h, send } from "./dom.js";
import { moment, named, t } from "./words.js";

/** A field with its label; the input has the name as its id. */
export function field(name, label, attributes = {}, hint = null) {
  return h("div", { class: "field" },
    h("label", { for: name }, label),
    h("input", { id: name, name, "aria-describedby": hint ? name + "-hint" : null, autocapitalize: "off", spellcheck: "false", ...attributes }),
    hint && h("p", { class: "hint", id: name + "-hint" }, hint));
}

/** Says what failed in a form, and puts the focus there. */
export function complain(place, failure) {
  const known = failure.kind && t("failure_" + failure.kind);
  const text = known && known !== "failure_" + failure.kind ? known : failure.message || t("offline");
  fill(place, h("p", { class: "trouble-here", role: "alert", tabindex: "-1" }, text));
  place.firstChild.focus();
}

/** A form whose values are handed over as an object; what fails is said above its button. */
export function form(fields, button, submit, attributes = {}) {
  const trouble = h("div", {});
  const press = h("button", { class: "main", type: "submit" }, button);
  const element = h("form", { class: "fields-of", novalidate: true, ...attributes }, fields, trouble, press);
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    fill(trouble);
    press.disabled = true;
    try {
      await submit(Object.fromEntries(new FormData(element)), element);
    } catch (failure) {
      complain(trouble, failure);
    } finally {
      press.disabled = false;
    }
  });
  return element;
}

/** Says beside a button why what it asked for failed, in place of what was said there before. */
export function failedBeside(button, failure) {
  const before = button.nextElementSibling;
  if (before?.matches(".trouble-here")) before.remove();
  button.after(h("p", { class: "trouble-here", role: "alert" }, failure.message));
}

/** A button that asks once more before it does what can't be undone. */
export function sure(label, name, act) {
  const button = h("button", { type: "button", class: "danger", "aria-label": `${label}: ${name}` }, label);
  let asked = 0;
  const calm = () => { asked = 0; button.textContent = label; button.setAttribute("aria-label", `${label}: ${name}`); };
  button.addEventListener("click", async () => {
    if (!asked) {
      asked = setTimeout(calm, 4000);
      button.textContent = t("really");
      button.setAttribute("aria-label", `${t("really")} ${label}: ${name}`);
      return;
    }
    clearTimeout(asked);
    button.disabled = true;
    await act().catch((failure) => failedBeside(button, failure));
    button.disabled = false;
    calm();
  });
  return button;
}

/** A table whose rows become cards where it is narrow. */
export function table(label, heads, rows) {
  return h("div", { class: "table", role: "region", tabindex: "0", "aria-label": label },
    h("table", { class: "stack" },
      h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head || h("span", { class: "hidden" }, t("actions")))))),
      h("tbody", {}, rows.map((cells) => h("tr", { class: cells.off ? "off" : null }, cells.map((cell, at) => h("td", { "data-name": heads[at] || null }, cell)))))));
}

// ---- coming in ----

/** The page on which people sign in, come in for the first time, or take an invitation. */
export function drawSignIn(content, session) {
  // A browser keeps no session that came in clear, and what is typed could be read on the way.
  if (!isSecureContext) return drawInClear(content);
  const code = location.hash.slice(1);
  if (session.first || code === "owner") return drawFirst(content, session.first);
  if (code) return drawInvitation(content, code);
  const next = new URLSearchParams(location.search).get("next") ?? "/";
  if (session.role) return location.replace("/");
  const failed = new URLSearchParams(location.search).get("failed");
  const providers = session.providers.map((provider) => h("a", {
    class: "button provider", href: `/sign-in/with/${provider.name}?next=${encodeURIComponent(next)}`,
  }, t("sign_in_with", { label: provider.label })));
  fill(content, h("section", { class: "card" },
    h("h1", {}, t("sign_in")),
    failed && h("p", { class: "trouble-here", role: "alert" }, named("provider_failures", failed)),
    providers.length > 0 && [h("div", { class: "fields-of" }, providers), h("p", { class: "between" }, t("or"))],
    form([
      field("name", t("name"), { autocomplete: "username", required: true, autofocus: true }),
      field("passphrase", t("passphrase"), { type: "password", autocomplete: "current-password", required: true }),
    ], t("sign_in"), async (values) => {
      const answer = await send("POST", "session", { ...values, next });
      location.assign(answer.next);
    })));
  byId("name").focus();
}

function drawInClear(content) {
  fill(content, h("section", { class: "card" }, h("h1", {}, t("in_clear")), h("p", { class: "lead" }, t("in_clear_lead")),
    h("p", {}, t("in_clear_here")), h("pre", {}, `http://127.0.0.1:${location.port || 80}/`)));
}

function newPassphrase() {
  return [
    field("passphrase", t("passphrase"), { type: "password", autocomplete: "new-password", required: true }, t("passphrase_hint")),
    field("again", t("passphrase_again"), { type: "password", autocomplete: "new-password", required: true }),
  ];
}

/** The new passphrase of a form, typed twice alike. */
function alike(values) {
  if (values.passphrase === values.again) return values.passphrase;
  throw Object.assign(new Error(t("passphrase_differs")), { kind: "" });
}

function drawFirst(content, first) {
  fill(content, h("section", { class: "card" },
    h("h1", {}, t(first ? "first_title" : "owner_title")),
    h("p", { class: "lead" }, t(first ? "first_lead" : "owner_lead")),
    form([
      field("code", t("code"), { autocomplete: "one-time-code", required: true }, t("code_hint")),
      field("name", t("name"), { autocomplete: "username", required: true }, t("name_hint")),
      newPassphrase(),
    ], t("first_button"), async (values) => {
      const passphrase = alike(values);
      const answer = await send("POST", "first-owner", { code: values.code, name: values.name, passphrase });
      location.assign(answer.next);
    })));
  byId("code").focus();
}

function drawInvitation(content, code) {
  fill(content, h("section", { class: "card" },
    h("h1", {}, t("welcome")),
    h("p", { class: "lead" }, t("invitation_lead")),
    form(newPassphrase(), t("invitation_button"), async (values) => {
      const answer = await send("POST", "invitation", { code, passphrase: alike(values) });
      location.assign(answer.next);
    })));
  byId("passphrase").focus();
}

// ---- one's own ----

/** The page of what is one's own. */
export async function drawAccount(content, session) {
  const [{ sessions }, { tokens }] = await Promise.all([api("sessions"), api("tokens")]);
  const redraw = () => drawAccount(content, session);
  fill(content,
    h("h1", {}, session.shown ?? session.name ?? t("this_machine")),
    h("dl", { class: "facts" },
      h("dt", {}, t("name")), h("dd", {}, session.name ?? "—"),
      h("dt", {}, t("role")), h("dd", {}, named("roles", session.role)),
      h("dt", {}, t("section_groups")), h("dd", {}, session.groups.join(", ") || t("no_groups"))),
    session.accounts && h("button", { type: "button", class: "main", on: { click: signOut } }, t("sign_out")),
    h("h2", {}, t("own_sessions")),
    sessionTable(sessions, redraw),
    h("h2", {}, t("own_tokens")),
    h("p", { class: "lead" }, t("own_tokens_lead")),
    tokens.length > 0 && tokenTable(tokens, redraw),
    tokenForm(session, false, [], redraw),
    h("h2", {}, t("change_passphrase")),
    form([
      field("old", t("passphrase_old"), { type: "password", autocomplete: "current-password", required: true }),
      newPassphrase(),
    ], t("change_passphrase"), async (values, element) => {
      await send("PUT", "passphrase", { old: values.old, new: alike(values) });
      element.replaceWith(h("p", { class: "good-here", role: "status" }, t("passphrase_changed")));
    }, { class: "fields-of card" }));
}

async function signOut() {
  const answer = await send("DELETE", "session");
  location.assign(answer.next);
}

/** Sessions, with a way to end each. */
export function sessionTable(sessions, redraw, withNames = false) {
  const heads = [withNames && t("name"), t("session_browser"), t("session_way"), t("session_seen"), ""].filter((head) => head !== false);
  return table(t("section_sessions"), heads, sessions.map((one) => [
    withNames && one.name,
    [browserName(one.browser), h("span", { class: "quiet" }, one.address, one.this && ` · ${t("session_this")}`)],
    one.way.startsWith("oidc:") ? one.way.slice(5) : named("ways", one.way),
    moment(one.seen_ms),
    h("div", { class: "actions" }, !one.this && sure(t("end"), withNames ? `${one.name}, ${one.address}` : one.address, async () => { await send("DELETE", "sessions/" + one.id); await redraw(); })),
  ].filter((cell) => cell !== false)));
}

/** What a browser calls itself, in two words. */
function browserName(agent) {
  const browser = [["Edg/", "Edge"], ["OPR/", "Opera"], ["Firefox/", "Firefox"], ["Chrome/", "Chrome"], ["Safari/", "Safari"]].find(([mark]) => agent.includes(mark));
  const system = [["Windows", "Windows"], ["Android", "Android"], ["iPhone", "iPhone"], ["iPad", "iPad"], ["Mac OS", "macOS"], ["Linux", "Linux"]].find(([mark]) => agent.includes(mark));
  return [browser?.[1] ?? t("session_unknown"), system?.[1]].filter(Boolean).join(", ");
}

/** Tokens, with a way to revoke each. */
export function tokenTable(tokens, redraw, withNames = false) {
  const heads = [t("token_name"), withNames && t("token_whose"), t("token_scopes"), t("token_used"), t("token_ends"), ""].filter((head) => head !== false);
  return table(t("section_tokens"), heads, tokens.map((one) => [
    [one.name, h("span", { class: "quiet" }, `…${one.hint}`)],
    withNames && (one.person ?? [t("token_service"), h("span", { class: "quiet" }, one.groups.join(", ") || t("no_groups")), madeBy(one)]),
    one.scopes.map((scope) => named("scopes", scope)).join(", "),
    one.used_ms ? moment(one.used_ms) : t("never_used"),
    one.expires_ms ? moment(one.expires_ms) : t("never_ends"),
    h("div", { class: "actions" }, sure(t("revoke"), one.name, async () => { await send("DELETE", "tokens/" + one.id); await redraw(); })),
  ].filter((cell) => cell !== false)));
}

/** Who made a program's token, what has become of them, and whether it still holds. */
function madeBy(one) {
  const maker = { gone: t("maker_gone"), unknown: t("maker_unknown") }[one.maker];
  const told = [t("token_by", { name: one.made_by }), maker, !one.holds && t("token_refused")];
  return h("span", { class: "quiet" }, told.filter(Boolean).join(" · "));
}

/** A form that makes a token and shows it this once. */
export function tokenForm(session, service, groups, redraw) {
  const may = { read: true, write: session.role !== "reader", administer: ["administrator", "owner"].includes(session.role), scim: service };
  const scopes = Object.keys(may).filter((scope) => may[scope]);
  const place = h("div", {});
  const prefix = service ? "service-" : "own-";
  place.append(form([
    field(prefix + "name", t("token_name"), { required: true }, t(service ? "token_service_hint" : "token_name_hint")),
    h("fieldset", {}, h("legend", {}, t("token_scopes")), scopes.map((scope) =>
      h("label", {}, h("input", { type: "checkbox", name: "scope", value: scope, checked: scope === "read" }), named("scopes", scope)))),
    service && groups.length > 0 && h("fieldset", {}, h("legend", {}, t("token_groups")), groups.map((group) =>
      h("label", {}, h("input", { type: "checkbox", name: "group", value: group.name }), group.name))),
    h("div", { class: "field" }, h("label", { for: prefix + "days" }, t("token_ends")),
      h("select", { id: prefix + "days", name: "days" }, [30, 90, 365, 0].map((days) => h("option", { value: days, selected: days === 90 }, days ? t("in_days", { n: days }) : t("never_ends"))))),
  ], t("make_token"), async (values, element) => {
    const chosen = new FormData(element);
    const days = Number(values.days);
    const made = await send("POST", "tokens", {
      name: values[prefix + "name"], scopes: chosen.getAll("scope"), service, groups: chosen.getAll("group"), ...(days ? { days } : {}),
    });
    fill(place, shownOnce(t("token_made"), made.token, redraw));
    place.firstChild.focus();
  }));
  return place;
}

/** A secret that is shown this once, with a way to copy it. */
export function shownOnce(text, secret, done) {
  const copied = h("span", { role: "status" });
  return h("div", { class: "good-here", tabindex: "-1" },
    h("p", {}, text),
    h("code", { class: "secret" }, secret),
    h("div", { class: "actions" },
      h("button", { type: "button", on: { click: async () => { await navigator.clipboard?.writeText(secret); copied.textContent = t("copied"); } } }, t("copy")),
      h("button", { type: "button", on: { click: done } }, t("done")), copied));
}
