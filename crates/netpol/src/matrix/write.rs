//! How is a matrix written: CSV, YAML, a spreadsheet, and the template that people start from?

use super::{Flow, Matrix};
use crate::model::policy::PortMatch;
use crate::model::ports::Protocol;
use crate::report::Language;
use crate::report::text::csv_row;
use std::io::{Cursor, Write};

/// The headings of a language.
pub fn headings(language: Language) -> [&'static str; 9] {
    match language {
        Language::French => [
            "N°",
            "Source",
            "Destination",
            "Protocole",
            "Ports",
            "Justification",
            "Responsable",
            "Date de revue",
            "Catégorie",
        ],
        Language::English => [
            "ID",
            "Source",
            "Destination",
            "Protocol",
            "Ports",
            "Justification",
            "Owner",
            "Review date",
            "Category",
        ],
    }
}

fn cells(flow: &Flow, number: usize) -> [String; 9] {
    let (protocols, ports) = protocols_and_ports(flow);
    [
        flow.id.clone().unwrap_or_else(|| number.to_string()),
        flow.source.to_string(),
        flow.destination.to_string(),
        protocols,
        ports,
        flow.justification.clone(),
        flow.owner.clone(),
        flow.review.map(|day| day.to_string()).unwrap_or_default(),
        flow.category.name().to_owned(),
    ]
}

/// The cells of protocols and ports: protocols stand apart when their ports are the same.
fn protocols_and_ports(flow: &Flow) -> (String, String) {
    let text = flow.ports_text();
    let [PortMatch::Numbers(set)] = flow.ports.as_slice() else {
        return match flow.ports.as_slice() {
            [PortMatch::Named(Some(protocol), name)] => (protocol.name().to_owned(), name.clone()),
            _ => (String::new(), text),
        };
    };
    if set.is_all() {
        return (String::new(), "all".to_owned());
    }
    let used: Vec<Protocol> =
        Protocol::ALL.into_iter().filter(|&protocol| !set.ranges(protocol).is_empty()).collect();
    let Some(&first) = used.first() else { return (String::new(), text) };
    if used.iter().any(|&protocol| set.ranges(protocol) != set.ranges(first)) {
        return (String::new(), text);
    }
    let range = |&(low, high): &(u16, u16)| match (low, high) {
        (1, u16::MAX) => "all".to_owned(),
        (low, high) if low == high => low.to_string(),
        (low, high) => format!("{low}-{high}"),
    };
    let names: Vec<&str> = used.iter().map(|protocol| protocol.name()).collect();
    let ranges: Vec<String> = set.ranges(first).iter().map(range).collect();
    (names.join(","), ranges.join(","))
}

/// A matrix as CSV.
pub fn csv(matrix: &Matrix, language: Language) -> String {
    let separator = if language == Language::French { ';' } else { ',' };
    let mut out = csv_row(&headings(language), separator);
    for (at, flow) in matrix.flows.iter().enumerate() {
        let cells = cells(flow, at + 1);
        out.push_str(&csv_row(&cells.each_ref().map(String::as_str), separator));
    }
    out
}

/// A matrix as YAML.
pub fn yaml(matrix: &Matrix) -> String {
    let keys =
        ["id", "source", "destination", "protocol", "ports", "justification", "owner", "review", "category"];
    let mut out = String::from("flows:\n");
    for (at, flow) in matrix.flows.iter().enumerate() {
        let mut first = true;
        for (key, cell) in keys.iter().zip(cells(flow, at + 1)) {
            if cell.is_empty() {
                continue;
            }
            let lead = if std::mem::take(&mut first) { "- " } else { "  " };
            out.push_str(&format!("{lead}{key}: {}\n", crate::generate::yaml::scalar(&cell)));
        }
    }
    out
}

