//! Which groups, control words and characters follow one another in this RTF file?

/// One piece of an RTF file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// `{`
    Open,
    /// `}`
    Close,
    /// A control word and its number: `\uc1`.
    Word(&'a str, Option<i32>),
    /// A control symbol: `\~`.
    Symbol(u8),
    /// A character by its code: `\'e9`.
    Hex(u8),
    /// Plain characters.
    Text(&'a [u8]),
}

/// Cuts an RTF file into tokens.
pub struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// A control word has at most 32 letters; more is data.
const WORD: usize = 32;

impl<'a> Tokens<'a> {
    /// Tokens of these bytes.
    pub fn new(bytes: &'a [u8]) -> Tokens<'a> {
        Tokens { bytes, at: 0 }
    }

    /// Passes over binary data that a `\bin` announced.
    pub fn pass_over(&mut self, count: usize) {
        self.at = self.at.saturating_add(count).min(self.bytes.len());
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take_while(&mut self, wanted: impl Fn(u8) -> bool, most: usize) -> &'a [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let count = rest.iter().take(most).take_while(|byte| wanted(**byte)).count();
        self.at += count;
        rest.get(..count).unwrap_or_default()
    }

    fn control(&mut self) -> Option<Token<'a>> {
        let first = self.peek()?;
        if !first.is_ascii_alphabetic() {
            self.at += 1;
            if first != b'\'' {
                return Some(Token::Symbol(first));
            }
            let digits = self.take_while(|byte| byte.is_ascii_hexdigit(), 2);
            let code =
                std::str::from_utf8(digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok());
            return Some(code.map_or(Token::Text(b""), Token::Hex));
        }
        let word = self.take_while(|byte| byte.is_ascii_alphabetic(), WORD);
        let sign = self.take_while(|byte| byte == b'-', 1);
        let digits = self.take_while(|byte| byte.is_ascii_digit(), 10);
        let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<i32>().ok());
        let number = number.map(|number| if sign.is_empty() { number } else { -number });
        if self.peek() == Some(b' ') {
            self.at += 1;
        }
        Some(Token::Word(std::str::from_utf8(word).ok()?, number))
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let first = self.peek()?;
        match first {
            b'{' => {
                self.at += 1;
                Some(Token::Open)
            }
            b'}' => {
                self.at += 1;
                Some(Token::Close)
            }
            b'\\' => {
                self.at += 1;
                self.control()
            }
            // Line ends of the file mean nothing.
            b'\r' | b'\n' | 0 => {
                self.at += 1;
                Some(Token::Text(b""))
            }
            _ => {
                let plain = |byte: u8| !matches!(byte, b'{' | b'}' | b'\\' | b'\r' | b'\n' | 0);
                Some(Token::Text(self.take_while(plain, usize::MAX)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_numbers_codes_and_text() {
        let tokens: Vec<Token<'_>> = Tokens::new(b"{\\b0 x\\u-10?\\'e9\\~}").collect();
        let expected = [
            Token::Open,
            Token::Word("b", Some(0)),
            Token::Text(b"x"),
            Token::Word("u", Some(-10)),
            Token::Text(b"?"),
            Token::Hex(0xe9),
            Token::Symbol(b'~'),
            Token::Close,
        ];
        assert_eq!(tokens, expected);
    }
}
