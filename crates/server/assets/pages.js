// How are the pages of a PDF shown as they look, with the passage marked?
//
// Every page has its place from the start, so that the page in question is at its height at once; a page is drawn when
// it comes near the window.

import { api, h } from "./dom.js";
import { t } from "./words.js";

/** A4, until the size of a page is known. */
const USUAL = 297 / 210;

/** Pages that are given a place. Longer documents are read in their own program. */
const MOST = 2000;

/** Widths at which pages are drawn: few, so that a browser finds what it has. */
const WIDTHS = [600, 1000, 1500, 2400];

/** The pages; `ready` is called when the marked one is in its place. */
export function drawPages(answer, marks, ready) {
  const pages = h("div", { class: "pages" });
  const count = Math.min(answer.pages || 1, MOST);
  const first = answer.marked?.page ?? 1;
  const watch = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      watch.unobserve(entry.target);
      fetchPage(answer, entry.target, marks);
    }
  }, { rootMargin: "800px 0px" });
  for (let number = 1; number <= count; number++) {
    const figure = h("figure", { class: "sheet-page", "data-page": number },
      h("div", { class: "paper" }), h("figcaption", {}, t("page_break", { n: number })));
    figure.firstChild.style.aspectRatio = String(1 / USUAL);
    pages.append(figure);
    if (number !== first) watch.observe(figure);
  }
  // The marked page first: the others move when its true height is known.
  fetchPage(answer, pages.children[first - 1], marks).then(() => { if (answer.marked && pages.isConnected) ready(); });
  return pages;
}

async function fetchPage(answer, figure, marks) {
  const number = figure.dataset.page;
  const paper = figure.firstChild;
  const address = `documents/${answer.id}/pages/${number}`;
  const wanted = paper.clientWidth * devicePixelRatio || WIDTHS[1];
  const width = WIDTHS.find((one) => one >= wanted) ?? WIDTHS.at(-1);
  // What a page says can be read as text; a picture of it says where that is.
  const picture = h("img", { src: `/api/v1/${address}/picture?width=${width}`, alt: t("page_alt", { n: Number(number) }), decoding: "async" });
  picture.addEventListener("error", () => paper.replaceChildren(h("p", { class: "empty" }, t("page_missing"))));
  paper.append(picture);
  try {
    const page = await api(address + (marks ? "?" + marks : ""));
    paper.style.aspectRatio = String(page.width / page.height);
    paper.append(...page.marks.map(mark));
  } catch { /* The picture says what is wrong. */ }
}

/** A mark over the passage. */
function mark([left, top, width, height]) {
  const element = h("mark", { "aria-hidden": "true" });
  Object.assign(element.style, { left: left * 100 + "%", top: top * 100 + "%", width: width * 100 + "%", height: height * 100 + "%" });
  return element;
}
