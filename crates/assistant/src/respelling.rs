//! How do the documents spell the words of a question that was typed without accents?
//!
//! Words are found whatever their accents, but a question's vector is another without them, and may lie too far from what
//! answers it. So a question that nothing seemed to answer is spelt as the passages that hold its words spell them.

use std::collections::HashMap;
use std::ops::Range;

use intramuros_search::analysis::words;

/// The question with its words as the texts write them; none where it is written so already.
pub fn respelt(question: &str, texts: &[&str]) -> Option<String> {
    // By the folded word: how often it is written in which way.
    let mut written: HashMap<String, HashMap<String, usize>> = HashMap::new();
    for text in texts {
        for word in words(text) {
            if let Some(form) = text.get(word.range.clone()) {
                *written.entry(word.exact).or_default().entry(form.to_lowercase()).or_default() += 1;
            }
        }
    }
    let mut spelt = question.to_owned();
    let replaced: Vec<(Range<usize>, &String)> = words(question)
        .into_iter()
        .filter_map(|word| {
            let forms = written.get(&word.exact)?;
            let own = question.get(word.range.clone())?.to_lowercase();
            // The first by the alphabet where two are as frequent: the same each time.
            let most = forms.iter().max_by(|a, b| a.1.cmp(b.1).then_with(|| b.0.cmp(a.0)))?.0;
            let same_length = most.chars().count() == own.chars().count();
            (!word.whole && same_length && !forms.contains_key(&own)).then_some((word.range, most))
        })
        .collect();
    for (range, form) in replaced.iter().rev() {
        spelt.replace_range(range.clone(), form);
    }
    (!replaced.is_empty()).then_some(spelt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_spelt_as_the_texts_spell_them() {
        let texts = ["Le trésorier garde les clés. Où ou comment ?", "Un trésorier est élu ; élu, il signe."];
        let check = |question: &str, expected: Option<&str>| {
            assert_eq!(respelt(question, &texts).as_deref(), expected, "{question}");
        };
        check("Qui est le tresorier ?", Some("Qui est le trésorier ?"));
        check("ou sont les cles du TRESORIER", Some("ou sont les clés du trésorier"));
        check("Qui est le trésorier ?", None);
        check("Combien de chats ?", None);
        check("", None);
    }
}
