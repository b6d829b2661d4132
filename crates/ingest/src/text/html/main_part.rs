//! What in this page is its content, and what is navigation around it?

use super::tree::{Node, ROOT, Step, Tree};

/// Text, in bytes without white space, from which a main part is believed whatever stands around it.
const MAIN_BYTES: usize = 1000;

/// Share of a page's text, in percent, from which a shorter main part is believed: an empty `<main>` is filled by a
/// script.
const MAIN_PERCENT: usize = 20;

/// Classes of parts that their sites mark as not to be printed, or as links to edit a text.
const NOISE_CLASSES: [&str; 5] = ["noprint", "mw-editsection", "navbox", "printfooter", "catlinks"];

/// Where the content is.
#[derive(Debug)]
pub struct Roots {
    /// Elements that hold it, in the order of the page.
    pub nodes: Vec<Node>,
    /// Whether navigation inside them is left out.
    pub without_navigation: bool,
}

impl Roots {
    /// The whole page with everything in it.
    pub fn everything() -> Roots {
        Roots { nodes: vec![ROOT], without_navigation: false }
    }
}

/// Finds the content of a page: its main element, else its articles, else everything but navigation; and everything
/// when little would be left.
pub fn find(tree: &Tree) -> Roots {
    let whole = text_bytes(tree, ROOT, false);
    let enough = |nodes: &[Node]| {
        let bytes: usize = nodes.iter().map(|node| text_bytes(tree, *node, true)).sum();
        bytes >= MAIN_BYTES || (bytes > 0 && bytes * 100 >= whole * MAIN_PERCENT)
    };
    for is_wanted in [is_main as fn(&Tree, Node) -> bool, is_article] {
        let nodes = outermost(tree, is_wanted);
        if !nodes.is_empty() && enough(&nodes) {
            return Roots { nodes, without_navigation: true };
        }
    }
    Roots { nodes: vec![ROOT], without_navigation: enough(&[ROOT]) }
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

/// Bytes of shown text inside an element, white space left out.
fn text_bytes(tree: &Tree, top: Node, without_navigation: bool) -> usize {
    let skip = |node| never_shown(tree, node) || (without_navigation && is_navigation(tree, node));
    tree.inside(top, skip)
        .filter_map(|step| match step {
            Step::Enter(node) => {
                Some(tree.text(node).bytes().filter(|byte| !byte.is_ascii_whitespace()).count())
            }
            Step::Leave(_) => None,
        })
        .sum()
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
pub fn is_navigation(tree: &Tree, node: Node) -> bool {
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
