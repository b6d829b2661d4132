//! How are the figures shown to whoever decides?
//!
//! One page of HTML that stands alone: no script, nothing loaded from anywhere, bars drawn as SVG, every bar with its
//! number beside it. Texts of questions and answers are escaped: they are no markup.

use std::fmt::Write as _;

use intramuros_core::language::Language;
use intramuros_core::markup::escape;

use super::figures::{Configuration, Figures, Given, Outcome};
use super::set::OwnQuestion;

/// Colours of the configurations, each at 4.5 to 1 or more on white; in this order they also differ in lightness.
const COLOURS: [&str; 6] = ["#12466b", "#9a3412", "#2f6b2f", "#6b2a7a", "#5c5a12", "#7a1f3d"];

/// Characters of an answer that are shown: a screen holds several.
const SHOWN: usize = 600;

/// Characters of a name that stand before a bar.
const LABEL: usize = 20;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff;max-width:70rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.7rem}h2{font-size:1.25rem;margin-top:2rem}table{border-collapse:collapse;width:100%;font-size:.92rem}\
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid #c9c9c9}th{background:#f1f1f1}\
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}.q{color:#4d4d4d;font-weight:400}figure{margin:1rem 0}figcaption{font-weight:600}\
summary{cursor:pointer}.key span{display:inline-block;margin-right:1.2rem}\
.key i{display:inline-block;width:.9rem;height:.9rem;margin-right:.35rem;vertical-align:-.1rem}";

/// The words of the page in one of its languages.
struct Words {
    french: bool,
}

impl Words {
    fn pick(&self, french: &'static str, english: &'static str) -> &'static str {
        if self.french { french } else { english }
    }

    fn share(&self, share: Option<f64>) -> String {
        match share {
            None => "–".to_owned(),
            Some(share) if self.french => format!("{:.0} %", share * 100.0),
            Some(share) => format!("{:.0}%", share * 100.0),
        }
    }

    fn milliseconds(&self, value: Option<f64>) -> String {
        match value {
            None => "–".to_owned(),
            // Beyond ten seconds nobody counts thousandths.
            Some(value) if value >= 10_000.0 => format!("{:.0} s", value / 1_000.0),
            Some(value) => format!("{value:.0} ms"),
        }
    }

    fn cost(&self, cost: f64) -> String {
        let cost = format!("{cost:.4}");
        if self.french { cost.replace('.', ",") } else { cost }
    }
}

/// A measure by which configurations are compared.
struct Measure {
    name: &'static str,
    about: &'static str,
    of: fn(&Figures) -> Option<f64>,
}

fn shares(words: &Words) -> Vec<Measure> {
    let measure = |fr: [&'static str; 2], en: [&'static str; 2], of| Measure {
        name: words.pick(fr[0], en[0]),
        about: words.pick(fr[1], en[1]),
        of,
    };
    vec![
        measure(
            ["Documents trouvés", "documents attendus parmi les dix premiers de la recherche"],
            ["Documents found", "expected documents among the first ten of the search"],
            |figures| figures.recall_10,
        ),
        measure(
            ["Réponse exacte présente", "réponses qui contiennent la réponse attendue, mot pour mot"],
            ["Right answer present", "answers that hold the expected answer, word for word"],
            |figures| figures.span,
        ),
        measure(
            ["Mots en commun (F1)", "mots partagés avec la réponse attendue"],
            ["Words in common (F1)", "words shared with the expected answer"],
            |figures| figures.token_f1,
        ),
        measure(
            ["Précision des citations", "citations qui mènent à un document attendu"],
            ["Precision of citations", "citations that lead to an expected document"],
            |figures| figures.citation_precision,
        ),
        measure(
            ["Rappel des citations", "documents attendus qui sont cités"],
            ["Recall of citations", "expected documents that are cited"],
            |figures| figures.citation_recall,
        ),
        measure(
            ["Questions répondues", "questions qui ont une réponse dans les documents, et en reçoivent une"],
            ["Questions answered", "questions that the documents answer, and that get an answer"],
            |figures| figures.answered,
        ),
        measure(
            ["Refus justes", "questions sans réponse dans les documents, et refusées"],
            ["Right refusals", "questions that nothing in the documents answers, and that are refused"],
            |figures| figures.refused,
        ),
        measure(
            ["Phrases appuyées", "phrases que les passages appuient, selon la vérification"],
            ["Supported sentences", "sentences that the passages support, as the check has it"],
            |figures| figures.supported,
        ),
    ]
}

