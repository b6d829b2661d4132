// How is a document shown, so that its passage is found at once and reads well?

import { api, fill, go, h, kept, marked } from "./dom.js";
import { about } from "./results.js";
import { drawPages } from "./pages.js";
import { named, number, t } from "./words.js";

/** Blocks asked for at once when a reader wants more. */
const MORE_BLOCKS = 400;

/** Shows a document; `options` say how it was asked for and where to go back to. */
export function drawDocument(element, answer, options) {
  const { marked: mark } = answer;
  const looks = answer.original?.drawn && kept("view") !== "text";
  element.hidden = false;
  fill(element,
    h("div", { class: "bar" },
      go(options.backTo, { class: "back" }, "← ", t(options.back)),
      h("span", { class: "spring" }),
      answer.original?.drawn && views(element, answer, options, looks),
      mark && h("button", { type: "button", on: { click: () => show(element) } }, t("to_passage")),
      h("button", { type: "button", class: "print", on: { click: () => print() } }, t("print")),
      original(answer),
      answer.link && h("a", { class: "button", href: answer.link, target: "_blank", rel: "noopener noreferrer" }, t("open_outside"))),
    h("h1", { tabindex: "-1" }, answer.title),
    about(answer),
    options.asked && !mark && h("p", { class: "notice" }, t("passage_gone")),
    outline(answer, element, options, looks),
    looks ? drawPages(answer, options.marks, () => show(element, !element.contains(document.activeElement) || document.activeElement.tagName === "H1")) : text(answer, options));
  show(element);
}

/** The document as text. */
function text(answer, options) {
  // A cited sentence is marked word by word; a whole passage only lightly, since it is read as a whole.
  const body = h("div", { class: options.exact ? "body" : "body whole" });
  new Writer(body, answer.kind).write(answer.blocks, answer.first);
  return [edge(answer, body, "before", options), body, edge(answer, body, "after", options)];
}

/** The choice between the pages as they look and their text. */
function views(element, answer, options, looks) {
  const choice = (name, pressed) => h("button", {
    type: "button", class: "toggle", "aria-pressed": String(pressed), "data-view": name || "pages",
    on: { click: () => { kept("view", name); drawDocument(element, answer, options); element.querySelector(`[data-view="${name || "pages"}"]`)?.focus({ preventScroll: true }); } },
  }, t(name ? "as_text" : "as_pages"));
  return h("div", { class: "views", role: "group", "aria-label": t("view") }, choice(null, looks), choice("text", !looks));
}

/** Brings the marked passage into the middle of the window; the start of the document when nothing is marked. */
function show(element, focus = true) {
  const mark = element.querySelector(".body mark, .pages mark");
  if (!mark) {
    element.querySelector("h1").focus({ preventScroll: true });
    element.scrollIntoView({ block: "start" });
    return;
  }
  const block = mark.closest("[data-block], figure");
  block.setAttribute("tabindex", "-1");
  if (focus) block.focus({ preventScroll: true });
  mark.scrollIntoView({ block: "center" });
}

function original(answer) {
  if (!answer.original) return null;
  const page = answer.marked?.page;
  const address = `/api/v1/documents/${answer.id}/original`;
  if (!answer.original.inline) return h("a", { class: "button", href: address, download: answer.original.name }, t("download_original"));
  const text = page ? t("open_original_page", { n: page }) : t("open_original");
  return h("a", { class: "button", href: page ? `${address}#page=${page}` : address, target: "_blank", rel: "noopener" }, text);
}

function outline(answer, element, options, looks) {
  if (answer.outline.length < 3) return null;
  const to = (target) => {
    target?.setAttribute("tabindex", "-1");
    target?.focus({ preventScroll: true });
    target?.scrollIntoView({ block: "start" });
  };
  const jump = async (heading) => {
    if (looks) return to(element.querySelector(`[data-page="${heading.page}"]`));
    if (!element.querySelector(`[data-block="${heading.block}"]`)) {
      await options.load({ from: heading.block });
    }
    to(element.querySelector(`[data-block="${heading.block}"]`));
  };
  return h("details", { class: "outline" }, h("summary", {}, t("outline")),
    h("ul", {}, answer.outline.map((heading) => h("li", { class: "depth-" + Math.min(heading.level - 1, 5) },
      h("button", { type: "button", class: "text", on: { click: () => jump(heading) } }, heading.text)))));
}

