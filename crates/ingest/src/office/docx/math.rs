//! How is this formula of a Word document written on one line?

use intramuros_core::document::ExtractError;

use crate::office::xml::{Node, Xml};

/// What a part of a formula says, and the signs around it.
#[derive(Default)]
struct Part {
    text: String,
    /// The sign of a sum or an integral; the degree of a root.
    sign: Option<String>,
    /// The signs around what stands in brackets, and between its parts.
    brackets: [Option<String>; 3],
}

/// Reads the formula that has just opened: `(a+b)/2`, `x^2`, `√(x)`.
///
/// # Errors
/// When the XML is broken or over a limit.
pub fn read(xml: &mut Xml<'_>) -> Result<String, ExtractError> {
    Ok(read_part(xml, "")?.text)
}

fn read_part(xml: &mut Xml<'_>, of: &str) -> Result<Part, ExtractError> {
    let depth = xml.depth();
    let mut part = Part::default();
    while let Some(node) = xml.next_in(depth)? {
        let Node::Open(tag) = node else { continue };
        let name = tag.local().to_owned();
        let value = || tag.attribute("val").map(|value| value.into_owned());
        match name.as_str() {
            "t" => part.text.push_str(&xml.text()?),
            "rPr" | "ctrlPr" | "del" | "moveFrom" => xml.skip()?,
            "chr" if of == "nary" => part.sign = value(),
            "begChr" => part.brackets[0] = value(),
            "sepChr" => part.brackets[1] = value(),
            "endChr" => part.brackets[2] = value(),
            // Properties belong to the part around them; their elements come as if they were its own.
            _ if name.ends_with("Pr") => {}
            _ => {
                let inner = read_part(xml, &name)?;
                add(&mut part, of, &name, &inner.shown(&name));
            }
        }
    }
    Ok(part)
}

/// Adds a part called `name` to the part `of` which it is.
fn add(part: &mut Part, of: &str, name: &str, text: &str) {
    if name == "deg" {
        part.sign = Some(text.to_owned());
        return;
    }
    let sign = match (of, name) {
        ("nary", "sub") => part.sign.take().unwrap_or_else(|| "∫".to_owned()) + "_",
        ("f", "den") => "/".to_owned(),
        (_, "sup") | ("limUpp", "lim") => "^".to_owned(),
        (_, "sub") | ("limLow", "lim") => "_".to_owned(),
        ("nary" | "func", "e") => " ".to_owned(),
        // Parts of a bracket, rows of a matrix and cells of a row.
        ("d", "e") if !part.text.is_empty() => part.brackets[1].clone().unwrap_or_else(|| "|".to_owned()),
        ("m", "mr") | ("eqArr", "e") if !part.text.is_empty() => "; ".to_owned(),
        ("mr", "e") if !part.text.is_empty() => ", ".to_owned(),
        _ => String::new(),
    };
    if text.is_empty() && matches!(name, "sub" | "sup") {
        // No limit: of the sign of a sum only the sign itself is left.
        part.text.push_str(sign.trim_end_matches(['_', '^']));
        return;
    }
    part.text.push_str(&sign);
    if matches!(name, "num" | "den" | "sub" | "sup" | "lim") && needs_brackets(text) {
        part.text.push_str(&format!("({text})"));
    } else {
        part.text.push_str(text);
    }
}

impl Part {
    /// The text with the signs that a part of this name puts around it.
    fn shown(self, name: &str) -> String {
        match name {
            "d" => {
                let [before, _, after] = self.brackets;
                let sign = |sign: Option<String>, usual: &str| sign.unwrap_or_else(|| usual.to_owned());
                format!("{}{}{}", sign(before, "("), self.text, sign(after, ")"))
            }
            "rad" => format!("{}√({})", self.sign.unwrap_or_default(), self.text),
            _ => self.text,
        }
    }
}

/// Whether a text is more than one name or number.
fn needs_brackets(text: &str) -> bool {
    !text.chars().all(|character| character.is_alphanumeric() || matches!(character, '.' | ',' | '∞'))
}

#[cfg(test)]
mod tests {
    use super::needs_brackets;

    #[test]
    fn names_and_numbers_stand_without_brackets() {
        for (text, expected) in [("2,5", false), ("λ", false), ("∞", false), ("n=1", true), ("-3", true)] {
            assert_eq!(needs_brackets(text), expected, "{text}");
        }
    }
}
