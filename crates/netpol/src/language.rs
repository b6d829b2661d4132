//! In which language is this said? A message carries both French and English from where it is made to where it is
//! shown, so that nothing in between needs to know who reads it.
//!
//! Both stand in one text between control characters that no input keeps: [`both`] writes them, [`Language::read`]
//! takes one of the two, at any depth. So messages are quoted inside messages with `format!` as any other text.

const START: char = '\u{2}';
const MIDDLE: char = '\u{1f}';
const END: char = '\u{3}';

/// The language of messages, tables and pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// French.
    French,
    /// English.
    #[default]
    English,
}

impl Language {
    /// What is said in this language, of the two.
    pub fn pick<T>(self, french: T, english: T) -> T {
        match self {
            Self::French => french,
            Self::English => english,
        }
    }

    /// What a text says in this language.
    pub fn read(self, text: &str) -> String {
        if !text.contains(START) {
            return text.to_owned();
        }
        let mut out = String::with_capacity(text.len());
        self.keep(text.chars(), u32::from, &mut Vec::new(), &mut |c| out.push(c));
        out
    }

    /// Keeps the units (characters or bytes) of this language. `open` says of every message that is open whether its
    /// half that stands here is the wanted one.
    fn keep<T: Copy>(
        self,
        units: impl Iterator<Item = T>,
        code: fn(T) -> u32,
        open: &mut Vec<bool>,
        push: &mut dyn FnMut(T),
    ) {
        for unit in units {
            match char::from_u32(code(unit)) {
                Some(START) => open.push(self == Self::French),
                Some(MIDDLE) => {
                    if let Some(wanted) = open.last_mut() {
                        *wanted = !*wanted;
                    }
                }
                Some(END) => {
                    open.pop();
                }
                _ if open.iter().all(|wanted| *wanted) => push(unit),
                _ => {}
            }
        }
    }
}

/// Writes what is written to it in one language.
pub struct Reading<'a> {
    /// Where it goes.
    pub inner: &'a mut dyn std::io::Write,
    /// The language.
    pub language: Language,
    open: Vec<bool>,
}

impl<'a> Reading<'a> {
    /// A writer in this language.
    pub fn new(inner: &'a mut dyn std::io::Write, language: Language) -> Self {
        Self { inner, language, open: Vec::new() }
    }
}

impl std::io::Write for Reading<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut kept = Vec::with_capacity(bytes.len());
        self.language.keep(bytes.iter().copied(), u32::from, &mut self.open, &mut |byte| kept.push(byte));
        self.inner.write_all(&kept)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

/// A text that says the same in both languages.
pub fn both(french: &str, english: &str) -> String {
    format!("{START}{french}{MIDDLE}{english}{END}")
}

/// A message in French and in English, formatted with the same arguments: `say!("{} flux", "{} flows", count)`.
macro_rules! say {
    ($french:literal, $english:literal $(, $argument:expr)* $(,)?) => {
        $crate::language::both(&format!($french $(, $argument)*), &format!($english $(, $argument)*))
    };
}
pub(crate) use say;

#[cfg(test)]
mod tests {
    use super::Language;

    #[test]
    fn messages_inside_messages_are_read_in_one_language() {
        let inner = say!("une règle", "a rule");
        let text = format!("file:3: {}", say!("{inner} manque ({})", "{inner} is missing ({})", 1));
        assert_eq!(Language::French.read(&text), "file:3: une règle manque (1)");
        assert_eq!(Language::English.read(&text), "file:3: a rule is missing (1)");
        assert_eq!(Language::English.read("plain"), "plain");
    }
}
