//! What does a selector of Calico's expression language mean? `app == 'web' && (tier in {'a', 'b'} || !has(old))`
//! becomes alternatives of plain selectors.

use crate::language::say;
use crate::model::labels::{Requirement, Selector};

/// Alternatives that one expression may unfold to: more is written by no hand.
const MAX_ALTERNATIVES: usize = 256;
/// Parentheses inside parentheses that no one writes.
const MAX_DEPTH: usize = 32;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Name(String),
    Text(String),
    Sign(&'static str),
}

#[derive(Clone, Debug)]
enum Expression {
    Everything,
    Label(Requirement),
    Not(Box<Expression>),
    All(Vec<Expression>),
    Any(Vec<Expression>),
}

/// The alternatives: labels match when one of the selectors matches. An empty text matches everything.
pub fn alternatives(text: &str) -> Result<Vec<Selector>, String> {
    if text.trim().is_empty() {
        return Ok(vec![Selector::everything()]);
    }
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0, text };
    let expression = parser.any(0)?;
    if parser.at < tokens.len() {
        return Err(parser.unexpected());
    }
    let mut selectors: Vec<Selector> =
        unfold(&expression, true, text)?.into_iter().map(Selector::new).collect();
    selectors.sort();
    selectors.dedup();
    Ok(selectors)
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    const SIGNS: [&str; 11] = ["==", "!=", "&&", "||", "!", "(", ")", "{", "}", ",", "="];
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let taken = if first == '\'' || first == '"' {
            let inner = rest[1..].split(first).next().unwrap_or_default();
            if rest.len() < inner.len() + 2 {
                return Err(say!(
                    "« {text} » n'est pas un sélecteur : un guillemet n'est pas fermé",
                    "'{text}' is not a selector: a quote is not closed"
                ));
            }
            tokens.push(Token::Text(inner.to_owned()));
            inner.len() + 2
        } else if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            tokens.push(Token::Sign(sign));
            sign.len()
        } else {
            let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
            let end = rest.find(|c| !legal(c)).unwrap_or(rest.len());
            if end == 0 {
                return Err(say!(
                    "« {text} » n'est pas un sélecteur : « {first} » n'y a pas sa place",
                    "'{text}' is not a selector: '{first}' has no place in it"
                ));
            }
            tokens.push(Token::Name(rest[..end].to_owned()));
            end
        };
        rest = rest[taken..].trim_start();
    }
    Ok(tokens)
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    text: &'a str,
}

