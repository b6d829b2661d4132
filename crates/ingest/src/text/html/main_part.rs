//! What in this page is its content, and what is navigation around it?

use std::collections::HashSet;

use super::tree::{Node, ROOT, Step, Tree};

/// Text, in bytes without white space, from which a main part is believed whatever stands around it.
const MAIN_BYTES: usize = 1000;

/// Share of a page's text, in percent, from which a shorter main part or an article is believed: an empty `<main>` is
/// filled by a script.
const MAIN_PERCENT: usize = 20;

/// Classes of parts that their sites mark as not to be printed, or as links to edit a text.
const NOISE_CLASSES: [&str; 5] = ["noprint", "mw-editsection", "navbox", "printfooter", "catlinks"];

/// Names (classes and identifiers) that sites give to what stands around their text.
const AROUND: [&str; 29] = [
    "addtoany_share_save_container",
    "breadcrumb",
    "breadcrumb-section",
    "breadcrumbs",
    "fil-ariane",
    "fil-d-ariane",
    "footer",
    "global-footer",
    "left-sidebar",
    "page-footer",
    "pied-de-page",
    "pied_de_page",
    "post-navigation",
    "related-articles",
    "related-posts",
    "right-sidebar",
    "share-buttons",
    "sharedaddy",
    "site-footer",
    "sitenotice",
    "skip-link",
    "skip-links",
    "skiplinks",
    "social-links",
    "social-media",
    "social-share",
    "tags-links",
    "widget-area",
    "yarpp-related",
];

/// Names that stand for boxed text and chapters as well: they count where most of the text is links.
const SOMETIMES: [&str; 4] = ["share", "sharing", "side-bar", "sidebar"];

/// Words in such names that lead around in the site, where most of the text is links.
const LEADING: [&str; 7] = ["ariane", "menu", "nav", "navbar", "navigation", "related", "social"];

/// Beginnings of such names in what asks for consent to cookies, in every page of a site.
const CONSENT: [&str; 12] = [
    "axeptio",
    "cmplz",
    "consent-",
    "cookie",
    "cc-window",
    "didomi",
    "gdpr",
    "klaro",
    "onetrust",
    "rgpd",
    "tarteaucitron",
    "usercentrics",
];

/// Largest share of a page's text, in percent, that is taken for something around it by its name alone: a page about
/// menus or cookies is its own text.
const AROUND_PERCENT: usize = 30;

/// Share of an element's text, in percent, from which links make it lead somewhere else.
const LINKED_PERCENT: usize = 60;

/// Where the content is.
#[derive(Debug)]
pub struct Roots {
    /// Elements that hold it, in the order of the page.
    pub nodes: Vec<Node>,
    /// Whether navigation inside them is left out.
    pub without_navigation: bool,
    /// Elements that stand around the content, as their names say.
    around: HashSet<Node>,
}

impl Roots {
    /// The whole page with everything in it.
    pub fn everything() -> Roots {
        Roots { nodes: vec![ROOT], without_navigation: false, around: HashSet::new() }
    }

    /// Whether an element inside the content is left out.
    pub fn leave_out(&self, tree: &Tree, node: Node) -> bool {
        self.without_navigation && (is_navigation(tree, node) || self.around.contains(&node))
    }
}

/// Finds the content of a page: its main element, else its articles, else everything but navigation; and everything
/// when little would be left.
pub fn find(tree: &Tree) -> Roots {
    let around = around(tree);
    let is_out = |node: Node| is_navigation(tree, node) || around.contains(&node);
    let whole = text_bytes(tree, ROOT, |_| false);
    let content = text_bytes(tree, ROOT, is_out);
    let inside = |nodes: &[Node]| -> usize { nodes.iter().map(|node| text_bytes(tree, *node, is_out)).sum() };
    let is_part = |bytes: usize, of: usize| bytes > 0 && bytes * 100 >= of * MAIN_PERCENT;
    let main = outermost(tree, is_main);
    let bytes = inside(&main);
    if bytes >= MAIN_BYTES || is_part(bytes, whole) {
        return Roots { nodes: main, without_navigation: true, around };
    }
    // An article may also be one card among many, or a remark beside the text: it must be a good part of what is shown.
    let articles = outermost(tree, is_article);
    if is_part(inside(&articles), content) {
        return Roots { nodes: articles, without_navigation: true, around };
    }
    let without_navigation = content >= MAIN_BYTES || is_part(content, whole);
    Roots { nodes: vec![ROOT], without_navigation, around }
}

