//! Which elements does this page have, and what do they hold?
//!
//! A lean tree over a tokenizer that follows the HTML standard. It applies the rules of the standard that change where
//! text belongs (paragraphs, list items and table cells that are closed by what follows) and leaves out those that only
//! change how it looks.

use std::fmt::Write as _;

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{HtmlString, StartTag, Token, Tokenizer};
use intramuros_core::document::ExtractError;

use crate::Budget;
use crate::text::lines::Lines;

/// Elements and texts of one page. 2 million: hundreds of times the largest real pages; 100 MB of memory.
const NODES: usize = 2_000_000;

/// Number of a node; 0 is the root.
pub type Node = u32;

/// No node.
const NONE: Node = u32::MAX;

/// The root, which holds everything.
pub const ROOT: Node = 0;

/// Attributes that say something about text; all others are forgotten at once.
const ATTRIBUTES: [&str; 18] = [
    "alt",
    "aria-hidden",
    "aria-label",
    "class",
    "colspan",
    "content",
    "epub:type",
    "hidden",
    "hreflang",
    "id",
    "itemprop",
    "lang",
    "name",
    "property",
    "role",
    "rowspan",
    "start",
    "value",
];

/// Elements without content.
const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track",
    "wbr",
];

/// Elements that end an open paragraph and are lines of their own when shown.
const BLOCKS: [&str; 52] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "caption",
    "center",
    "dd",
    "details",
    "dialog",
    "dir",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hgroup",
    "hr",
    "html",
    "legend",
    "li",
    "main",
    "menu",
    "nav",
    "ol",
    "option",
    "p",
    "pre",
    "search",
    "section",
    "summary",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "ul",
    "noscript",
    "listing",
    "xmp",
];

/// Whether an element is a block of its own when shown. Elements that pages define themselves (`<x-card>`) are.
pub fn is_block(name: &str) -> bool {
    BLOCKS.contains(&name) || name.contains('-')
}

#[derive(Debug)]
struct Item {
    /// Name of an element; empty for text.
    name: Box<str>,
    text: Box<str>,
    attributes: Vec<(&'static str, Box<str>)>,
    hidden: bool,
    /// The line on which it begins, from 0.
    line: u32,
    parent: Node,
    first: Node,
    last: Node,
    next: Node,
}

/// A page.
#[derive(Debug)]
pub struct Tree {
    items: Vec<Item>,
}

impl Tree {
    /// Reads a page.
    ///
    /// # Errors
    /// When it has too many elements.
    pub fn parse(text: &str, budget: &Budget<'_>) -> Result<Tree, ExtractError> {
        let lines = Lines::of(text);
        let mut emitter = DefaultEmitter::<usize>::new_with_span();
        emitter.naively_switch_states(true);
        let mut builder = Builder {
            tree: Tree { items: Vec::new() },
            open: vec![ROOT],
            nesting: budget.limits.nesting as usize,
            overflow: 0,
            line: 0,
        };
        builder.tree.push(Item {
            name: "".into(),
            text: "".into(),
            attributes: Vec::new(),
            hidden: false,
            line: 0,
            parent: NONE,
            first: NONE,
            last: NONE,
            next: NONE,
        });
        for Ok(token) in Tokenizer::new_with_emitter(text, emitter) {
            let mut begin = |at: usize| builder.line = lines.line(at).saturating_sub(1);
            match token {
                Token::StartTag(tag) => {
                    begin(tag.span.start);
                    builder.start(tag);
                }
                Token::EndTag(tag) => {
                    begin(tag.span.start);
                    builder.end(&String::from_utf8_lossy(&tag.name));
                }
                Token::String(text) => {
                    begin(text.span.start);
                    builder.text(&text.value);
                }
                _ => {}
            }
            if builder.tree.items.len() > NODES {
                return Err(ExtractError::Limit(format!("more than {NODES} elements in one page")));
            }
        }
        Ok(builder.tree)
    }

    fn push(&mut self, item: Item) -> Node {
        let node = Node::try_from(self.items.len()).unwrap_or(NONE);
        self.items.push(item);
        node
    }

    fn item(&self, node: Node) -> Option<&Item> {
        self.items.get(node as usize)
    }

    /// Every node but the root, in the order of the page.
    pub fn all(&self) -> impl Iterator<Item = Node> + use<> {
        1..Node::try_from(self.items.len()).unwrap_or(NONE)
    }

    /// The name of an element in small letters; empty for text and the root.
    pub fn name(&self, node: Node) -> &str {
        self.item(node).map_or("", |item| &item.name)
    }

    /// The name of the element that holds a node.
    pub fn parent_name(&self, node: Node) -> &str {
        self.name(self.parent(node))
    }

