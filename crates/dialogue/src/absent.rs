//! How is it told that words of a question stand nowhere?

/// A line in French and one in English; none where all stand somewhere.
pub fn in_words(absent: &[String]) -> Option<(String, String)> {
    if absent.is_empty() {
        return None;
    }
    let list = |open: &str, close: &str| {
        let quoted: Vec<String> = absent.iter().map(|word| format!("{open}{word}{close}")).collect();
        quoted.join(", ")
    };
    let one = absent.len() == 1;
    let (french, english) = if one { ("figure", "stands") } else { ("figurent", "stand") };
    Some((
        format!("{} ne {french} dans aucun des documents consultés.", list("« ", " »")),
        format!("{} {english} in none of the documents searched.", list("“", "”")),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_nowhere_is_told_in_a_line() {
        let check = |absent: &[&str], expected: Option<(&str, &str)>| {
            let absent: Vec<String> = absent.iter().map(|word| (*word).to_owned()).collect();
            let told = in_words(&absent);
            assert_eq!(told.as_ref().map(|(french, english)| (&**french, &**english)), expected);
        };
        check(&[], None);
        check(
            &["tungsten"],
            Some((
                "« tungsten » ne figure dans aucun des documents consultés.",
                "“tungsten” stands in none of the documents searched.",
            )),
        );
        check(
            &["Delacroziel", "2019"],
            Some((
                "« Delacroziel », « 2019 » ne figurent dans aucun des documents consultés.",
                "“Delacroziel”, “2019” stand in none of the documents searched.",
            )),
        );
    }
}