/// What was met of a page up to a place in it.
#[derive(Clone, Copy, Default)]
struct Met {
    /// Bytes of shown text, white space left out.
    text: usize,
    /// Those within links.
    links: usize,
    /// Headings of the page and parts that say that they are content.
    contents: usize,
    /// Headings below that of the page.
    headings: usize,
}

/// The elements that stand around the content, as their names say: none that hold content or much of the page's text. Within
/// what says that it is content, a part with a heading may be named after what it is about (`<section id="cookies">`).
fn around(tree: &Tree) -> HashSet<Node> {
    let (mut met, mut links, mut within) = (Met::default(), 0usize, 0usize);
    let says_content = |node: Node| is_main(tree, node) || is_article(tree, node);
    let mut open: Vec<(Node, Naming, Met)> = Vec::new();
    let mut found: Vec<(Node, usize)> = Vec::new();
    for step in tree.inside(ROOT, |node| never_shown(tree, node)) {
        match step {
            Step::Enter(node) => {
                let bytes = bytes_of(tree.text(node));
                met.text += bytes;
                met.links += if links > 0 { bytes } else { 0 };
                match tree.name(node) {
                    "a" => links += 1,
                    "h1" | "main" | "article" => met.contents += 1,
                    "h2" | "h3" | "h4" | "h5" | "h6" => met.headings += 1,
                    _ => {}
                }
                within += usize::from(says_content(node));
                if let Some(naming) = naming(tree, node) {
                    open.push((node, naming, met));
                }
            }
            Step::Leave(node) => {
                links -= usize::from(tree.name(node) == "a");
                within -= usize::from(says_content(node));
                let Some((_, naming, before)) = open.pop_if(|(last, ..)| *last == node) else { continue };
                let (text, linked) = (met.text - before.text, met.links - before.links);
                let by_name = naming == Naming::Around && (within == 0 || met.headings == before.headings);
                let leads = by_name || linked * 100 >= text * LINKED_PERCENT;
                if leads && met.contents == before.contents {
                    found.push((node, text));
                }
            }
        }
    }
    let few = |text: usize| text * 100 <= met.text * AROUND_PERCENT;
    found.into_iter().filter(|(_, text)| few(*text)).map(|(node, _)| node).collect()
}

/// What the name of an element says of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Naming {
    /// It stands around the content.
    Around,
    /// It does when most of its text is links.
    Leading,
}

/// What the classes and the identifier of an element say of it; none for what may be content.
fn naming(tree: &Tree, node: Node) -> Option<Naming> {
    if !matches!(tree.name(node), "div" | "section" | "ul" | "ol" | "form" | "dialog" | "p") {
        return None;
    }
    let classes = tree.attribute(node, "class").unwrap_or_default().split_ascii_whitespace();
    // That of a section is often its heading, as an address.
    let identifier = tree.attribute(node, "id").filter(|_| tree.name(node) != "section");
    let names = classes.chain(identifier).map(str::to_ascii_lowercase);
    let mut leading = None;
    for name in names {
        if AROUND.contains(&name.as_str()) || CONSENT.iter().any(|start| name.starts_with(start)) {
            return Some(Naming::Around);
        }
        let mut words = name.split(|letter: char| !letter.is_ascii_alphanumeric());
        if SOMETIMES.contains(&name.as_str()) || words.any(|word| LEADING.contains(&word)) {
            leading = Some(Naming::Leading);
        }
    }
    leading
}

