//! Is this passphrase long enough, and is it the right one?
//!
//! Length is what counts, not signs and capitals (NIST SP 800-63B-4, ANSSI's guide on passwords). What is kept is an
//! Argon2id hash in the usual form, so that the cost can be raised: a hash made at a lower cost says so, and is made again
//! at the next sign-in.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;

/// Least letters. 15: what NIST asks of a passphrase that stands alone; four or five words.
pub const LEAST_LETTERS: usize = 15;

/// Most letters. 256: a long sentence; more is not typed.
pub const MOST_LETTERS: usize = 256;

/// Least different letters: fewer is one key held down.
const LEAST_DIFFERENT: usize = 6;

/// Memory of one hash in KiB. 19 MiB with two passes: OWASP's advice where sixteen people sign in at once on a small
/// machine. How many are computed at the same time is limited by the caller.
pub const MEMORY_KIB: u32 = 19 * 1024;

/// Passes over that memory.
const PASSES: u32 = 2;

/// Lanes. 1: one thread for each hash.
const LANES: u32 = 1;

/// Bytes of the salt.
pub const SALT_BYTES: usize = 16;

/// Bytes of the hash.
const HASH_BYTES: usize = 32;

/// Most memory and passes of a stored hash that are accepted: a changed database must not stop the machine.
const MOST_MEMORY_KIB: u32 = 256 * 1024;
const MOST_PASSES: u32 = 10;

/// Why a new passphrase is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    /// Too short.
    #[error("a passphrase has at least {LEAST_LETTERS} letters: four or five words are good")]
    Short,
    /// Too long.
    #[error("a passphrase has at most {MOST_LETTERS} letters")]
    Long,
    /// The same few letters again and again.
    #[error("this passphrase repeats the same few letters")]
    Monotonous,
    /// The name with little around it.
    #[error("without the name, little is left of this passphrase")]
    Name,
}

impl Weak {
    /// The word in the API.
    pub fn word(self) -> &'static str {
        match self {
            Weak::Short => "passphrase_short",
            Weak::Long => "passphrase_long",
            Weak::Monotonous => "passphrase_monotonous",
            Weak::Name => "passphrase_name",
        }
    }
}

/// Whether a new passphrase of somebody is taken.
///
/// # Errors
/// Why not.
pub fn check(passphrase: &str, name: &str) -> Result<(), Weak> {
    let letters = passphrase.chars().count();
    if letters < LEAST_LETTERS {
        return Err(Weak::Short);
    }
    if letters > MOST_LETTERS {
        return Err(Weak::Long);
    }
    let folded = passphrase.to_lowercase();
    let different: std::collections::BTreeSet<char> = folded.chars().collect();
    if different.len() < LEAST_DIFFERENT {
        return Err(Weak::Monotonous);
    }
    let name = name.trim().to_lowercase();
    let stem = name.split('@').next().unwrap_or_default();
    let rest = [name.as_str(), stem, "intramuros"]
        .into_iter()
        .filter(|part| !part.is_empty())
        .fold(folded, |rest, part| rest.replace(part, ""));
    if rest.chars().count() < LEAST_LETTERS / 2 {
        return Err(Weak::Name);
    }
    Ok(())
}

/// The hash of a passphrase, to be kept. Takes some 30 ms and [`MEMORY_KIB`].
///
/// # Errors
/// When there is no memory for it.
pub fn hash(passphrase: &str, salt: &[u8; SALT_BYTES]) -> Result<String, String> {
    let cost = Cost { memory: MEMORY_KIB, passes: PASSES, lanes: LANES };
    let hash = compute(passphrase, salt, cost)?;
    let (salt, hash) = (BASE64.encode(salt), BASE64.encode(hash));
    Ok(format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${hash}"))
}

/// Whether a passphrase is the one whose hash was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Right,
    /// It is, and the hash should be made again at today's cost.
    RightButOld,
    /// It is not, or the hash can't be read.
    Wrong,
}