/// The page. `all` are the configurations in the order in which they are shown, each with its figures.
pub fn page(
    name: &str,
    questions: &[OwnQuestion],
    all: &[(Configuration, Figures)],
    currency: &str,
    language: Language,
) -> String {
    let words = Words { french: language == Language::French };
    let code = if words.french { "fr" } else { "en" };
    let title = words.pick("Évaluation", "Evaluation");
    let mut html = format!(
        "<!doctype html><html lang=\"{code}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>{title} — {}</title><style>{STYLE}</style></head><body><main><h1>{title} — {}</h1>",
        escape(name),
        escape(name)
    );
    let answerable = all.first().map_or(0, |(_, figures)| figures.answerable);
    let _ = write!(
        html,
        "<p>{}: {} · {}: {answerable} · {}: {}</p>",
        words.pick("Questions ", "Questions"),
        questions.len(),
        words.pick("avec une réponse dans les documents ", "answered by the documents"),
        words.pick("sans réponse ", "not answered by them"),
        questions.len() - answerable.min(questions.len())
    );
    summary(&mut html, &words, all, currency);
    plots(&mut html, &words, all);
    each(&mut html, &words, questions, all);
    let _ = write!(
        html,
        "<h2>{}</h2><p class=\"q\">{}</p></main></body></html>",
        words.pick("Ce que ces chiffres ne disent pas", "What these figures don't say"),
        words.pick(
            "Aucun modèle ne juge : une réponse juste dite autrement ne contient pas la réponse attendue mot pour mot. \
             Peu de questions donnent des chiffres incertains : à cent questions, cinq points peuvent être du hasard.",
            "No model judges: a right answer in other words does not hold the expected one word for word. Few questions give \
             uncertain figures: with a hundred, five points may be chance."
        )
    );
    html
}

/// The figures, a line for each measure: many configurations still fit beside each other.
fn summary(html: &mut String, words: &Words, all: &[(Configuration, Figures)], currency: &str) {
    let _ = write!(html, "<h2>{}</h2><table><thead><tr><th></th>", words.pick("Côte à côte", "Side by side"));
    for (_, figures) in all {
        let _ = write!(html, "<th class=\"n\">{}</th>", escape(&figures.name));
    }
    html.push_str("</tr></thead><tbody>");
    let mut line = |name: &str, about: &str, cell: &dyn Fn(&Figures) -> String| {
        let _ = write!(html, "<tr><th>{name}<br><span class=\"q\">{about}</span></th>");
        for (_, figures) in all {
            let _ = write!(html, "<td class=\"n\">{}</td>", cell(figures));
        }
        html.push_str("</tr>");
    };
    for measure in shares(words) {
        line(measure.name, measure.about, &|figures| words.share((measure.of)(figures)));
    }
    let first = words.pick("Première phrase vérifiée", "First checked sentence");
    line(first, words.pick("médiane", "median"), &|figures| words.milliseconds(figures.first_ms));
    let whole = words.pick("Réponse entière", "Whole answer");
    line(whole, words.pick("médiane ; 95 sur 100", "median; 95 of 100"), &|figures| {
        let between = words.pick(" ; ", "; ");
        format!("{}{between}{}", words.milliseconds(figures.median_ms), words.milliseconds(figures.p95_ms))
    });
    let read_and_written = words.pick(
        "lus + écrits, selon le service, ou d’après la longueur s’il ne le dit pas",
        "read + written, as the service says, or by length where it does not",
    );
    line(words.pick("Jetons", "Tokens"), read_and_written, &|figures| {
        format!("{} + {}", figures.prompt_tokens, figures.completion_tokens)
    });
    let declared = words.pick("aux prix déclarés", "at the declared prices");
    line(words.pick("Coût", "Cost"), declared, &|figures| {
        figures
            .cost
            .map_or_else(|| "–".to_owned(), |cost| format!("{} {}", words.cost(cost), escape(currency)))
    });
    let replaced = words.pick(
        "questions auxquelles le modèle n’a pas pu répondre ; ce qui l’a remplacé ne compte pas",
        "questions that the model failed to answer; what took its place does not count",
    );
    line(words.pick("Pannes", "Failures"), replaced, &|figures| {
        format!("{} / {}", figures.failures, figures.questions)
    });
    html.push_str("</tbody></table>");
}

fn colour(number: usize) -> &'static str {
    COLOURS.get(number % COLOURS.len()).copied().unwrap_or("#12466b")
}

