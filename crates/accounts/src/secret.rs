//! What do tokens and codes look like, and what of them is kept?
//!
//! A token is `imp_` (personal) or `ims_` (service), 32 letters of chance and six that follow from the rest: a token that
//! was copied in part is told from one that was revoked, and scanners for leaked secrets know it by its form. Only a hash
//! is kept. One round of a fast hash is enough: nobody guesses 160 bits.

/// Random bytes in a token. 20: 160 bits, 32 letters.
pub const TOKEN_BYTES: usize = 20;

/// Random bytes in a session's or a browser's secret. 32: 256 bits.
pub const SESSION_BYTES: usize = 32;

/// Random bytes in the code that makes the first owner. 8, of which 60 bits are shown: read from a terminal and typed;
/// it is kept in memory alone and tried a few times a minute.
pub const FIRST_CODE_BYTES: usize = 8;

/// Letters of that code, without the dashes.
pub const FIRST_CODE_LETTERS: usize = 12;

/// Letters of an invitation. 24: 120 bits; its hash is kept, and it travels in a link.
pub const INVITATION_LETTERS: usize = 24;

/// Letters of the check at the end of a token.
const CHECK_LETTERS: usize = 6;

/// Crockford's digits: no letter is taken for another when read aloud or typed.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Whose a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A person's own: it may what the person may, within its scopes.
    Personal,
    /// A program's.
    Service,
}

impl TokenKind {
    /// The word in the database and the API.
    pub fn word(self) -> &'static str {
        match self {
            TokenKind::Personal => "personal",
            TokenKind::Service => "service",
        }
    }

    /// The kind that a text begins as, whole or not.
    pub fn of(text: &str) -> Option<TokenKind> {
        [TokenKind::Personal, TokenKind::Service].into_iter().find(|kind| text.starts_with(kind.prefix()))
    }

    fn prefix(self) -> &'static str {
        match self {
            TokenKind::Personal => "imp_",
            TokenKind::Service => "ims_",
        }
    }
}

/// A new token from random bytes.
pub fn token(kind: TokenKind, random: &[u8; TOKEN_BYTES]) -> String {
    let start = format!("{}{}", kind.prefix(), letters(random, 32));
    let check = check_of(&start);
    format!("{start}{check}")
}

/// Whether a text has the form of one of our tokens, check letters included.
pub fn is_token(text: &str) -> Option<TokenKind> {
    let kind = TokenKind::of(text)?;
    let end = text.len().checked_sub(CHECK_LETTERS)?;
    let (start, check) = text.split_at_checked(end)?;
    let whole = start.len() == kind.prefix().len() + 32 && text.is_ascii();
    (whole && check == check_of(start)).then_some(kind)
}

fn check_of(start: &str) -> String {
    letters(blake3::hash(start.as_bytes()).as_bytes(), CHECK_LETTERS)
}

/// The last letters of a token, by which people tell theirs apart.
pub fn hint(token: &str) -> String {
    token.get(token.len().saturating_sub(4)..).unwrap_or_default().to_owned()
}

/// A code for people to type, in groups of four.
pub fn code(random: &[u8], length: usize) -> String {
    let letters = letters(random, length).to_uppercase();
    let groups: Vec<&str> =
        letters.as_bytes().chunks(4).filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join("-")
}

/// A code as it is compared: however it was typed.
pub fn plain_code(typed: &str) -> String {
    typed
        .chars()
        .filter(|letter| !letter.is_whitespace() && *letter != '-')
        .take(64)
        .map(|letter| match letter.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        })
        .collect()
}

/// What a secret is for; the hash of one is never that of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// A bearer token.
    Token,
    /// A session's cookie.
    Session,
    /// A one-time code.
    Code,
}

/// What is kept of a secret.
pub fn fingerprint(of: Use, secret: &str) -> [u8; 32] {
    let context = match of {
        Use::Token => "intramuros 2026-11 bearer token",
        Use::Session => "intramuros 2026-11 session",
        Use::Code => "intramuros 2026-11 one-time code",
    };
    blake3::derive_key(context, secret.as_bytes())
}

/// Whether two fingerprints are the same, in a time that says nothing of where they differ.
pub fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    blake3::Hash::from_bytes(*one) == blake3::Hash::from_bytes(*other)
}

/// Bytes as letters, five bits each, the first `length` of them.
pub fn letters(bytes: &[u8], length: usize) -> String {
    let mut text = String::with_capacity(length);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in bytes {
        if text.len() == length {
            break;
        }
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 && text.len() < length {
            bits -= 5;
            text.push(char::from(DIGITS[(held >> bits & 31) as usize]));
        }
        held &= (1 << bits) - 1;
    }
    text
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_form_and_a_slip_is_told() {
        let token = token(TokenKind::Personal, &[7; TOKEN_BYTES]);
        assert_eq!(token.len(), 4 + 32 + 6);
        assert_eq!(is_token(&token), Some(TokenKind::Personal));
        for at in 0..token.len() {
            let mut broken = token.clone().into_bytes();
            broken[at] = if broken[at] == b'z' { b'y' } else { b'z' };
            assert_eq!(is_token(std::str::from_utf8(&broken).unwrap()), None, "{at}");
        }
        for cut in 0..token.len() {
            assert_eq!(is_token(&token[..cut]), None);
        }
        for odd in ["", "imp_", "ims_é", "Bearer x", "é".repeat(30).as_str()] {
            assert_eq!(is_token(odd), None, "{odd}");
        }
        assert_ne!(self::token(TokenKind::Service, &[7; TOKEN_BYTES])[4..], token[4..]);
    }

    #[test]
    fn a_code_is_the_same_however_it_is_typed() {
        let shown = code(&[0xff, 0x00, 0xaa, 0x55, 0x12, 0x34, 0x56, 0x78], FIRST_CODE_LETTERS);
        assert_eq!(shown.len(), 14);
        let check = |typed: &str| assert_eq!(plain_code(typed), plain_code(&shown), "{typed}");
        check(&shown.to_lowercase());
        check(&shown.replace('-', ""));
        check(&format!("  {} ", shown.replace('-', " ")));
        check(&shown.replace('0', "O").replace('1', "l"));
        assert_eq!(plain_code(&"x".repeat(1_000_000)).len(), 64);
    }

    #[test]
    fn a_hash_for_one_use_is_not_that_for_another() {
        let of = |of: Use| fingerprint(of, "secret");
        assert_ne!(of(Use::Token), of(Use::Session));
        assert_ne!(of(Use::Code), of(Use::Session));
        assert!(same(&of(Use::Token), &of(Use::Token)));
        assert!(!same(&of(Use::Token), &of(Use::Code)));
    }
}
