//! Which facts do we know in both languages?
//!
//! Sentences of our own with places for a number, a date and a name: a passage of several facts in one language, and
//! sentences about one of them in the other.

use intramuros_assistant::verify::Evidence;
use intramuros_core::language::Language;

use super::{Case, Random};

/// A fact: subject, what is said of it, and the denial of it; French and English.
struct Fact {
    subject: [&'static str; 2],
    said: [&'static str; 2],
    denied: [&'static str; 2],
}

const fn fact(subject: [&'static str; 2], said: [&'static str; 2], denied: [&'static str; 2]) -> Fact {
    Fact { subject, said, denied }
}

/// Half of them were looked at while the thresholds were chosen (even positions), half not.
const FACTS: &[Fact] = &[
    fact(
        ["Les factures", "Invoices"],
        ["sont conservées pendant {n} ans", "are kept for {n} years"],
        ["ne sont pas conservées pendant {n} ans", "are not kept for {n} years"],
    ),
    fact(
        ["Les salariés", "Employees"],
        ["ont droit à {n} jours de congé", "are entitled to {n} days of leave"],
        ["n'ont pas droit à {n} jours de congé", "are not entitled to {n} days of leave"],
    ),
    fact(
        ["Le contrat avec {name}", "The contract with {name}"],
        ["prend fin le {date}", "ends on {date}"],
        ["ne prend pas fin le {date}", "does not end on {date}"],
    ),
    fact(
        ["La bibliothèque municipale", "The public library"],
        ["est ouverte le dimanche", "is open on Sundays"],
        ["n'est pas ouverte le dimanche", "is not open on Sundays"],
    ),
    fact(
        ["Le loyer mensuel", "The monthly rent"],
        ["s'élève à {n} euros", "amounts to {n} euros"],
        ["ne s'élève pas à {n} euros", "does not amount to {n} euros"],
    ),
    fact(
        ["Le serveur de {name}", "The {name} server"],
        ["est sauvegardé chaque nuit", "is backed up every night"],
        ["n'est pas sauvegardé chaque nuit", "is not backed up every night"],
    ),
    fact(
        ["Les visiteurs", "Visitors"],
        ["doivent porter un badge", "must wear a badge"],
        ["ne doivent pas porter de badge", "must not wear a badge"],
    ),
    fact(
        ["La période d'essai", "The trial period"],
        ["dure {n} mois", "lasts {n} months"],
        ["ne dure pas {n} mois", "does not last {n} months"],
    ),
    fact(
        ["Le directeur de {name}", "The director of {name}"],
        ["a signé l'accord le {date}", "signed the agreement on {date}"],
        ["n'a pas signé l'accord le {date}", "did not sign the agreement on {date}"],
    ),
    fact(
        ["Les données personnelles", "Personal data"],
        ["sont chiffrées", "are encrypted"],
        ["ne sont pas chiffrées", "are not encrypted"],
    ),
    fact(
        ["La réunion annuelle", "The annual meeting"],
        ["aura lieu le {date}", "will take place on {date}"],
        ["n'aura pas lieu le {date}", "will not take place on {date}"],
    ),
    fact(
        ["Les mineurs", "Minors"],
        ["peuvent ouvrir un compte bancaire", "can open a bank account"],
        ["ne peuvent pas ouvrir de compte bancaire", "cannot open a bank account"],
    ),
    fact(
        ["L'usine de {name}", "The factory of {name}"],
        ["emploie {n} personnes", "employs {n} people"],
        ["n'emploie pas {n} personnes", "does not employ {n} people"],
    ),
    fact(
        ["Le médicament", "The medicine"],
        ["se conserve au réfrigérateur", "is stored in the refrigerator"],
        ["ne se conserve pas au réfrigérateur", "is not stored in the refrigerator"],
    ),
    fact(
        ["Le train pour {name}", "The train to {name}"],
        ["part à {n} heures", "leaves at {n} hours"],
        ["ne part pas à {n} heures", "does not leave at {n} hours"],
    ),
    fact(
        ["Les étudiants étrangers", "Foreign students"],
        ["doivent demander un visa", "must apply for a visa"],
        ["ne doivent pas demander de visa", "must not apply for a visa"],
    ),
    fact(
        ["La garantie du produit", "The product warranty"],
        ["couvre les pièces pendant {n} ans", "covers the parts for {n} years"],
        ["ne couvre pas les pièces pendant {n} ans", "does not cover the parts for {n} years"],
    ),
    fact(
        ["La société {name}", "The company {name}"],
        ["a été fondée le {date}", "was founded on {date}"],
        ["n'a pas été fondée le {date}", "was not founded on {date}"],
    ),
    fact(
        ["Les animaux", "Animals"],
        ["sont admis dans le parc", "are allowed in the park"],
        ["ne sont pas admis dans le parc", "are not allowed in the park"],
    ),
    fact(
        ["Le mot de passe", "The password"],
        ["doit contenir {n} caractères", "must contain {n} characters"],
        ["ne doit pas contenir {n} caractères", "must not contain {n} characters"],
    ),
    fact(
        ["L'assurance", "The insurance"],
        ["rembourse {n} % des frais", "reimburses {n}% of the costs"],
        ["ne rembourse pas {n} % des frais", "does not reimburse {n}% of the costs"],
    ),
    fact(
        ["Le pont de {name}", "The bridge of {name}"],
        ["a été fermé le {date}", "was closed on {date}"],
        ["n'a pas été fermé le {date}", "was not closed on {date}"],
    ),
    fact(
        ["Les candidats", "Applicants"],
        ["reçoivent une réponse sous {n} jours", "receive an answer within {n} days"],
        ["ne reçoivent pas de réponse sous {n} jours", "do not receive an answer within {n} days"],
    ),
    fact(
        ["L'eau du robinet", "Tap water"],
        ["est potable", "is drinkable"],
        ["n'est pas potable", "is not drinkable"],
    ),
];

const NAMES: &[&str] = &[
    "Lyon", "Airbus", "Nantes", "Renault", "Grenoble", "Siemens", "Dijon", "Michelin", "Bordeaux", "Thales",
];
const MONTHS: [[&str; 2]; 6] = [
    ["janvier", "January"],
    ["mars", "March"],
    ["mai", "May"],
    ["juillet", "July"],
    ["octobre", "October"],
    ["décembre", "December"],
];

/// Facts of one passage.
const FACTS_OF_A_PASSAGE: usize = 5;

/// Times that each fact is filled and put in each direction: each costs some ten vectors.
const ROUNDS: usize = 1;

/// What fills the places of a fact.
#[derive(Clone, Copy, PartialEq)]
struct Filling {
    number: usize,
    name: usize,
    month: usize,
    day: usize,
    year: usize,
}

impl Filling {
    fn drawn(random: &mut Random) -> Filling {
        Filling {
            number: 2 + random.below(88),
            name: random.below(NAMES.len()),
            month: random.below(MONTHS.len()),
            day: 2 + random.below(26),
            year: 2001 + random.below(24),
        }
    }

    /// The text in language 0 (French) or 1 (English).
    fn fill(&self, text: &str, language: usize) -> String {
        let month = MONTHS.get(self.month).and_then(|names| names.get(language)).copied().unwrap_or_default();
        let date = if language == 0 {
            format!("{} {month} {}", self.day, self.year)
        } else {
            format!("{month} {}, {}", self.day, self.year)
        };
        text.replace("{n}", &self.number.to_string())
            .replace("{name}", NAMES.get(self.name).copied().unwrap_or_default())
            .replace("{date}", &date)
    }
}

fn sentence(subject: &str, said: &str) -> String {
    format!("{subject} {said}.")
}

/// Each fact in each direction, said and corrupted in every way that fits it; the second half of the facts under the
/// name of held-out kinds.
pub(super) fn cases() -> Vec<Case> {
    let mut random = Random::new(11);
    let mut cases = Vec::new();
    for round in 0..ROUNDS {
        for (position, fact) in FACTS.iter().enumerate() {
            for from in 0..2 {
                let filling = Filling::drawn(&mut random);
                let denies = (round + position) % 3 == 0;
                about(position, fact, from, filling, denies, &mut random, &mut cases);
            }
        }
    }
    cases
}

fn about(
    position: usize,
    fact: &Fact,
    from: usize,
    filling: Filling,
    denies: bool,
    random: &mut Random,
    cases: &mut Vec<Case>,
) {
    let to = 1 - from;
    let pick = |pair: &[&'static str; 2], language: usize| pair.get(language).copied().unwrap_or_default();
    let predicate = |denied: bool| if denied { &fact.denied } else { &fact.said };
    let claim = |filling: &Filling, denied: bool| {
        filling.fill(&sentence(pick(&fact.subject, to), pick(predicate(denied), to)), to)
    };
    let stated = filling.fill(&sentence(pick(&fact.subject, from), pick(predicate(denies), from)), from);
    let mut lines = vec![stated];
    let others: Vec<&Fact> =
        (1..FACTS_OF_A_PASSAGE).filter_map(|step| FACTS.get((position + step * 5) % FACTS.len())).collect();
    for other in &others {
        lines.push(
            Filling::drawn(random).fill(&sentence(pick(&other.subject, from), pick(&other.said, from)), from),
        );
    }
    let middle = lines.len() / 2;
    lines.swap(0, middle);
    let languages = [Language::French, Language::English];
    let language_of = |number: usize| languages.get(number).copied().unwrap_or_default();
    let evidence = vec![Evidence {
        number: 1,
        text: lines.join(" "),
        context: String::new(),
        language: language_of(from),
    }];
    let held_out = position % 2 == 1;
    let mut push = |kinds: [&'static str; 2], sentence: String, supported: bool| {
        let kind = kinds.get(usize::from(held_out)).copied().unwrap_or_default();
        cases.push(Case { kind, sentence, language: language_of(to), evidence: evidence.clone(), supported });
    };
    let text = format!("{}{}", fact.subject[0], fact.said[0]);
    let mut pair = |kinds: [&'static str; 2], twisted: String| {
        push(kinds, claim(&filling, denies), true);
        push(kinds, twisted, false);
    };
    if text.contains("{n}") {
        let other = Filling { number: filling.number + 1 + random.below(9), ..filling };
        pair(["number", "number (held out)"], claim(&other, denies));
    }
    if text.contains("{date}") {
        let other = Filling { month: (filling.month + 1) % MONTHS.len(), ..filling };
        pair(["date", "date (held out)"], claim(&other, denies));
    }
    if text.contains("{name}") {
        let other = Filling { name: (filling.name + 3) % NAMES.len(), ..filling };
        pair(["name", "name (held out)"], claim(&other, denies));
    }
    pair(["negation", "negation (held out)"], claim(&filling, !denies));
    if let Some(other) = others.get(1) {
        let fused = sentence(pick(&fact.subject, to), pick(&other.said, to));
        pair(["facts fused", "facts fused (held out)"], filling.fill(&fused, to));
    }
}