fn is_main(tree: &Tree, node: Node) -> bool {
    tree.name(node) == "main" || tree.attribute(node, "role") == Some("main")
}

fn is_article(tree: &Tree, node: Node) -> bool {
    tree.name(node) == "article"
}

/// The elements of a kind that are inside no other of that kind.
fn outermost(tree: &Tree, is_wanted: fn(&Tree, Node) -> bool) -> Vec<Node> {
    let mut found = Vec::new();
    for step in tree.inside(ROOT, |node| is_wanted(tree, node) || tree.hidden(node)) {
        if let Step::Enter(node) = step
            && is_wanted(tree, node)
            && !tree.hidden(node)
        {
            found.push(node);
        }
    }
    found
}

/// Bytes of shown text inside an element, white space and what is left out not counted.
fn text_bytes<'t>(tree: &'t Tree, top: Node, is_out: impl Fn(Node) -> bool + 't) -> usize {
    tree.inside(top, move |node| never_shown(tree, node) || is_out(node))
        .filter_map(|step| match step {
            Step::Enter(node) => Some(bytes_of(tree.text(node))),
            Step::Leave(_) => None,
        })
        .sum()
}

fn bytes_of(text: &str) -> usize {
    text.bytes().filter(|byte| !byte.is_ascii_whitespace()).count()
}

/// Whether an element is not shown as text in any browser.
pub fn never_shown(tree: &Tree, node: Node) -> bool {
    tree.hidden(node)
        || matches!(
            tree.name(node),
            "head"
                | "title"
                | "script"
                | "style"
                | "template"
                | "svg"
                | "iframe"
                | "object"
                | "canvas"
                | "audio"
                | "video"
                | "select"
                | "datalist"
                | "textarea"
                | "button"
                | "rp"
                | "rt"
                | "map"
                | "noembed"
                | "noframes"
                | "noscript"
                | "annotation"
                | "annotation-xml"
        )
}

/// Whether an element leads around in the site rather than belonging to this page's text.
fn is_navigation(tree: &Tree, node: Node) -> bool {
    let footnote = || {
        tree.attribute(node, "epub:type").is_some_and(|kind| kind.contains("note"))
            || tree.attribute(node, "role").is_some_and(|role| role.starts_with("doc-"))
    };
    match tree.name(node) {
        "" => return false,
        "nav" => return true,
        "aside" => return !footnote(),
        // The header and the footer of an article are the article's.
        "header" => return !inside_content(tree, node) && !holds_heading(tree, node),
        "footer" => return !inside_content(tree, node),
        _ => {}
    }
    let role = tree.attribute(node, "role").unwrap_or_default();
    is_language_list(tree, node)
        || matches!(role, "navigation" | "search" | "contentinfo" | "menu" | "menubar" | "toolbar")
        || tree.attribute(node, "class").is_some_and(|classes| {
            classes.split_ascii_whitespace().any(|class| NOISE_CLASSES.contains(&class))
        })
}

/// Whether a list leads to the same page in other languages: most of its links name their language.
fn is_language_list(tree: &Tree, node: Node) -> bool {
    if tree.name(node) != "ul" {
        return false;
    }
    let (mut links, mut named) = (0, 0);
    for step in tree.inside(node, |_| false) {
        if let Step::Enter(inner) = step
            && tree.name(inner) == "a"
        {
            links += 1;
            named += usize::from(tree.attribute(inner, "hreflang").is_some());
        }
    }
    links >= 3 && named * 4 >= links * 3
}

fn inside_content(tree: &Tree, node: Node) -> bool {
    let mut node = tree.parent(node);
    while node != ROOT {
        if is_article(tree, node)
            || is_main(tree, node)
            || matches!(tree.name(node), "section" | "blockquote")
        {
            return true;
        }
        node = tree.parent(node);
    }
    false
}

fn holds_heading(tree: &Tree, node: Node) -> bool {
    tree.inside(node, |_| false).any(|step| matches!(step, Step::Enter(inner) if tree.name(inner) == "h1"))
}
