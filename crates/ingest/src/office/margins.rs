//! Does this header or footer say more than the number of the page?

/// Words of headers and footers that hold nothing but the page number.
const PAGE_WORDS: [&str; 10] = ["page", "pages", "p", "of", "sur", "de", "seite", "von", "/", "-"];

/// Whether a text holds nothing but a page number, such as `Page 3 sur 12`.
pub fn is_page_number(text: &str) -> bool {
    text.split_whitespace().all(|word| {
        let word = word.trim_matches(['.', '-', '–', '|', '(', ')']).to_lowercase();
        word.is_empty()
            || PAGE_WORDS.contains(&word.as_str())
            || word.chars().all(|c| c.is_ascii_digit() || c == '/')
    })
}