    /// The node that holds this one; the root for the root.
    pub fn parent(&self, node: Node) -> Node {
        self.item(node).map_or(ROOT, |item| if item.parent == NONE { ROOT } else { item.parent })
    }

    /// The text of a text node.
    pub fn text(&self, node: Node) -> &str {
        self.item(node).map_or("", |item| &item.text)
    }

    /// The line on which a node begins, from 0.
    pub fn line(&self, node: Node) -> u32 {
        self.item(node).map_or(0, |item| item.line)
    }

    /// Whether an element is not shown.
    pub fn hidden(&self, node: Node) -> bool {
        self.item(node).is_some_and(|item| item.hidden)
    }

    /// The value of one of the kept attributes.
    pub fn attribute(&self, node: Node, name: &str) -> Option<&str> {
        self.item(node)?.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| &**value)
    }

    /// The nodes directly inside one.
    pub fn children(&self, node: Node) -> impl Iterator<Item = Node> + '_ {
        let mut next = self.item(node).map_or(NONE, |item| item.first);
        std::iter::from_fn(move || {
            let node = (next != NONE).then_some(next)?;
            next = self.item(node).map_or(NONE, |item| item.next);
            Some(node)
        })
    }

    /// The nodes inside one, in the order of the page, without what `skip` says to leave out with everything in it.
    pub fn inside<'t>(
        &'t self,
        top: Node,
        skip: impl Fn(Node) -> bool + 't,
    ) -> impl Iterator<Item = Step> + 't {
        let mut next = Some(Step::Enter(top));
        std::iter::from_fn(move || {
            let step = next?;
            next = match step {
                Step::Enter(node) => {
                    let first = self.item(node).map_or(NONE, |item| item.first);
                    if first == NONE || skip(node) {
                        Some(Step::Leave(node))
                    } else {
                        Some(Step::Enter(first))
                    }
                }
                Step::Leave(node) if node == top => None,
                Step::Leave(node) => {
                    let after = self.item(node).map_or(NONE, |item| item.next);
                    Some(if after == NONE { Step::Leave(self.parent(node)) } else { Step::Enter(after) })
                }
            };
            Some(step)
        })
    }

    /// All text inside a node as it stands.
    pub fn text_of(&self, top: Node) -> String {
        let mut text = String::new();
        for step in self.inside(top, |_| false) {
            if let Step::Enter(node) = step {
                text.push_str(self.text(node));
            }
        }
        text
    }
}

/// A step of a walk over the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A node begins.
    Enter(Node),
    /// A node with everything in it ends.
    Leave(Node),
}

struct Builder {
    tree: Tree,
    /// Open elements, the innermost last.
    open: Vec<Node>,
    nesting: usize,
    /// Elements that are open beyond the limit of nesting; their text goes to the deepest that is kept.
    overflow: usize,
    /// The line of what is being read, from 0.
    line: u32,
}

impl Builder {
    fn start(&mut self, tag: StartTag<usize>) {
        let name = String::from_utf8_lossy(&tag.name).into_owned();
        match name.as_str() {
            // Only the first of each counts; their attributes matter, their nesting does not.
            "html" | "body" | "head" if self.is_open(&name) => return,
            "image" => return self.start(StartTag { name: HtmlString(b"img".to_vec()), ..tag }),
            _ => {}
        }
        self.close_implied(&name);
        let (attributes, hidden) = kept(&tag);
        let void = VOID.contains(&name.as_str());
        // `<p/>` opens a paragraph in HTML, but XHTML and SVG mean an empty element; text elements are never so written.
        let empty =
            tag.self_closing && !matches!(name.as_str(), "p" | "div" | "span" | "a" | "td" | "th" | "li");
        let node = self.append(Item {
            name: name.into(),
            text: "".into(),
            attributes,
            hidden,
            line: self.line,
            parent: NONE,
            first: NONE,
            last: NONE,
            next: NONE,
        });
        if void || empty {
            return;
        }
        if self.open.len() >= self.nesting {
            self.overflow += 1;
        } else {
            self.open.push(node);
        }
    }

