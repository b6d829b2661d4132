//! How does the report look as one page that loads nothing?

use intramuros_core::markup::escape;

use crate::report::{Report, Start};
use crate::svg;

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8884;--ok:#0a7d4b;--no:#b3261e}\
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}\
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}\
table{border-collapse:collapse;width:100%;font-size:.9rem}\
th,td{border-bottom:1px solid var(--line);padding:.35rem .6rem .35rem 0;text-align:left;vertical-align:top}\
.walls{width:100%;height:auto;font-size:13px}.walls text{fill:currentColor}\
.wall{fill:none;stroke:currentColor;stroke-width:5}.gate.open{fill:var(--ok)}.gate.closed{fill:var(--no)}\
.arrow{stroke:var(--ok);stroke-width:2;fill:none}text.closed{opacity:.6;text-decoration:line-through}\
.inside{font-weight:600}";

/// The report as a page: no script, no font, no image from elsewhere, and a policy that forbids them.
pub fn page(report: &Report) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>The perimeter</title><style>{STYLE}</style></head>\
         <body><h1>The perimeter</h1><p>{} · {}</p>{}",
        escape(&report.made),
        escape(&report.places()),
        svg::picture(report)
    );
    let models =
        report.models.iter().map(|model| vec![model.name.clone(), model.place.clone(), model.run_by()]);
    page.push_str(&table("Models", &["Name", "Place", "Operator (jurisdiction)"], models));
    let ways_in =
        report.ways_in.iter().map(|way| vec![way.at.clone(), way.reach.to_owned(), way.used.in_words()]);
    page.push_str(&table("Ways in", &["Address", "Reached from", "Use"], ways_in));
    let ways_out = report.ways_out.iter().map(|way| {
        vec![
            way.to.clone(),
            way.purpose.to_string(),
            way.operator.clone(),
            way.jurisdiction.clone(),
            way.data.clone(),
            way.until.map_or_else(String::new, |day| day.to_string())
                + if way.open { "" } else { " (closed)" },
            format!(
                "{} allowed, {} refused; last {}",
                way.used.allowed,
                way.used.refused,
                way.used.last.as_deref().unwrap_or("never")
            ),
            way.enforced_by.join("; "),
        ]
    });
    let heads = ["To", "Purpose", "Operator", "Jurisdiction", "Data", "Until", "Use", "Enforced by"];
    page.push_str(&table("Ways out", &heads, ways_out));
    let refused = report.refused.iter().map(|(what, used)| {
        vec![what.clone(), used.refused.to_string(), used.last.clone().unwrap_or_default()]
    });
    page.push_str(&table("Tried and refused", &["What", "Times", "Last"], refused));
    let measures = report.measures.iter().map(|measure| vec![measure.what.clone(), measure.by.to_owned()]);
    let started = report.started.as_ref().map_or_else(String::new, Start::in_words);
    page.push_str(&table(&format!("Enforced by the kernel{started}"), &["What", "By"], measures));
    page.push_str(&table(
        "Open points",
        &["What to look at"],
        report.open.iter().map(|point| vec![point.clone()]),
    ));
    let criteria = report.criteria.iter().map(|one| {
        vec![
            one.measure.to_owned(),
            one.how.to_owned(),
            one.secnumcloud.to_owned(),
            one.sovereignty.to_owned(),
        ]
    });
    let heads = ["Measure", "How", "SecNumCloud 3.2", "EU Cloud Sovereignty Framework"];
    page.push_str(&table("Criteria supported (a mapping, not a claim of compliance)", &heads, criteria));
    let components = report.components.iter().map(|(name, version, licence)| {
        vec![name.clone(), version.clone(), licence.clone().unwrap_or_default()]
    });
    page.push_str(&table("Components", &["Name", "Version", "Licence"], components));
    page.push_str("</body></html>\n");
    page
}

fn table(title: &str, heads: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let heads: String = heads.iter().map(|head| format!("<th scope=\"col\">{}</th>", escape(head))).collect();
    let rows: String = rows
        .map(|cells| {
            let cells: String = cells.iter().map(|cell| format!("<td>{}</td>", escape(cell))).collect();
            format!("<tr>{cells}</tr>")
        })
        .collect();
    let body = if rows.is_empty() {
        "<p>None.</p>".to_owned()
    } else {
        format!("<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>")
    };
    format!("<h2>{}</h2>{body}", escape(title))
}
