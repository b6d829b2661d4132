//! Matrices as people write them, and what is refused.
use intramuros_netpol::generate::{Dialect, Options, generate};
use intramuros_netpol::manifest::{Input, read as read_world};
use intramuros_netpol::matrix::read::read;
use intramuros_netpol::matrix::write;
use intramuros_netpol::report::Language;

fn check(name: &str, bytes: &[u8], expected: &[&str]) {
    let matrix = read(name, bytes).unwrap_or_else(|error| panic!("{error}"));
    let texts: Vec<String> =
        matrix.flows.iter().map(|flow| format!("{} {}", flow.origin, flow.text())).collect();
    assert_eq!(texts, expected);
}

fn refuse(name: &str, bytes: &[u8], expected: &str) {
    let error = read(name, bytes).expect_err("this must be refused").to_string();
    assert!(error.contains(expected), "got: {error}\nwanted: {expected}");
}

#[test]
fn headings_in_french_and_english_and_any_separator() {
    check("m.csv", "Flux de la plateforme;;;\nN°;Émetteur;Destination;Protocole;Port(s);Motif;Échéance\n7;a/web;b/{app=x,tier in (p,q)};TCP;80,8000-8010;site;31/12/2027\n".as_bytes(), &["m.csv:3 a/web -> b/{app=x,tier in (p,q)} : TCP 80,8000-8010"]);
    check(
        "m.csv",
        b"from,to,connections\n10.0.0.0/8 except 10.1.0.0/16,a/web,\"TCP 443,UDP 53\"\n",
        &[
            "m.csv:2 10.0.0.0/16, 10.2.0.0/15, 10.4.0.0/14, 10.8.0.0/13, 10.16.0.0/12, 10.32.0.0/11, 10.64.0.0/10, 10.128.0.0/9 -> a/web : TCP 443,UDP 53",
        ],
    );
    check("m.yaml", b"flows:\n- source: a/*\n  destination: api.example.com\n  ports: [443/tcp]\n- de: '*/*'\n  vers: dns\n  protocole: [UDP, TCP]\n  port: 53\n", &["m.yaml:2 a/* -> api.example.com : TCP 443", "m.yaml:5 */* -> dns : TCP 53,UDP 53"]);
    check("m.csv", b"source namespace\tsource\tnamespace destination\tdestination\tports\na\tweb\tb\tdb[StatefulSet]\tall\n", &["m.csv:2 a/web -> b/db[StatefulSet] : All Connections"]);
}

#[test]
fn broken_matrices_are_refused_at_their_place() {
    refuse("m.csv", b"a,b\n1,2\n", "no row has the headings");
    refuse(
        "m.csv",
        b"source,destination,ports\na/web,b/db,70000\n,b/db,80\n",
        "m.csv:2: ports: '70000' is not a port",
    );
    refuse(
        "m.csv",
        b"source,destination,ports\na/web,b/db,70000\n,b/db,80\n",
        "m.csv:3: source: this cell is empty",
    );
    refuse("m.csv", b"source,destination,ports\na/web,b/db,\n", "no port is given");
    refuse("m.csv", b"source,destination,ports\na/web,10.0.0.0/64,80\n", "m.csv:2: destination:");
    refuse("m.csv", b"source,destination,ports,review\na/web,b/db,80,soon\n", "'soon' is not a date");
    refuse("m.csv", b"source,de,destination\n", "mean the same");
    refuse("m.csv", b"source,destination,ports\na/\xe9,b/db,80\n", "m.csv:2: this text is not UTF-8");
    refuse("m.csv", b"source,destination,ports\n\"a/web,b/db,80\n", "not closed");
    refuse(
        "m.yaml",
        b"- source: a/web\n  destinatoin: b/db\n",
        "m.yaml:2: a flow has no field 'destinatoin'",
    );
    refuse("m.xlsx", b"not a zip", "cannot be read");
    refuse("m.xls", b"old", "the old XLS format");
    refuse("m.csv", &vec![b' '; 33 * 1024 * 1024], "larger than 32 MB");
}

