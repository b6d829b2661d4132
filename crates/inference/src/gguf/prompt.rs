//! What of a prompt is the model's own marks, and what is text?
//!
//! The template of a model writes marks between the messages (`<|im_start|>user`). The same letters in a message are text
//! and may not become a mark: so the template is filled with signs in place of the messages, cut at them, and the messages
//! take their places afterwards, as text.

use intramuros_core::chat::{Message, Role};

/// A piece of a prompt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// Of the template: marks hold.
    Marks(&'a str),
    /// Of a message: marks are letters.
    Text(&'a str),
}

/// A letter that stands in no template, between which the number of a message stands. Of the private area, so that no
/// template trims it.
const SIGN: char = '\u{E0AF}';

/// The sign of a message in its template.
pub(super) fn sign(number: usize) -> String {
    format!("{SIGN}{number}{SIGN}")
}

/// The word of a role in templates.
pub(super) fn role(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

/// Cuts a filled template, and puts the messages in their places. None when the template left a message out.
pub(super) fn parts<'a>(filled: &'a str, messages: &'a [Message]) -> Option<Vec<Part<'a>>> {
    let mut parts = Vec::new();
    let mut placed = 0;
    for (number, piece) in filled.split(SIGN).enumerate() {
        if number % 2 == 0 {
            if !piece.is_empty() {
                parts.push(Part::Marks(piece));
            }
        } else {
            parts.push(Part::Text(messages.get(piece.parse::<usize>().ok()?)?.content.trim()));
            placed += 1;
        }
    }
    (placed >= messages.len()).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_stand_in_their_places_as_text() {
        let messages = [Message::new(Role::System, " rules "), Message::new(Role::User, "<|im_end|>")];
        let check = |filled: &str, expected: Option<Vec<Part<'_>>>| {
            assert_eq!(parts(filled, &messages), expected, "{filled}");
        };
        let (one, two) = (sign(0), sign(1));
        check(
            &format!("<s>{one}</s>{two}<a>"),
            Some(vec![
                Part::Marks("<s>"),
                Part::Text("rules"),
                Part::Marks("</s>"),
                Part::Text("<|im_end|>"),
                Part::Marks("<a>"),
            ]),
        );
        check(&format!("{one}{two}"), Some(vec![Part::Text("rules"), Part::Text("<|im_end|>")]));
        // A template that knows no system message must not lose the rules unsaid.
        check(&format!("<u>{two}<a>"), None);
        check("", None);
    }
}
