//! In which language is something said? A sentence carries French and English from where it is made to where it is
//! shown (`netpol::language`): a condition keeps both, a terminal shows one.

pub use intramuros_netpol::language::{Language, both};

/// A sentence in French and in English, formatted with the same arguments: `say!("{} flux", "{} flows", count)`.
macro_rules! say {
    ($french:literal, $english:literal $(, $argument:expr)* $(,)?) => {
        $crate::words::both(&format!($french $(, $argument)*), &format!($english $(, $argument)*))
    };
}
pub(crate) use say;

/// The English of a sentence: for logs and events, which programs read.
pub fn english(text: &str) -> String {
    Language::English.read(text)
}