impl Parser<'_> {
    fn unexpected(&self) -> String {
        match self.tokens.get(self.at) {
            Some(Token::Name(text) | Token::Text(text)) => {
                say!(
                    "« {} » n'est pas un sélecteur : « {text} » n'est pas attendu là",
                    "'{}' is not a selector: '{text}' is not expected there",
                    self.text
                )
            }
            Some(Token::Sign(sign)) => {
                say!(
                    "« {} » n'est pas un sélecteur : « {sign} » n'est pas attendu là",
                    "'{}' is not a selector: '{sign}' is not expected there",
                    self.text
                )
            }
            None => say!(
                "« {} » n'est pas un sélecteur : il s'arrête trop tôt",
                "'{}' is not a selector: it stops too early",
                self.text
            ),
        }
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Sign(known)) if *known == sign);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        if self.take(sign) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn any(&mut self, depth: usize) -> Result<Expression, String> {
        if depth > MAX_DEPTH {
            return Err(say!("« {} » a trop de niveaux imbriqués", "'{}' is nested too deep", self.text));
        }
        let mut parts = vec![self.all(depth)?];
        while self.take("||") {
            parts.push(self.all(depth)?);
        }
        Ok(Expression::Any(parts))
    }

    fn all(&mut self, depth: usize) -> Result<Expression, String> {
        let mut parts = vec![self.one(depth)?];
        while self.take("&&") {
            parts.push(self.one(depth)?);
        }
        Ok(Expression::All(parts))
    }

    fn one(&mut self, depth: usize) -> Result<Expression, String> {
        if depth > MAX_DEPTH {
            return Err(say!("« {} » a trop de niveaux imbriqués", "'{}' is nested too deep", self.text));
        }
        if self.take("!") {
            return Ok(Expression::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.take("(") {
            let inner = self.any(depth + 1)?;
            self.expect(")")?;
            return Ok(inner);
        }
        let Some(Token::Name(name)) = self.tokens.get(self.at).cloned() else {
            return Err(self.unexpected());
        };
        self.at += 1;
        if self.take("(") {
            return self.function(&name);
        }
        self.comparison(name)
    }

    fn function(&mut self, name: &str) -> Result<Expression, String> {
        if name == "all" {
            self.expect(")")?;
            return Ok(Expression::Everything);
        }
        let Some(Token::Name(label)) = self.tokens.get(self.at).cloned().filter(|_| name == "has") else {
            return Err(say!(
                "« {} » : {name}() n'est pas compris ici",
                "'{}': {name}() is not understood here",
                self.text
            ));
        };
        self.at += 1;
        self.expect(")")?;
        Ok(Expression::Label(Requirement::Exists(label)))
    }

    fn comparison(&mut self, label: String) -> Result<Expression, String> {
        if self.take("==") || self.take("=") {
            return Ok(Expression::Label(Requirement::In(label, vec![self.value()?])));
        }
        if self.take("!=") {
            return Ok(Expression::Label(Requirement::NotIn(label, vec![self.value()?])));
        }
        let word = match self.tokens.get(self.at) {
            Some(Token::Name(word)) => word.clone(),
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        match word.as_str() {
            "in" => Ok(Expression::Label(Requirement::In(label, self.values()?))),
            "not" if self.tokens.get(self.at) == Some(&Token::Name("in".to_owned())) => {
                self.at += 1;
                Ok(Expression::Label(Requirement::NotIn(label, self.values()?)))
            }
            word => Err(say!(
                "« {} » : « {word} » n'est pas compris dans un sélecteur",
                "'{}': '{word}' is not understood in a selector",
                self.text
            )),
        }
    }

    fn value(&mut self) -> Result<String, String> {
        match self.tokens.get(self.at) {
            Some(Token::Text(text)) => {
                self.at += 1;
                Ok(text.clone())
            }
            _ => Err(self.unexpected()),
        }
    }

    fn values(&mut self) -> Result<Vec<String>, String> {
        self.expect("{")?;
        let mut values = Vec::new();
        while !self.take("}") {
            values.push(self.value()?);
            if !self.take(",") {
                self.expect("}")?;
                break;
            }
        }
        values.sort();
        values.dedup();
        Ok(values)
    }
}

/// The alternatives of an expression, or of its opposite.
fn unfold(expression: &Expression, wanted: bool, text: &str) -> Result<Vec<Vec<Requirement>>, String> {
    let parts = match (expression, wanted) {
        (Expression::Everything, true) => return Ok(vec![Vec::new()]),
        (Expression::Everything, false) => return Ok(Vec::new()),
        (Expression::Label(requirement), true) => return Ok(vec![vec![requirement.clone()]]),
        (Expression::Label(requirement), false) => return Ok(vec![vec![opposite(requirement)]]),
        (Expression::Not(inner), wanted) => return unfold(inner, !wanted, text),
        (Expression::Any(parts), true) | (Expression::All(parts), false) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(unfold(part, wanted, text)?);
            }
            return limited(all, text);
        }
        (Expression::All(parts), true) | (Expression::Any(parts), false) => parts,
    };
    let mut product = vec![Vec::new()];
    for part in parts {
        let ways = unfold(part, wanted, text)?;
        let combine = |known: &Vec<Requirement>| {
            ways.iter()
                .map(|way| known.iter().chain(way).cloned().collect())
                .collect::<Vec<Vec<Requirement>>>()
        };
        product = limited(product.iter().flat_map(combine).collect(), text)?;
    }
    Ok(product)
}

fn limited(alternatives: Vec<Vec<Requirement>>, text: &str) -> Result<Vec<Vec<Requirement>>, String> {
    match alternatives.len() > MAX_ALTERNATIVES {
        true => Err(say!(
            "« {text} » a plus de {MAX_ALTERNATIVES} variantes",
            "'{text}' has more than {MAX_ALTERNATIVES} alternatives"
        )),
        false => Ok(alternatives),
    }
}

fn opposite(requirement: &Requirement) -> Requirement {
    match requirement.clone() {
        Requirement::In(key, values) => Requirement::NotIn(key, values),
        Requirement::NotIn(key, values) => Requirement::In(key, values),
        Requirement::Exists(key) => Requirement::Missing(key),
        Requirement::Missing(key) => Requirement::Exists(key),
    }
}

#[cfg(test)]
mod tests {
    use super::alternatives;

    fn check(text: &str, expected: &str) {
        let found = match alternatives(text) {
            Ok(selectors) => selectors.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "),
            Err(error) => crate::language::Language::English.read(&error),
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn expressions_unfold_to_alternatives() {
        check("all()", "");
        check("app == 'web'", "app=web");
        check("app=='web' && !has(old)", "app=web,!old");
        check("role in {\"a\", 'b'} || tier != 'x'", "role in (a,b) | tier notin (x)");
        check("!(a == 'b' && has(c))", "a notin (b) | !c");
        check("(a == '1' || a == '2') && b not in {'3'}", "a=1,b notin (3) | a=2,b notin (3)");
        check("app starts with 'w'", "'app starts with 'w'': 'starts' is not understood in a selector");
        check("app == web", "'app == web' is not a selector: 'web' is not expected there");
        check("app == 'web", "'app == 'web' is not a selector: a quote is not closed");
        check("global()", "'global()': global() is not understood here");
        check("a == 'b' &&", "'a == 'b' &&' is not a selector: it stops too early");
    }
}