fn plots(html: &mut String, words: &Words, all: &[(Configuration, Figures)]) {
    let _ = write!(html, "<h2>{}</h2><p class=\"key\">", words.pick("Graphiques", "Plots"));
    for (number, (_, figures)) in all.iter().enumerate() {
        let _ = write!(
            html,
            "<span><i style=\"background:{}\"></i>{}</span>",
            colour(number),
            escape(&figures.name)
        );
    }
    html.push_str("</p>");
    for measure in shares(words) {
        let bars: Vec<(f64, String)> = all
            .iter()
            .map(|(_, figures)| {
                let share = (measure.of)(figures);
                (share.unwrap_or(0.0), words.share(share))
            })
            .collect();
        plot(html, measure.name, measure.about, all, &bars, 1.0);
    }
    let slowest = all.iter().filter_map(|(_, figures)| figures.p95_ms).fold(1.0, f64::max);
    let bars: Vec<(f64, String)> = all
        .iter()
        .map(|(_, figures)| (figures.median_ms.unwrap_or(0.0), words.milliseconds(figures.median_ms)))
        .collect();
    let about = words.pick(
        "temps médian d’une réponse entière ; moins vaut mieux",
        "median time of a whole answer; less is better",
    );
    plot(html, words.pick("Durée", "Time"), about, all, &bars, slowest);
}

/// Bars of one measure, one below the other, each with its number.
fn plot(
    html: &mut String,
    name: &str,
    about: &str,
    all: &[(Configuration, Figures)],
    bars: &[(f64, String)],
    whole: f64,
) {
    const ROW: usize = 26;
    const LEFT: usize = 150;
    const WIDTH: f64 = 420.0;
    let height = ROW * bars.len() + 4;
    let spoken: Vec<String> =
        all.iter().zip(bars).map(|((_, figures), (_, shown))| format!("{}: {shown}", figures.name)).collect();
    let _ = write!(
        html,
        "<figure><figcaption>{name} <span class=\"q\">— {about}</span></figcaption>\
         <svg viewBox=\"0 0 660 {height}\" width=\"100%\" height=\"{height}\" role=\"img\" aria-label=\"{}\" \
         preserveAspectRatio=\"xMinYMin meet\">",
        escape(&format!("{name}. {}", spoken.join("; ")))
    );
    for (number, ((_, figures), (value, shown))) in all.iter().zip(bars).enumerate() {
        let (top, middle) = (number * ROW + 4, number * ROW + 18);
        let width = (value / whole.max(f64::MIN_POSITIVE)).clamp(0.0, 1.0) * WIDTH;
        let label = cut(&figures.name, LABEL);
        let _ = write!(
            html,
            "<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\" font-size=\"13\" fill=\"#1a1a1a\">{}</text>\
             <rect x=\"{LEFT}\" y=\"{top}\" width=\"{width:.1}\" height=\"18\" fill=\"{}\"/>\
             <text x=\"{:.1}\" y=\"{middle}\" font-size=\"13\" fill=\"#1a1a1a\">{shown}</text>",
            LEFT - 8,
            escape(&label),
            colour(number),
            LEFT as f64 + width + 6.0
        );
    }
    html.push_str("</svg></figure>");
}

fn each(html: &mut String, words: &Words, questions: &[OwnQuestion], all: &[(Configuration, Figures)]) {
    let _ = write!(html, "<h2>{}</h2>", words.pick("Question par question", "Question by question"));
    for (number, question) in questions.iter().enumerate() {
        let _ = write!(html, "<details><summary>{}. {}</summary>", number + 1, escape(&question.question));
        let _ = write!(html, "<p class=\"q\">{}</p><table><tbody>", escape(&expected(words, question)));
        for (configuration, _) in all {
            if let Some(given) = configuration.given.get(number) {
                row(html, words, &configuration.name, given);
            }
        }
        html.push_str("</tbody></table></details>");
    }
}

/// What is right, and as whom and where it was asked.
fn expected(words: &Words, question: &OwnQuestion) -> String {
    let refusal = words.pick("aucune réponse dans les documents", "no answer in the documents");
    let sources = Some(question.sources.join(", ")).filter(|sources| !sources.is_empty());
    let right = match (question.answer.clone(), sources) {
        (Some(answer), Some(sources)) => format!("{answer} · {sources}"),
        (answer, sources) => answer.or(sources).unwrap_or_else(|| refusal.to_owned()),
    };
    let mut text = format!("{}: {right}", words.pick("Attendu ", "Expected"));
    if let Some(asker) = &question.asker {
        let _ = write!(text, " · {}: {asker}", words.pick("Posée par ", "Asked by"));
    }
    if let Some(collection) = &question.collection {
        let _ = write!(text, " · {}: {collection}", words.pick("Collection ", "Collection"));
    }
    text
}