/// The template's lines: what is the same in both languages stands once.
fn examples(language: Language) -> [[&'static str; 9]; 6] {
    let pick = |french, english| match language {
        Language::French => french,
        Language::English => english,
    };
    let shop = pick("equipe-boutique", "shop-team");
    let platform = pick("plateforme", "platform");
    let desks = pick("10.20.0.0/24 sauf 10.20.0.128/25", "10.20.0.0/24 except 10.20.0.128/25");
    let calls = pick("Le site appelle l'API", "The site calls the API");
    let orders = pick("Commandes des clients", "Orders of customers");
    let data = pick("equipe-donnees", "data-team");
    let names = pick("Résolution de noms", "Name resolution");
    let measures = pick("Mesures", "Metrics");
    let administration = pick("Postes d'administration", "Administration desks");
    let security = pick("rssi", "security");
    let payment = pick("Paiement", "Payment");
    let prometheus = "monitoring/{app=prometheus}";
    let day = "2027-06-30";
    [
        ["1", "shop/web[Deployment]", "shop/api[Service]", "TCP", "8080", calls, shop, day, "production"],
        ["2", "shop/api", "data/postgres[StatefulSet]", "TCP", "5432", orders, data, day, "production"],
        ["3", "*/*", "dns", "UDP,TCP", "53", names, platform, day, "supervision"],
        ["4", prometheus, "shop/*", "TCP", "metrics", measures, platform, day, "supervision"],
        ["5", desks, "admin/bastion", "TCP", "22", administration, security, day, "admin"],
        ["6", "shop/api", "api.paiement.example", "TCP", "443", payment, shop, day, "production"],
    ]
}

/// The template as CSV.
pub fn template_csv(language: Language) -> String {
    let separator = if language == Language::French { ';' } else { ',' };
    let mut out = csv_row(&headings(language), separator);
    for row in examples(language) {
        out.push_str(&csv_row(&row, separator));
    }
    out
}

/// The template as a spreadsheet (XLSX).
pub fn template_xlsx(language: Language) -> Vec<u8> {
    let mut rows = vec![headings(language).map(str::to_owned).to_vec()];
    rows.extend(examples(language).iter().map(|row| row.map(str::to_owned).to_vec()));
    xlsx(&rows)
}

/// A matrix as a spreadsheet (XLSX).
pub fn matrix_xlsx(matrix: &Matrix, language: Language) -> Vec<u8> {
    let mut rows = vec![headings(language).map(str::to_owned).to_vec()];
    rows.extend(matrix.flows.iter().enumerate().map(|(at, flow)| cells(flow, at + 1).to_vec()));
    xlsx(&rows)
}

/// The smallest workbook that every spreadsheet program opens: one sheet of texts, first row frozen and bold.
fn xlsx(rows: &[Vec<String>]) -> Vec<u8> {
    use intramuros_core::markup::escape;
    let mut sheet = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetViews><sheetView workbookViewId=\"0\"><pane ySplit=\"1\" topLeftCell=\"A2\" state=\"frozen\"/></sheetView></sheetViews><cols><col min=\"1\" max=\"1\" width=\"6\" customWidth=\"1\"/><col min=\"2\" max=\"9\" width=\"30\" customWidth=\"1\"/></cols><sheetData>",
    );
    for (number, row) in rows.iter().enumerate() {
        sheet.push_str(&format!("<row r=\"{}\">", number + 1));
        for (column, cell) in row.iter().enumerate() {
            let letter = char::from(b'A' + u8::try_from(column % 26).unwrap_or(0));
            let style = if number == 0 { " s=\"1\"" } else { "" };
            sheet.push_str(&format!(
                "<c r=\"{letter}{}\"{style} t=\"inlineStr\"><is><t>{}</t></is></c>",
                number + 1,
                escape(cell)
            ));
        }
        sheet.push_str("</row>");
    }
    sheet.push_str("</sheetData></worksheet>");
    let parts = [
        (
            "[Content_Types].xml",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"><Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/><Default Extension=\"xml\" ContentType=\"application/xml\"/><Override PartName=\"/xl/workbook.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml\"/><Override PartName=\"/xl/worksheets/sheet1.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml\"/><Override PartName=\"/xl/styles.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml\"/></Types>",
        ),
        (
            "_rels/.rels",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>",
        ),
        (
            "xl/workbook.xml",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><workbook xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\"><sheets><sheet name=\"Flows\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>",
        ),
        (
            "xl/_rels/workbook.xml.rels",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet\" Target=\"worksheets/sheet1.xml\"/><Relationship Id=\"rId2\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles\" Target=\"styles.xml\"/></Relationships>",
        ),
        (
            "xl/styles.xml",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><styleSheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><fonts count=\"2\"><font/><font><b/></font></fonts><fills count=\"1\"><fill/></fills><borders count=\"1\"><border/></borders><cellStyleXfs count=\"1\"><xf/></cellStyleXfs><cellXfs count=\"2\"><xf/><xf fontId=\"1\" applyFont=\"1\"/></cellXfs></styleSheet>",
        ),
        ("xl/worksheets/sheet1.xml", sheet.as_str()),
    ];
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for (name, text) in parts {
        // Writing to memory fails only when a part is larger than 4 GB; the workbook is then left empty.
        if writer.start_file(name, options).is_err() || writer.write_all(text.as_bytes()).is_err() {
            return Vec::new();
        }
    }
    writer.finish().map(Cursor::into_inner).unwrap_or_default()
}