/// Compares a passphrase with a kept hash, in a time that says nothing of where they differ.
pub fn verify(passphrase: &str, kept: &str) -> Verdict {
    let Some((cost, salt, expected)) = parse(kept) else { return Verdict::Wrong };
    if passphrase.chars().count() > MOST_LETTERS {
        return Verdict::Wrong;
    }
    let Ok(found) = compute(passphrase, &salt, cost) else { return Verdict::Wrong };
    if blake3::hash(&found) != blake3::hash(&expected) {
        return Verdict::Wrong;
    }
    let today = cost == Cost { memory: MEMORY_KIB, passes: PASSES, lanes: LANES };
    if today { Verdict::Right } else { Verdict::RightButOld }
}

/// A hash that no passphrase has. Comparing with it takes as long as with a real one, so that the time does not say
/// whether there is such a person.
pub fn nobody() -> String {
    let (salt, hash) = (BASE64.encode([0; SALT_BYTES]), BASE64.encode([0; HASH_BYTES]));
    format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${hash}")
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Cost {
    memory: u32,
    passes: u32,
    lanes: u32,
}

fn compute(passphrase: &str, salt: &[u8], cost: Cost) -> Result<[u8; HASH_BYTES], String> {
    let params = Params::new(cost.memory, cost.passes, cost.lanes, Some(HASH_BYTES))
        .map_err(|error| error.to_string())?;
    let mut hash = [0; HASH_BYTES];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, &mut hash)
        .map_err(|error| error.to_string())?;
    Ok(hash)
}

fn parse(kept: &str) -> Option<(Cost, Vec<u8>, Vec<u8>)> {
    let mut parts = kept.strip_prefix("$argon2id$v=19$")?.split('$');
    let mut numbers = parts.next()?.split(',');
    let mut number = |key: &str| numbers.next()?.strip_prefix(key)?.parse::<u32>().ok();
    let cost = Cost { memory: number("m=")?, passes: number("t=")?, lanes: number("p=")? };
    let (salt, hash) = (BASE64.decode(parts.next()?).ok()?, BASE64.decode(parts.next()?).ok()?);
    let bounded = cost.memory <= MOST_MEMORY_KIB && cost.passes <= MOST_PASSES && cost.lanes == LANES;
    (bounded && parts.next().is_none() && hash.len() == HASH_BYTES).then_some((cost, salt, hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_and_nothing_else() {
        let check = |passphrase: &str, expected: Result<(), Weak>| {
            assert_eq!(check(passphrase, "anne@example.org"), expected, "{passphrase}");
        };
        check("quatre mots bien choisis", Ok(()));
        check("correct horse battery", Ok(()));
        check("Tr0ub4dor&3", Err(Weak::Short));
        check("été à la mer en", Ok(()));
        check(&"a".repeat(20), Err(Weak::Monotonous));
        check("abababababababababab", Err(Weak::Monotonous));
        check("anne@example.org1", Err(Weak::Name));
        check("IntramurosAnne1!", Err(Weak::Name));
        check(&"un deux trois ".repeat(20), Err(Weak::Long));
    }

    #[test]
    fn only_the_right_passphrase_opens_and_old_hashes_are_told() {
        let kept = hash("quatre mots bien choisis", &[3; SALT_BYTES]).unwrap();
        let check = |passphrase: &str, kept: &str, expected: Verdict| {
            assert_eq!(verify(passphrase, kept), expected, "{passphrase} {kept}");
        };
        check("quatre mots bien choisis", &kept, Verdict::Right);
        check("quatre mots bien choisiS", &kept, Verdict::Wrong);
        check("", &kept, Verdict::Wrong);
        check("quatre mots bien choisis", &nobody(), Verdict::Wrong);
        let cost = Cost { memory: 64, passes: 1, lanes: 1 };
        let (salt, old) =
            ([3; SALT_BYTES], compute("un vieux mot de passe", &[3; SALT_BYTES], cost).unwrap());
        let old = format!("$argon2id$v=19$m=64,t=1,p=1${}${}", BASE64.encode(salt), BASE64.encode(old));
        check("un vieux mot de passe", &old, Verdict::RightButOld);
        // What a changed database could ask for is not computed.
        for odd in ["", "$argon2id$v=19$m=99999999,t=1,p=1$AAAA$AAAA", "$2b$12$x", &kept[..kept.len() - 3]] {
            check("x", odd, Verdict::Wrong);
        }
    }
}