/// The beginning of a text, which shows that it is one.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let beginning: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{beginning}…")
}

fn row(html: &mut String, words: &Words, name: &str, given: &Given) {
    let answer = match given.outcome {
        Outcome::Answered => cut(&given.text, SHOWN),
        Outcome::Refused => words.pick("(refusée)", "(refused)").to_owned(),
        Outcome::Closed => words
            .pick(
                "(refusée : qui demande ne peut pas choisir cette collection)",
                "(refused: whoever asks may not choose this collection)",
            )
            .to_owned(),
        Outcome::Failed(why) => {
            format!("{} {why}", words.pick("(panne du modèle)", "(the model failed)")).trim().to_owned()
        }
    };
    let mut cited: Vec<&str> = Vec::new();
    for path in &given.cited {
        if !cited.contains(&path.as_str()) {
            cited.push(path);
        }
    }
    let _ = write!(
        html,
        "<tr><th>{}</th><td>{}</td><td>{}</td><td class=\"n\">{}</td></tr>",
        escape(name),
        escape(&answer),
        escape(&cited.join(", ")),
        words.milliseconds(given.time())
    );
}

#[cfg(test)]
mod tests {
    use super::super::figures::figures;
    use super::*;

    #[test]
    fn the_page_stands_alone_in_both_languages_and_texts_are_no_markup() {
        let questions =
            [OwnQuestion { question: "<script>x</script>?".to_owned(), ..OwnQuestion::default() }];
        let (outcome, text) = (Outcome::Answered, "<img src=http://evil.example>".to_owned());
        let given = Given { outcome, text, ..Given::default() };
        let configuration = Configuration { name: "a\"b".to_owned(), given: vec![given] };
        let found = figures(&questions, &configuration);
        let all = [(configuration, found)];
        for (language, word) in [(Language::French, "Côte à côte"), (Language::English, "Side by side")] {
            let html = page("set", &questions, &all, "EUR", language);
            assert!(html.contains(word) && html.matches("<svg").count() == 9, "{html}");
            for loaded in ["<script", "<img", " src=", " href=", "url("] {
                assert!(!html.contains(loaded) || loaded == " src=", "{loaded}");
            }
            assert!(!html.contains("<img src"));
        }
    }

    #[test]
    fn each_question_says_what_is_right_and_what_became_of_it() {
        let questions = [OwnQuestion {
            question: "?".to_owned(),
            sources: vec!["archives.md".to_owned()],
            asker: Some("anne,rh".to_owned()),
            ..OwnQuestion::default()
        }];
        let shown = |outcome: Outcome, text: &str, language| {
            let cited = vec!["archives.md".to_owned(); 2];
            let given = Given { outcome, text: text.to_owned(), cited, total_ms: 10.0, ..Given::default() };
            let configuration = Configuration { name: "m".to_owned(), given: vec![given] };
            let found = figures(&questions, &configuration);
            let html = page("set", &questions, &[(configuration, found)], "EUR", language);
            html.split("<details>").nth(1).unwrap_or_default().to_owned()
        };
        let check = |outcome, text: &str, language, expected: &str| {
            let shown = shown(outcome, text, language);
            assert!(shown.contains(expected), "{expected}: {shown}");
        };
        let (french, english) = (Language::French, Language::English);
        check(Outcome::Answered, "Dix ans.", french, "Attendu : archives.md · Posée par : anne,rh</p>");
        check(
            Outcome::Answered,
            "Ten years.",
            english,
            "<td>Ten years.</td><td>archives.md</td><td class=\"n\">10 ms",
        );
        check(Outcome::Answered, &"a".repeat(SHOWN + 1), english, "a…</td>");
        check(Outcome::Refused, "", french, "<td>(refusée)</td>");
        check(Outcome::Closed, "", french, "(refusée : qui demande ne peut pas choisir cette collection)");
        check(Outcome::Failed("Time out."), "", english, "<td>(the model failed) Time out.</td>");
        // How long something else took in its place is not the model's time.
        check(
            Outcome::Failed(""),
            "",
            french,
            "<td>(panne du modèle)</td><td>archives.md</td><td class=\"n\">–",
        );
    }

    #[test]
    fn colours_can_be_told_from_white() {
        let light = |colour: &str| {
            let part = |at: usize| {
                let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
                if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
        };
        for colour in COLOURS.iter().chain(&["#1a1a1a", "#4d4d4d", "#1d5b1d", "#8f1d1d"]) {
            assert!(1.05 / (light(colour) + 0.05) >= 4.5, "{colour}");
        }
    }
}
