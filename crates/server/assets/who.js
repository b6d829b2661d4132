// Who is signed in, in the corner of every page?

import { api, byId, fill, h } from "./dom.js";
import { learn, t } from "./words.js";

learn(
  { own_account: "Compte de {name}", administration: "Administration", signed_in_as: "Mon compte", to_search: "Rechercher" },
  { own_account: "Account of {name}", administration: "Administration", signed_in_as: "My account", to_search: "Search" },
);

let session = null;

/** Asks once who is signed in. */
export async function who() {
  session ??= await api("session");
  return session;
}

/** Whether somebody may administer. */
export const administers = (one) => one.role === "administrator" || one.role === "owner";

/** Draws the corner; again after the language changed. */
export async function drawWho() {
  const one = await who().catch(() => null);
  const place = byId("corner");
  if (!one || !place) return;
  fill(place,
    // Where there is no box to search in, a way back to it.
    one.role && !byId("q") && h("a", { href: "/" }, t("to_search")),
    administers(one) && h("a", { href: "/administration" }, t("administration")),
    one.accounts && one.name && h("a", { href: "/account", title: t("own_account", { name: one.shown ?? one.name }) }, t("signed_in_as")));
}

drawWho();
new MutationObserver(drawWho).observe(document.documentElement, { attributeFilter: ["lang"] });