#[test]
fn the_template_reads_back_as_spreadsheet_and_csv() {
    let csv = read("t.csv", write::template_csv(Language::French).as_bytes()).unwrap();
    let sheet = read("t.xlsx", &write::template_xlsx(Language::English)).unwrap();
    let texts = |matrix: &intramuros_netpol::matrix::Matrix| -> Vec<String> {
        matrix.flows.iter().map(|flow| flow.text()).collect()
    };
    assert_eq!(texts(&csv), texts(&sheet));
    assert_eq!(csv.flows.len(), 6);
    let again = read("again.csv", write::csv(&csv, Language::English).as_bytes()).unwrap();
    assert_eq!(texts(&csv), texts(&again));
    let yaml = read("again.yaml", write::yaml(&csv).as_bytes()).unwrap();
    assert_eq!(texts(&csv), texts(&yaml));
}

/// Rewrites one part of the template workbook.
fn workbook(change: impl Fn(String) -> String) -> Vec<u8> {
    use std::io::{Cursor, Read, Write};
    let bytes = write::template_xlsx(Language::English);
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at).unwrap();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        let name = entry.name().unwrap().into_owned();
        let text = if name.contains("sheet1") { change(text) } else { text };
        writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn what_a_reader_cannot_see_is_refused() {
    refuse(
        "m.xlsx",
        &workbook(|text| text.replace("<row r=\"3\"", "<row r=\"3\" hidden=\"1\"")),
        "a row is hidden (row 3)",
    );
    refuse(
        "m.xlsx",
        &workbook(|text| {
            text.replace(
                "</sheetData>",
                "</sheetData><mergeCells count=\"1\"><mergeCell ref=\"B2:B3\"/></mergeCells>",
            )
        }),
        "cells are merged (B2:B3)",
    );
    refuse(
        "m.xlsx",
        &workbook(|text| {
            text.replace(
                "<c r=\"E3\" t=\"inlineStr\"><is><t>5432</t></is></c>",
                "<c r=\"E3\"><f>5000+432</f><v>5432</v></c>",
            )
        }),
        "cell E3: this is a formula",
    );
}

/// Titles above the headings are often merged, and columns that are not read often hidden: neither hides a flow.
#[test]
fn what_hides_no_flow_is_read() {
    let template = "<sheetData>";
    let hidden = |column: u32| {
        workbook(|text| {
            text.replace(
                "<cols>",
                &format!("<cols><col min=\"{column}\" max=\"{column}\" width=\"9\" hidden=\"1\"/>"),
            )
        })
    };
    refuse("m.xlsx", &hidden(5), "the column E is hidden");
    assert_eq!(read("m.xlsx", &hidden(12)).unwrap().flows.len(), 6);
    let title = workbook(|text| {
        assert!(text.contains(template));
        let moved = (1..=7).rev().fold(text, |text, row| {
            let (old, new) = (row.to_string(), (row + 2).to_string());
            let cells = "ABCDEFGHI".chars().fold(text, |text, letter| {
                text.replace(&format!("r=\"{letter}{old}\""), &format!("r=\"{letter}{new}\""))
            });
            cells.replace(&format!("<row r=\"{old}\""), &format!("<row r=\"{new}\""))
        });
        moved
            .replace(
                template,
                "<sheetData><row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>Flows 2026</t></is></c></row>",
            )
            .replace(
                "</sheetData>",
                "</sheetData><mergeCells count=\"1\"><mergeCell ref=\"A1:I1\"/></mergeCells>",
            )
    });
    let matrix = read("m.xlsx", &title).unwrap();
    assert_eq!((matrix.flows.len(), matrix.flows[0].origin.line), (6, 4));
}