    /// Closes what a start tag ends without saying so.
    fn close_implied(&mut self, name: &str) {
        // A paragraph ends where a block begins, but not through the wall of a table cell or a button.
        if is_block(name) && !matches!(name, "body" | "html" | "option" | "noscript") && !name.contains('-') {
            self.close_within(&["p"], &["td", "th", "table", "button", "object", "caption"]);
        }
        match name {
            "li" => self.close_within(&["li"], &["ul", "ol", "menu", "dir", "table", "td", "th"]),
            "dt" | "dd" => self.close_within(&["dt", "dd"], &["dl", "table", "td", "th"]),
            "tr" => self.close_within(&["tr"], &["table", "thead", "tbody", "tfoot"]),
            "td" | "th" => self.close_within(&["td", "th"], &["tr", "table"]),
            "thead" | "tbody" | "tfoot" => {
                self.close_within(&["thead", "tbody", "tfoot", "caption"], &["table"])
            }
            "option" | "optgroup" => self.close_within(&["option"], &["select", "optgroup"]),
            "a" => self.close_within(&["a"], &["td", "th", "table", "li", "p", "div"]),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                let inner = self.open.last().map_or("", |node| self.tree.name(*node));
                if matches!(inner, "h1" | "h2" | "h3" | "h4" | "h5" | "h6") {
                    self.open.pop();
                }
            }
            _ => {}
        }
        let in_head = self.open.last().is_some_and(|node| self.tree.name(*node) == "head");
        let for_head = matches!(
            name,
            "title"
                | "meta"
                | "link"
                | "script"
                | "style"
                | "base"
                | "noscript"
                | "template"
                | "object"
                | "head"
        );
        if in_head && !for_head {
            self.open.pop();
        }
    }

    /// Closes the innermost of `names` that is open inside the innermost of `walls`.
    fn close_within(&mut self, names: &[&str], walls: &[&str]) {
        let found = self.open.iter().rposition(|node| {
            let name = self.tree.name(*node);
            names.contains(&name) || walls.contains(&name)
        });
        if let Some(at) = found
            && self.open.get(at).is_some_and(|node| names.contains(&self.tree.name(*node)))
        {
            self.open.truncate(at);
            self.overflow = 0;
        }
    }

    fn end(&mut self, name: &str) {
        if self.overflow > 0 {
            self.overflow -= 1;
            return;
        }
        match name {
            // What follows the end of the body still belongs to it.
            "html" | "body" => return,
            "br" => {
                self.start(StartTag { name: HtmlString(b"br".to_vec()), ..StartTag::default() });
                return;
            }
            _ => {}
        }
        let wall = |other: &str| match name {
            "table" | "td" | "th" | "tr" | "thead" | "tbody" | "tfoot" => other == "table",
            _ if is_block(name) => matches!(other, "td" | "th" | "table" | "caption"),
            // An inline element that was never closed does not close the blocks around it.
            _ => is_block(other),
        };
        let found = self.open.iter().rposition(|node| {
            let other = self.tree.name(*node);
            other == name || wall(other)
        });
        if let Some(at) = found
            && at > 0
            && self.open.get(at).is_some_and(|node| self.tree.name(*node) == name)
        {
            self.open.truncate(at);
        }
    }

    fn text(&mut self, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        if text.is_empty() {
            return;
        }
        let in_head = self.open.last().is_some_and(|node| self.tree.name(*node) == "head");
        if in_head && !text.trim().is_empty() {
            self.open.pop();
        }
        self.append(Item {
            name: "".into(),
            text: text.into(),
            attributes: Vec::new(),
            hidden: false,
            line: self.line,
            parent: NONE,
            first: NONE,
            last: NONE,
            next: NONE,
        });
    }

    fn is_open(&self, name: &str) -> bool {
        self.open.iter().any(|node| self.tree.name(*node) == name)
    }

    fn append(&mut self, mut item: Item) -> Node {
        let parent = self.open.last().copied().unwrap_or(ROOT);
        item.parent = parent;
        let node = self.tree.push(item);
        let before = self.tree.item(parent).map_or(NONE, |item| item.last);
        if let Some(before) = self.tree.items.get_mut(before as usize) {
            before.next = node;
        }
        if let Some(parent) = self.tree.items.get_mut(parent as usize) {
            if parent.first == NONE {
                parent.first = node;
            }
            parent.last = node;
        }
        node
    }
}

/// The attributes that are kept, and whether the element is hidden.
fn kept(tag: &StartTag<usize>) -> (Vec<(&'static str, Box<str>)>, bool) {
    let mut kept = Vec::new();
    let mut hidden = false;
    for (name, value) in &tag.attributes {
        let value = String::from_utf8_lossy(&value.value);
        if let Some(known) = ATTRIBUTES.iter().find(|known| known.as_bytes() == name.0.as_slice()) {
            kept.push((*known, value.as_ref().into()));
        }
        match name.0.as_slice() {
            b"hidden" => hidden |= value != "until-found",
            b"aria-hidden" => hidden |= value == "true",
            b"style" => hidden |= style_hides(&value),
            _ => {}
        }
    }
    (kept, hidden)
}

/// Whether a style attribute makes its element invisible.
fn style_hides(style: &str) -> bool {
    let mut packed = String::with_capacity(style.len() + 1);
    for character in style.chars().filter(|character| !character.is_whitespace()) {
        packed.push(character.to_ascii_lowercase());
    }
    let _ = packed.write_char(';');
    ["display:none", "visibility:hidden", "font-size:0;", "font-size:0px", "opacity:0;"]
        .iter()
        .any(|hiding| packed.contains(hiding))
}