/** The button that shows what comes before or after what is there. */
function edge(answer, body, side, options) {
  let [from, count] = side === "before"
    ? [Math.max(0, answer.first - MORE_BLOCKS), Math.min(answer.first, MORE_BLOCKS)]
    : [answer.first + answer.blocks.length, MORE_BLOCKS];
  if (side === "before" ? answer.first === 0 : from >= answer.total) return null;
  const load = async () => {
    button.disabled = true;
    const more = await options.fetch({ from, blocks: count });
    const piece = h("div", {});
    new Writer(piece, answer.kind).write(more.blocks, from);
    if (side === "before") {
      const height = document.documentElement.scrollHeight;
      body.prepend(...piece.childNodes);
      scrollBy(0, document.documentElement.scrollHeight - height);
    } else {
      body.append(...piece.childNodes);
    }
    const next = edge(side === "before" ? { ...answer, first: from } : { ...answer, first: from, blocks: more.blocks }, body, side, options);
    button.replaceWith(...(next ? [next] : []));
  };
  const button = h("button", { type: "button", class: "wide", on: { click: load } }, t(side));
  return button;
}

/** Turns blocks into elements: rows into tables, items into lists, fields into a head, pages into lines. */
class Writer {
  constructor(body, kind) {
    this.body = body;
    this.kind = kind;
    this.level = 1;
    this.page = this.section = this.group = this.key = null;
  }

  write(blocks, first) {
    blocks.forEach((block, index) => this.one(block, first + index));
  }

  one(block, position) {
    if (block.page && block.page !== this.page) this.breakAt(block.page);
    if (block.section && block.section !== this.section) {
      this.section = block.section;
      this.key = null;
      this.body.append(h("p", { class: "section" }, block.section));
    }
    const holder = this.holder(block);
    const element = this.element(block);
    element.dataset.block = position;
    holder.append(element);
  }

  breakAt(page) {
    this.page = page;
    this.key = null;
    const text = t(this.kind === "slides" ? "slide_break" : "page_break", { n: page });
    this.body.append(h("p", { class: "page" }, h("span", {}, text)));
  }

  /** What the block goes into: the table, list or head that is being written, or the body. */
  holder(block) {
    const key = { table_row: "table" + block.table, list_item: "list", field: "fields" }[block.kind] ?? null;
    if (key && key === this.key) return this.into(block);
    this.key = key;
    if (!key) return this.body;
    if (block.kind === "table_row") {
      this.group = h("table", {}, h("thead"), h("tbody"));
      this.body.append(h("div", { class: "table", role: "region", tabindex: "0", "aria-label": t("table") }, this.group));
    } else {
      this.group = h(block.kind === "list_item" ? "ul" : "div", { class: block.kind === "list_item" ? "items" : "fields" });
      this.body.append(this.group);
    }
    return this.into(block);
  }

  into(block) {
    if (block.kind !== "table_row") return this.group;
    const body = this.group.tBodies[0];
    return block.header && body.rows.length === 0 ? this.group.tHead : body;
  }

  element(block) {
    const text = marked(block.cells[0] ?? []);
    switch (block.kind) {
      case "heading": {
        // Levels that a document skips would mislead those who move by headings.
        this.level = Math.max(2, Math.min(block.level + 1, this.level + 1, 6));
        return h("h" + this.level, {}, text);
      }
      case "list_item": return h("li", { class: "depth-" + Math.min(block.level, 5) }, text);
      case "table_row": return h("tr", {}, block.cells.map((cell) => h(block.header ? "th" : "td", { scope: block.header && "col" }, marked(cell))));
      case "code": return h("pre", { tabindex: "0", "data-line": block.line && number(block.line) }, h("code", {}, text));
      case "footnote": return h("p", { class: "aside" }, h("strong", {}, t("note"), " "), text);
      case "comment": return h("p", { class: "aside" }, h("strong", {}, t("comment"), " "), text);
      case "field": return h("p", { class: "field" }, field(block.cells[0] ?? [], this.kind));
      default: return h("p", {}, text);
    }
  }
}

/** `Name: value` with the name set apart. */
function field(pieces, kind) {
  const [first, ...others] = pieces;
  const colon = first ? first.text.indexOf(": ") : -1;
  if (colon < 1 || colon > 40) return marked(pieces);
  const called = first.text.slice(0, colon);
  const name = h("strong", {}, kind === "mail" ? named("mail_heads", called) : called);
  const rest = { ...first, text: first.text.slice(colon + 2) };
  return [first.mark ? h("mark", {}, name) : name, " ", ...marked([rest, ...others])];
}

/** The document with the asked passage, from the API. */
export function fetchDocument(id, parameters, signal) {
  const text = new URLSearchParams(parameters).toString();
  return api(`documents/${encodeURIComponent(id)}${text ? "?" + text : ""}`, signal);
}
