// How is the page built from values, without any text ever becoming markup?

/** An element. Attributes that are false or null are left out; `on` holds listeners. Children are nodes or texts. */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === "class") {
      element.className = value;
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Puts these children in place of what was there. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter(Boolean));
}

/** Does something once the next frame is made. */
export const afterFrame = (act) => requestAnimationFrame(() => setTimeout(act, 0));

/** A link within the page. */
export function go(href, attributes, ...children) {
  return h("a", { href, "data-go": true, ...attributes }, ...children);
}

/** Pieces of text, the marked ones as marks, those of code by what they are. */
export function marked(pieces, attributes) {
  return pieces.map((piece) => {
    const text = piece.class ? h("span", { class: "code-" + piece.class }, piece.text) : piece.text;
    return piece.mark ? h("mark", attributes, text) : text;
  });
}

export const byId = (id) => document.getElementById(id);

/** What the browser keeps for this page; nothing where it may keep nothing. */
export function kept(name, value) {
  try {
    if (value === undefined) return localStorage.getItem("intramuros." + name);
    if (value === null) localStorage.removeItem("intramuros." + name);
    else localStorage.setItem("intramuros." + name, value);
  } catch { /* A browser that keeps nothing still searches. */ }
  return null;
}

/** Asks the API. Failures carry the server's own words. */
export async function api(path, signal) {
  return send("GET", path, undefined, signal);
}

/** Says the server's words in the language of the page; without any, that it does not answer. */
let inWords = async (text) => text;
export const sayWith = (say) => { inWords = say; };

/** What the server said when it failed, for who reads the page. */
export async function said(answer) {
  if (!answer?.message) return { message: "", hints: [] };
  const [message, ...hints] = await Promise.all([answer.message, ...answer.hints ?? []].map((text) => inWords(text)));
  return { message, hints };
}

/** What a browser says of a server that does not answer, in its own language, is no help. */
export async function unreached(fault) {
  throw fault.name === "AbortError" ? fault : new Error(await inWords());
}

/** Asks the API with a method and a body. Who is not signed in any more is led to where they sign in. */
export async function send(method, path, body, signal) {
  const headers = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  const response = await fetch("/api/v1/" + path, { method, signal, headers, body: body === undefined ? undefined : JSON.stringify(body) }).catch(unreached);
  const answer = await response.json().catch(() => null);
  if (response.ok && (answer || response.status === 204)) return answer;
  if (answer?.kind === "sign_in" && location.pathname !== "/sign-in") {
    location.assign("/sign-in?next=" + encodeURIComponent(location.pathname + location.search));
  }
  const { message, hints } = await said(answer);
  throw Object.assign(new Error(message || await inWords(null, response.status)), { status: response.status, kind: answer?.kind, hints });
}