/// A small OpenDocument sheet with these rows (XML of `table:table-row` elements).
fn ods(rows: &str) -> Vec<u8> {
    use std::io::{Cursor, Write};
    let content = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.2"><office:body><office:spreadsheet><table:table table:name="Flux">{rows}</table:table></office:spreadsheet></office:body></office:document-content>"#
    );
    let manifest = r#"<?xml version="1.0" encoding="UTF-8"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><manifest:file-entry manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/></manifest:manifest>"#;
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, text) in [
        ("mimetype", "application/vnd.oasis.opendocument.spreadsheet"),
        ("META-INF/manifest.xml", manifest),
        ("content.xml", &content),
    ] {
        writer.start_file(name, stored).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn ods_row(attributes: &str, cells: &[&str]) -> String {
    let cells: String = cells
        .iter()
        .map(|cell| {
            format!(
                r#"<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>"#
            )
        })
        .collect();
    format!("<table:table-row{attributes}>{cells}</table:table-row>")
}

#[test]
fn open_document_sheets_are_read() {
    let heading = ods_row("", &["Source", "Destination", "Protocole", "Ports"]);
    let line = ods_row("", &["a/web", "b/db", "TCP", "5432"]);
    check("m.ods", &ods(&(heading.clone() + &line)), &["m.ods:2 a/web -> b/db : TCP 5432"]);
    refuse(
        "m.ods",
        &ods(
            &(heading.clone() + &ods_row(r#" table:visibility="collapse""#, &["a/web", "b/db", "TCP", "22"]))
        ),
        "a row is hidden",
    );
    let merged =
        line.replacen("<table:table-cell ", r#"<table:table-cell table:number-rows-spanned="2" "#, 1);
    refuse("m.ods", &ods(&(heading + &merged)), "cells are merged");
}

const WORLD: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, ports: [{name: http, containerPort: 8080}]}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: canary, namespace: shop}
spec: {template: {metadata: {labels: {app: web, track: canary}}, spec: {containers: []}}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: ops}
spec: {template: {metadata: {labels: {app: agent}}, spec: {hostNetwork: true, containers: []}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: twin, namespace: ops}
spec: {template: {metadata: {labels: {app: same}}, spec: {containers: []}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: other, namespace: ops}
spec: {template: {metadata: {labels: {app: same}}, spec: {containers: []}}}
";

fn generated(line: &str, dialect: Dialect) -> Result<String, String> {
    let world = read_world(&[Input::new("world.yaml", WORLD)]).unwrap();
    let matrix = read(
        "m.csv",
        format!("source,destination,protocol,ports,justification\n{line},why not\n").as_bytes(),
    )
    .unwrap();
    generate(&world, &matrix, &Options { dialect, ..Options::default() }).map_err(|error| error.to_string())
}

#[test]
fn what_a_dialect_cannot_say_names_the_line() {
    let check = |line: &str, dialect, expected: &str| {
        let error = generated(line, dialect).expect_err("this must be refused");
        assert!(error.contains(expected), "got: {error}\nwanted: {expected}");
    };
    use Dialect::{ClusterNetworkPolicy, NetworkPolicy, Nftables};
    check(
        "shop/web,api.example.com,TCP,443",
        NetworkPolicy,
        "m.csv:2: NetworkPolicy cannot express 'shop/web -> api.example.com : TCP 443'",
    );
    check("shop/web,kube-apiserver,TCP,443", NetworkPolicy, "--api-server");
    check(
        "10.0.0.0/8,shop/web,TCP,443",
        ClusterNetworkPolicy,
        "m.csv:2: ClusterNetworkPolicy cannot express",
    );
    check("shop/web,shop/canary,TCP,443", Nftables, "has no address");
    check("ops/agent,shop/web,TCP,443", NetworkPolicy, "the node's network");
    check(
        "ops/twin,shop/web,TCP,443",
        NetworkPolicy,
        "ops/twin cannot be told apart from ops/other[Deployment]",
    );
    check("shop/web,shop/ghost,TCP,443", NetworkPolicy, "m.csv:2: no manifest declares a pod of shop/ghost");
    check("shop/canary,shop/web[Service],TCP,81", NetworkPolicy, "has no port");
}

#[test]
fn policies_carry_line_and_justification_and_tell_pods_apart() {
    let text = generated("shop/canary,shop/web[Deployment],TCP,http", Dialect::NetworkPolicy).unwrap();
    for expected in [
        "intramuros/flow-1: \"m.csv:2 shop/canary -> shop/web[Deployment] : TCP http | why not\"",
        "key: track",
        "operator: DoesNotExist",
        "# m.csv:2",
        "name: default-deny",
        "- port: http",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
    let cilium = generated("shop/web,*.example.com,TCP,443", Dialect::Cilium).unwrap();
    assert!(cilium.contains("- matchPattern: \"*.example.com\""), "{cilium}");
}
