//! Is text read right, whatever its encoding and notation, with each block at its line?

use intramuros_core::language::Language;
use intramuros_ingest::render::render;
use intramuros_ingest::text::{date, encoding};

use crate::show::{blocks, check, check_refused, parts, read};

fn utf_16(text: &str, big: bool) -> Vec<u8> {
    text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

#[test]
fn every_encoding_gives_the_same_text() {
    let french = "Les salariés ont reçu une réponse à leur demande : l’été dernier, « l’équipe » a été créée.\nÀ bientôt.";
    let encoded = |label: &str, text: &str| {
        encoding_rs::Encoding::for_label(label.as_bytes()).unwrap().encode(text).0.into_owned()
    };
    let mut marked = b"\xEF\xBB\xBF".to_vec();
    marked.extend(french.bytes());
    let mut wide = b"\xFF\xFE".to_vec();
    wide.extend(utf_16(french, false));
    let mut widest = b"\xFF\xFE\0\0".to_vec();
    widest.extend(french.chars().flat_map(|character| u32::from(character).to_le_bytes()));
    for bytes in [
        french.as_bytes().to_vec(),
        marked,
        wide,
        widest,
        utf_16(french, false),
        utf_16(french, true),
        encoded("windows-1252", french),
    ] {
        assert_eq!(encoding::decode(&bytes, None).unwrap(), french);
    }
    for (label, text) in [
        ("windows-1250", "Zażółć gęślą jaźń. Proszę o przesłanie odpowiedzi do końca przyszłego tygodnia."),
        ("iso-8859-2", "Příliš žluťoučký kůň úpěl ďábelské ódy. Žádost byla podána včera odpoledne."),
        ("windows-1251", "Съешь ещё этих мягких французских булок, да выпей чаю."),
        ("shift_jis", "名前,年齢,住所\n佐藤太郎,30,東京\n三木英子,25,大阪"),
        ("gb18030", "他的名字是什么？这是一个用中文写的文件，里面有几句话。"),
        ("euc-kr", "이 문서는 한국어로 작성된 문서입니다. 여러 문장이 있습니다."),
    ] {
        assert_eq!(encoding::decode(&encoded(label, text), None).unwrap(), text, "{label}");
    }
    // Mac Roman has no encoder; these are its bytes.
    let mac = b"Cr\x8E\x8E par l'\x8Equipe : la r\x8Eponse \x88 la demande, d\x8Ej\x88 re\x8Due, o\x9D \x90tre pr\x90t.";
    let text = "Créé par l'équipe : la réponse à la demande, déjà reçue, où être prêt.";
    assert_eq!(encoding::decode(mac, None).unwrap(), text);
}

#[test]
fn a_declared_encoding_is_a_hint_and_damage_is_local() {
    assert_eq!(encoding::decode(b"caf\xE9", Some("iso-8859-1")).unwrap(), "café");
    // A wrong declaration does not spoil valid UTF-8.
    assert_eq!(encoding::decode("café".as_bytes(), Some("iso-8859-1")).unwrap(), "café");
    let mut damaged = "déjà vu, été, là-bas".as_bytes().to_vec();
    damaged.push(0xE9);
    assert_eq!(encoding::decode(&damaged, None).unwrap(), "déjà vu, été, là-bas\u{FFFD}");
}

#[test]
fn binary_data_is_refused() {
    let bytes: Vec<u8> =
        (0..2000u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    assert_eq!(encoding::decode(&bytes, None).unwrap_err().word(), "corrupt");
    assert_eq!(encoding::decode(b"", None).unwrap_err().word(), "empty");
    check_refused("empty.txt", "  \n\t\n", "empty");
}

#[test]
fn text_has_no_control_or_invisible_characters_and_is_composed() {
    check(
        "a.txt",
        "e\u{301}te\u{301} \u{1}so\u{AD}leil\u{200B}, 10\u{A0}000\u{202E} a  b",
        &["p:1 été soleil, 10\u{A0}000 a b"],
    );
}

#[test]
fn plain_text_gives_paragraphs_lists_and_unmistakable_headings() {
    let text = "Compte rendu\n============\n\nLa réunion a commencé à neuf heures et a duré toute la matinée, sans\n\
        interruption, dans la grande salle du premier étage de la mairie.\n\n- premier point\n  qui continue\n  - détail\n\
        1. numéroté\n\nCHAPITRE DEUX\n\nAnne Martin\n12 rue des Lilas\n\nArticle 3\n\nLe texte.\n";
    check(
        "note.txt",
        text,
        &[
            "h1:1 Compte rendu",
            "p:4 La réunion a commencé à neuf heures et a duré toute la matinée, sans interruption, dans la grande salle \
         du premier étage de la mairie.",
            "li0:7 premier point qui continue",
            "li1:9 détail",
            "li0:10 1. numéroté",
            "h1:12 CHAPITRE DEUX",
            "p:14 Anne Martin",
            "p:15 12 rue des Lilas",
            "h2:17 Article 3",
            "p:19 Le texte.",
        ],
    );
    // Neither a total nor an address nor the last line is a heading.
    check(
        "a.txt",
        "TOTAL 12 345,00\n\nREF-2024-8871-XK\n\nFIN",
        &["p:1 TOTAL 12 345,00", "p:3 REF-2024-8871-XK", "p:5 FIN"],
    );
}

#[test]
fn wrapped_lines_are_joined_though_short_ones_stand_among_them() {
    let mail = "Bonjour,\nLa maintenance de la chaudière est prévue le mardi 9 avril à partir de\n\
        huit heures, et l'eau chaude sera coupée dans tout le bâtiment jusqu'à\nmidi.\nMerci\n";
    let joined = "La maintenance de la chaudière est prévue le mardi 9 avril à partir de huit heures, et l'eau chaude \
        sera coupée dans tout le bâtiment jusqu'à midi.";
    check("a.txt", mail, &["p:1 Bonjour,", &format!("p:2 {joined}"), "p:5 Merci"]);
    let head =
        "From: a@example.org\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n";
    let whole = format!("{head}\n{mail}");
    check("a.eml", whole, &["field From: a@example.org", "p Bonjour,", &format!("p {joined}"), "p Merci"]);
    // What a mail quotes is joined with its marks at the beginning, and not with the answer.
    check(
        "b.txt",
        "> Le rendez-vous chez le notaire est déplacé du lundi au mercredi suivant,\n> à la même heure.\n\
         d'accord pour mercredi.\n",
        &[
            "p:1 > Le rendez-vous chez le notaire est déplacé du lundi au mercredi suivant, à la même heure.",
            "p:3 d'accord pour mercredi.",
        ],
    );
    // Two paragraphs without a blank line between them.
    check(
        "c.txt",
        "Le premier paragraphe de cette note rappelle les horaires de la bibliothèque\n\
         municipale, qui ouvre le mardi.\n\
         Le second paragraphe annonce la fermeture des salles de lecture pendant tout\nle mois d'août.\n",
        &[
            "p:1 Le premier paragraphe de cette note rappelle les horaires de la bibliothèque municipale, qui ouvre \
             le mardi.",
            "p:3 Le second paragraphe annonce la fermeture des salles de lecture pendant tout le mois d'août.",
        ],
    );
    // In capitals, no line begins with a small letter.
    check(
        "d.txt",
        "LE VENDEUR N'EST TENU NI DES DOMMAGES QUE CAUSE UN MAUVAIS USAGE DE\nL'APPAREIL, NI DE SON USURE.\n",
        &[
            "p:1 LE VENDEUR N'EST TENU NI DES DOMMAGES QUE CAUSE UN MAUVAIS USAGE DE L'APPAREIL, NI DE SON USURE.",
        ],
    );
}

#[test]
fn the_articles_of_a_contract_are_joined_below_their_titles() {
    let contract = "Résiliation et préavis\n\
        Le présent contrat peut être résilié par chacune des parties, sous réserve\n\
        d'un préavis de trois mois adressé par lettre recommandée à l'autre\n\
        partie. Le préavis est réduit à un mois dans les cas que prévoit l'article\n\
        15 de la loi.\n\
        \n\
        Article 4\n    Le locataire verse un dépôt de garantie égal à un mois de loyer, soit\n    \
        850 euros, restitué dans un délai de deux mois à compter de la remise\n    des clés.\n\
        Article 5 - Révision annuelle du loyer et des charges\n      \
        Le loyer est révisé chaque année à la date anniversaire du contrat par\n    \
        Madame Martin, gérante, selon l'indice de référence des loyers.\n    \
        La révision ne peut pas être rétroactive, et le loyer révisé est dû dès le\n    mois suivant.\n";
    check(
        "contrat.txt",
        contract,
        &[
            "p:1 Résiliation et préavis",
            "p:2 Le présent contrat peut être résilié par chacune des parties, sous réserve d'un préavis de trois mois \
             adressé par lettre recommandée à l'autre partie. Le préavis est réduit à un mois dans les cas que prévoit \
             l'article 15 de la loi.",
            "p:7 Article 4",
            "p:8 Le locataire verse un dépôt de garantie égal à un mois de loyer, soit 850 euros, restitué dans un \
             délai de deux mois à compter de la remise des clés.",
            "p:11 Article 5 - Révision annuelle du loyer et des charges",
            "p:12 Le loyer est révisé chaque année à la date anniversaire du contrat par Madame Martin, gérante, selon \
             l'indice de référence des loyers.",
            "p:14 La révision ne peut pas être rétroactive, et le loyer révisé est dû dès le mois suivant.",
        ],
    );
}

#[test]
fn lines_that_nobody_wrapped_stay_apart() {
    let check_apart = |text: &str| {
        let expected: Vec<String> =
            text.lines().zip(1..).map(|(line, number)| format!("p:{number} {}", line.trim())).collect();
        check("a.txt", text, &expected.iter().map(String::as_str).collect::<Vec<_>>());
    };
    // Verses.
    check_apart(
        "Je vis ce palais d'or où la reine est captive,\nEt la mer qui se brise au rocher de la rive\n\
         Chante encore à l'absent la chanson du retour,\nEt personne au balcon ne regarde le jour\n",
    );
    // Logs, whatever their lines begin with.
    check_apart(
        "2024-03-01 10:32:00 info worker 3 started on port 8080\n\
         2024-03-01 10:32:04 info worker 3 reads the folder again\n\
         2024-03-01 10:33:10 warn worker 3 has no answer from the disk\n",
    );
    check_apart(
        "sshd: session opened for the user backup by nobody else\nsshd: session closed for the user backup\n",
    );
    // An address whose first line is as long as a wrapped one.
    check_apart(
        "Syndicat des copropriétaires de la résidence Les Lilas\n12 rue du Général de Gaulle prolongée\n75011 Paris\n",
    );
    check_apart("Anne Martin\nrésidence des Lilas\n75011 Paris\n");
    // Code.
    check_apart(
        "let first = compute_everything(argument, other_argument);\nlet second = first + 1;\nreturn second\n",
    );
}

#[test]
fn rows_of_a_table_in_plain_text_stay_apart() {
    check(
        "a.txt",
        "pommes de terre nouvelles de l'île   12   3,40\npoires                                8   4,10\n",
        &["p:1 pommes de terre nouvelles de l'île 12 3,40", "p:2 poires 8 4,10"],
    );
}

#[test]
fn markdown_keeps_its_structure_and_lines() {
    let text = "---\ntitle: \"Guide\"\ndate: 2024-03-01\ndescription: How to\n---\n\n# Set up\n\nRead *this*\nfirst, \
        see [docs](https://example.org/x) or <https://example.org>.\n\n- one\n  - two\n\n    more\n3. three\n\n\
        ```sh\nrun --now\n```\n\n| A | B |\n|---|---|\n| 1 | `x` |\n\n<div><b>Note</b> well</div>\n\n## End[^1]\n\n\
        [^1]: A note.\n";
    check(
        "guide.md",
        text,
        &[
            "field:4 description: How to",
            "h1:7 Set up",
            "p:9 Read this first, see docs or https://example.org.",
            "li0:12 one",
            "li1:13 two",
            "p:15 more",
            "li0:16 3. three",
            "code:19 run --now",
            "head:22 A | B",
            "row:24 1 | x",
            "p:26 Note well",
            "h2:28 End[1]",
            "note:30 [1] A note.",
        ],
    );
    let extracted = read("guide.md", text.as_bytes()).unwrap();
    assert_eq!(extracted.title.as_deref(), Some("Guide"));
    assert_eq!(extracted.written_ms, date::parse_iso("2024-03-01"));
}

#[test]
fn shortcodes_of_site_generators_are_left_out_but_for_what_readers_see() {
    check(
        "a.md",
        "{{< callout type=\"info\" >}}\nUse **TLS**.\n{{< /callout >}}\n\n{{< card link=\"/x\" title=\"Start here\" >}}\n",
        &["p:2 Use TLS.", "p:5 Start here"],
    );
}

#[test]
fn web_pages_give_their_main_part() {
    let page = "<!doctype html><html lang=fr><head><title>Congés</title><meta name=author content='Anne M.'>\
        <meta property='article:published_time' content='2024-03-01T10:00:00+01:00'><style>p{}</style></head><body>\
        <nav><a href=/>Accueil</a></nav><header>Logo</header><main><h1>Congés pay&eacute;s</h1><p>Un <b>salarié</b>\n\
        a droit à 2,5 jours<br>par mois.<p>Deuxième<ul><li>un<ul><li>deux</ul><li>trois</ul>\
        <ol start=4><li>quatre</ol><img alt='Un schéma' src=x><p style='display: none'>caché</p><script>x()</script>\
        <pre>a\n  b</pre></main><footer>Mentions</footer></body></html>";
    check(
        "conges.html",
        page,
        &[
            "h1 Congés payés",
            "p Un salarié a droit à 2,5 jours⏎par mois.",
            "p Deuxième",
            "li0 un",
            "li1 deux",
            "li0 trois",
            "li0 4. quatre",
            "p Un schéma",
            "code a⏎  b",
        ],
    );
    let extracted = read("conges.html", page.as_bytes()).unwrap();
    assert_eq!(extracted.title.as_deref(), Some("Congés"));
    assert_eq!(extracted.author.as_deref(), Some("Anne M."));
    assert_eq!(extracted.language, Some(Language::French));
    assert_eq!(extracted.written_ms.map(date::show).as_deref(), Some("2024-03-01 09:00"));
}

#[test]
fn a_page_that_is_all_navigation_keeps_everything() {
    check("a.html", "<html><body><nav><p>Seul texte</p></nav></body></html>", &["p Seul texte"]);
    // An empty main part that a script would fill does not hide the rest.
    check(
        "b.html",
        "<html><body><main></main><div>Le texte est ici.</div></body></html>",
        &["p Le texte est ici."],
    );
}

#[test]
fn what_a_site_puts_around_its_text_is_left_out_by_its_name() {
    let text =
        "Le conseil municipal se réunit chaque premier mardi du mois dans la salle des fêtes. ".repeat(4);
    let page = format!(
        "<html><body><div id='tarteaucitronRoot'>Ce site utilise des cookies</div><div class='fil-ariane'>Accueil</div>\
         <ul class='top-menu'><li><a href=a>Services</a><li><a href=b>Contact</a></ul><h1>Le conseil</h1>\
         <p>{text}</p><div class='menu du jour'>Soupe, poisson, tarte</div><div class='share-buttons'>Partager</div>\
         <div class='site-footer'>Mentions légales</div></body></html>"
    );
    // A menu that is no list of links is text.
    check("a.html", page, &["h1 Le conseil", &format!("p {}", text.trim()), "p Soupe, poisson, tarte"]);
    let cookies =
        format!("<html><body><div class='cookie-list'><p>{text}</p></div><p>Fin.</p></body></html>");
    check("b.html", cookies, &[&format!("p {}", text.trim()), "p Fin."]);
}

#[test]
fn chapters_that_are_named_after_what_they_are_about_are_read() {
    let text = "La configuration se fait dans un seul fichier, que le programme relit. ".repeat(20);
    let page = format!(
        "<html><body><div role=main><h1>Manuel</h1><p>{text}</p>\
         <section id=cookies><h2>Cookies</h2><p>Deux jours.</p></section>\
         <div id=rgpd><h2>RGPD</h2><p>Rien n’est gardé.</p></div>\
         <div class=sidebar><p>À savoir : le port est 8080.</p></div></div></body></html>"
    );
    let expected =
        ["Manuel", "Cookies", "Deux jours.", "RGPD", "Rien n’est gardé.", "À savoir : le port est 8080."];
    let read = read("a.html", page.as_bytes()).unwrap().text();
    for expected in expected {
        assert!(read.contains(expected), "{expected}: {read}");
    }
}

#[test]
fn a_small_article_beside_the_text_is_not_the_page() {
    let text = "Le règlement intérieur vaut pour tous les agents de la commune. ".repeat(100);
    let card = "Une brève sans rapport avec le reste. ".repeat(35);
    let page = format!("<html><body><div><p>{text}</p></div><article><p>{card}</p></article></body></html>");
    check("a.html", page, &[&format!("p {}", text.trim()), &format!("p {}", card.trim())]);
}

#[test]
fn tables_of_data_keep_rows_and_tables_of_layout_do_not() {
    let page = "<html><body><table><caption>Tarifs</caption><thead><tr><th>Zone<th>Prix</thead>\
        <tr><td rowspan=2>A<td>10 €</tr><tr><td>12 €</tr></table>\
        <table><tr><td><p>Bonjour,</p><table><tr><td>Merci.</td></tr></table></td></tr></table></body></html>";
    check(
        "t.html",
        page,
        &["p Tarifs", "head Zone | Prix", "row A | 10 €", "row A | 12 €", "p Bonjour,", "p Merci."],
    );
}

#[test]
fn web_pages_are_read_in_the_encoding_they_declare() {
    check(
        "a.html",
        b"<html><head><meta charset=iso-8859-1></head><body><p>\xE9t\xE9</p></body></html>",
        &["p été"],
    );
    let mut wide = b"\xFF\xFE".to_vec();
    wide.extend(utf_16("<html><meta charset=utf-8><body><p>été</p></body></html>", false));
    check("b.html", wide, &["p été"]);
}

#[test]
fn deep_nesting_overflows_nothing_and_loses_no_text() {
    let page = format!(
        "<html><body>{}fond{}<p>après</p></body></html>",
        "<div>".repeat(100_000),
        "</div>".repeat(100_000)
    );
    check("deep.html", page, &["p fond", "p après"]);
    check_refused("deep.json", "[".repeat(100_000), "limit");
    check_refused("deep.xml", format!("<?xml version=\"1.0\"?>{}", "<a>".repeat(100_000)), "limit");
    let quotes = format!("{}texte", "> ".repeat(50_000));
    assert!(read("deep.md", quotes.as_bytes()).is_ok());
}

#[test]
fn separated_values_find_their_separator_and_header() {
    check(
        "a.csv",
        "Nom;Âge;Ville\nAnne;31;\"Lyon;\nVieux\"\nBob;44;Lille\n",
        &["head:1 Nom | Âge | Ville", "row:2 Anne | 31 | Lyon; Vieux", "row:4 Bob | 44 | Lille"],
    );
    check("a.tsv", "1\tx\n2\ty\n", &["row:1 1 | x", "row:2 2 | y"]);
    check(
        "b.csv",
        "Coupes,,\nÉquipe,Titres,Ville\nBlues,1,STL\n",
        &["row:1 Coupes", "head:2 Équipe | Titres | Ville", "row:3 Blues | 1 | STL"],
    );
    check("c.csv", "sep=|\na|b\n1|2\n", &["head:2 a | b", "row:3 1 | 2"]);
}

#[test]
fn json_gives_paths_values_and_lines() {
    let text = "// settings\n{\n  \"title\": \"Rules\",\n  \"owner\": {\"name\": \"Anne \\u00e9\", \"tags\": [\"a\", \"b\"]},\n\
        \"items\": [\n    {\"id\": 1, \"on\": true, \"none\": null},\n    {\"id\": 2,},\n  ]\n}\n";
    check(
        "a.json",
        text,
        &[
            "field:3 title: Rules",
            "field:4 owner.name: Anne é",
            "field:4 owner.tags: a, b",
            "p:6 items",
            "field:6 id: 1⏎on: true",
            "field:7 id: 2",
        ],
    );
    check("a.jsonl", "{\"q\":\"un\"}\n{\"q\":\"deux\"}\n", &["field:1 q: un", "field:2 q: deux"]);
    let damaged = read("b.json", b"{\"a\": oops\n}").unwrap();
    assert_eq!(damaged.warnings, ["not valid JSON at line 1: read as plain text"]);
    let numbers = format!("{{\"vector\": [{}], \"end\": \"x\"}}", vec!["0.25"; 5000].join(","));
    assert!(read("c.json", numbers.as_bytes()).unwrap().text().len() < 400);
}

#[test]
fn xml_gives_paths_values_and_lines() {
    let text = "<?xml version='1.0'?>\n<!DOCTYPE a [<!ENTITY bomb 'x'>]>\n<catalog>\n <book id='b1'>\n  \
        <title>Rust &amp; &#233;t&#xE9;</title>\n  <note>See <em>this</em> one.&bomb;</note>\n </book>\n</catalog>\n";
    check("a.xml", text, &["field:4 book@id: b1", "field:5 book/title: Rust & été", "p:6 See this one."]);
    check(
        "a.svg",
        "<svg xmlns='x'><title>Plan</title><text x='1'>Salle <tspan>12</tspan></text></svg>",
        &["p:1 Plan", "p:1 Salle 12"],
    );
}

#[test]
fn yaml_toml_and_ini_give_paths_values_and_lines() {
    let text = "# Who answers\nname: site\njobs:\n  build:\n    - run: make\n      env: \"x: y\"\n    - echo\n    - two\n\
        text: |\n  first\n  second\nlast: 1\n";
    check(
        "a.yaml",
        text,
        &[
            "remark:1 Who answers",
            "field:2 name: site",
            "field:5 jobs.build.run: make",
            "field:6 jobs.build.env: x: y",
            "field:7 jobs.build: echo, two",
            "field:9 text: first second",
            "field:12 last: 1",
        ],
    );
    check(
        "a.toml",
        "[server]\nport = 80 # http\n[[users]]\nname = 'Anne'\n",
        &["field:2 server.port: 80 # http", "field:4 users.name: Anne"],
    );
}

#[test]
fn code_is_cut_at_items() {
    check(
        "a.py",
        "import os\n\n\ndef one():\n    \"\"\"Says one.\"\"\"\n\n    return 1\n\n# two\ndef two():\n\treturn 2\n",
        &[
            "code:1 import os",
            "code:4 def one():⏎    \"\"\"Says one.\"\"\"⏎⏎    return 1",
            "code:9 # two⏎def two():⏎\treturn 2",
        ],
    );
}

#[test]
fn notebooks_are_read_cell_by_cell() {
    let text = r##"{"cells":[{"cell_type":"markdown","source":["# Titre\n","texte"]},
        {"cell_type":"code","source":"print(1)","outputs":[{"output_type":"stream","text":["1\n"]},
        {"output_type":"error","ename":"KeyError","evalue":"\u001b[31mx\u001b[0m"}]}],"nbformat":4,"metadata":{}}"##;
    check(
        "a.ipynb",
        text,
        &[
            "h1[cell 1] Titre",
            "p[cell 1] texte",
            "code[cell 2] print(1)",
            "code[cell 2] 1",
            "code[cell 2] KeyError: x",
        ],
    );
}

#[test]
fn what_was_read_is_shown_as_a_reader_expects() {
    let extracted =
        read("a.md", b"# T\n\ntext\n\n- a\n- b\n\n|x|y|\n|-|-|\n|1|2|\n\n```\ncode\n```\n").unwrap();
    assert_eq!(
        render(&extracted),
        "---\ntitle: T\n---\n\n# T\n\ntext\n\n- a\n- b\n\n| x | y |\n| --- | --- |\n| 1 | 2 |\n\n```\ncode\n```\n"
    );
    let table = read("a.csv", b"name,note\nAnne,\"a, b\"\n").unwrap();
    assert_eq!(render(&table), "name,note\nAnne,\"a, b\"\n");
}

#[test]
fn dates_are_understood_as_written() {
    for (written, shown) in [
        ("2024-02-29", "2024-02-29 00:00"),
        ("2024-03-01T10:32:05.5+01:00", "2024-03-01 09:32"),
        ("1999-12-31 23:59", "1999-12-31 23:59"),
        ("2011", "2011-01-01 00:00"),
    ] {
        assert_eq!(date::parse_iso(written).map(date::show).as_deref(), Some(shown));
    }
    for wrong in ["", "yesterday", "2024-13-01", "24-01-01"] {
        assert_eq!(date::parse_iso(wrong), None);
    }
}

#[test]
fn lines_are_those_of_the_file_whatever_its_line_breaks() {
    for text in ["a.\n\n\nb.\n", "a.\r\n\r\n\r\nb.", "a.\r\r\rb."] {
        let extracted = read("a.txt", text.as_bytes()).unwrap();
        assert_eq!(blocks(&extracted), "p:1 a.\np:4 b.");
    }
}

#[test]
fn an_export_of_a_wiki_gives_its_pages_without_their_notation() {
    let page = |title: &str, space: &str, text: &str| {
        format!(
            "<page><title>{title}</title><ns>{space}</ns><id>1</id><revision><id>8</id><timestamp>2020-01-01T00:00:00Z\
             </timestamp><text>Ancien texte</text></revision><revision><id>9</id><timestamp>2024-03-01T09:00:00Z\
             </timestamp><contributor><username>Anne</username></contributor><model>wikitext</model>\
             <text xml:space=\"preserve\">{text}</text></revision></page>"
        )
    };
    let text = "Les '''congés''' sont [[Droit du travail|prévus]] par la [https://example.org loi].&lt;ref&gt;Code, \
                L. 3141&lt;/ref&gt; a &amp;lt; b\n\n== Calcul ==\n* 2,5 jours\n## par mois {{Note|au plus}}\n\n{{Fiche\n| durée = \
                5 semaines\n}}\n{| class=\"wikitable\"\n! Mois !! Jours\n|-\n| style=\"a\" | Mars || 2,5\n|}\n\
                [[Fichier:plan.png|thumb|Le plan]]\n[[Catégorie:RH]]";
    let export = format!(
        "<mediawiki xmlns=\"http://www.mediawiki.org/xml/export-0.11/\">\n<siteinfo><sitename>Wiki</sitename>\
         </siteinfo>{}{}{}</mediawiki>",
        page("Congés", "0", text),
        page("Modèle:Fiche", "10", "{{{durée}}}"),
        page("Vacances", "0", "#REDIRECT [[Congés]]")
    );
    let check_page = |text: &str, expected: &[&str]| {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        let export = format!("<mediawiki>{}</mediawiki>", page("A", "0", &text));
        let wiki = read("wiki.xml", export.as_bytes()).unwrap();
        assert_eq!(blocks(wiki.parts[0].outcome.as_ref().unwrap()), expected.join("\n"), "{text}");
    };
    check_page(
        "[[Fichier:a.jpg|vignette|Le maire {{date|1|janvier|2000}} a Paris]]",
        &["p Le maire 1 janvier 2000 a Paris"],
    );
    check_page(
        "<syntaxhighlight lang=\"java\">\nList<String> noms;\nint[][] a = {{1,2},{3,4}}; // [[1,2],[3,4]]\n\
         </syntaxhighlight>\nFin.",
        &["code List<String> noms;⏎int[][] a = {{1,2},{3,4}}; // [[1,2],[3,4]]", "p Fin."],
    );
    check_page(
        "Avant <pre>a<ref>b</ref><!-- c --></pre> après",
        &["p Avant", "code a<ref>b</ref><!-- c -->", "p après"],
    );
    check_page("a<nowiki/>b [[c|d]] <nowiki>[[e|f]]</nowiki>", &["p ab d [[e|f]]"]);
    check_page("Un<ref>jamais\n\nDeux<ref name=\"a\">note</ref>.", &["p Unjamais", "p Deux.", "note note"]);
    check_page("Un<ref>jamais\n\nDeux", &["p Unjamais", "p Deux"]);
    check_page("{{Article|contenu=Le texte entier}}", &["p Le texte entier"]);
    check_page("{{cite web|titre=Guide du maire|lang=fr}}", &["p Guide du maire"]);
    check_page("x {{a|[[b", &["p x {{a|[[b"]);
    check_page("1 < < 2 <i>c</i> <a <a", &["p 1 < < 2 c <a <a"]);
    let check_stopped = |rest: &str, memory_bytes: u64, reason: &str| {
        let export = format!("<mediawiki>{}{rest}</mediawiki>", page("A", "0", "Un texte"));
        let limits = intramuros_core::document::Limits { memory_bytes, ..Default::default() };
        let wiki = intramuros_ingest::extract("wiki.xml", export.as_bytes(), &limits).unwrap();
        assert_eq!(wiki.parts.len(), 1, "{}", parts(&wiki));
        assert_eq!(wiki.warnings, [format!("stopped after 1 pages: {reason}")]);
    };
    check_stopped(&"<a>".repeat(300), 512 << 20, "elements nested more than 256 deep");
    let limit = intramuros_core::document::ExtractError::Limit("more than 1 bytes of text".to_owned());
    check_stopped(&page("B", "0", "Deux"), 8, &limit.to_string());
    let wiki = read("wiki.xml", export.as_bytes()).unwrap();
    assert_eq!(wiki.parts.len(), 1, "{}", parts(&wiki));
    let page = wiki.parts[0].outcome.as_ref().unwrap();
    assert_eq!(wiki.parts[0].name, "Congés");
    assert_eq!(page.author.as_deref(), Some("Anne"));
    assert_eq!(page.written_ms.map(date::show).as_deref(), Some("2024-03-01 09:00"));
    assert_eq!(
        blocks(page),
        [
            "p Les congés sont prévus par la loi. a < b",
            "h2 Calcul",
            "li0 2,5 jours",
            "li1 par mois au plus",
            "p durée: 5 semaines",
            "head Mois | Jours",
            "row Mars | 2,5",
            "p Le plan",
            "note Code, L. 3141",
        ]
        .join("\n")
    );
}

#[test]
fn appointments_and_cards_are_read_as_people_see_them() {
    let calendar = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTIMEZONE\r\nTZID:Romance Standard Time\r\nBEGIN:STANDARD\r\n\
        DTSTART:16011028T030000\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\n\
        ATTENDEE;CN=\"Durand: Bob\";ROLE=REQ-PARTICIPANT:mailto:bob@example.org\r\n\
        DTSTART;TZID=\"Romance Standard Time\":20240305T140000\r\nDTEND:20240305T140000Z\r\n\
        LOCATION:Salle Vauban\\, 2e étage\r\nSUMMARY:Point projet\r\n\
        DESCRIPTION:Ordre du jour :\\n\\n1. Bud\r\n get\\; suites\r\nUID:0400\r\nBEGIN:VALARM\r\nDESCRIPTION:Rappel\r\n\
        END:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    check(
        "a.ics",
        calendar,
        &[
            "h2:14 Point projet",
            "field:10 Attendee: Durand: Bob <bob@example.org>",
            "field:11 Start: 2024-03-05 14:00 (Romance Standard Time)",
            "field:12 End: 2024-03-05 14:00 UTC",
            "field:13 Location: Salle Vauban, 2e étage",
            "p:15 Ordre du jour :",
            "p:15 1. Budget; suites",
        ],
    );
    assert_eq!(read("a.ics", calendar.as_bytes()).unwrap().title.as_deref(), Some("Point projet"));
    let card = "BEGIN:VCARD\nVERSION:2.1\nFN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Ren=C3=A9e =\nAndr=C3=A9\n\
        TEL;CELL:+33 6 12 34 56 78\nitem1.ORG:Mairie de Lyon;Urbanisme\nPHOTO;ENCODING=BASE64:/9j/4AAQ\n SkZJ\nEND:VCARD\n";
    check(
        "a.vcf",
        card,
        &[
            "h2:3 Renée André",
            "field:5 Phone: +33 6 12 34 56 78",
            "field:6 Organization: Mairie de Lyon, Urbanisme",
        ],
    );
    // A name in its parts only, a space behind a soft line break, and a card that does not end.
    let cards = "BEGIN:VCARD\nTEL:01\nN:Martin;Anne;;Mme;\nNOTE;ENCODING=QUOTED-PRINTABLE:Maison=\n bleue\nEND:VCARD\n\
        BEGIN:VCARD\nEMAIL:b@example.org\nFN:Bob\n";
    check(
        "b.vcf",
        cards,
        &[
            "h2:3 Martin Anne Mme",
            "field:2 Phone: 01",
            "field:4 Note: Maison bleue",
            "h2:9 Bob",
            "field:8 Mail: b@example.org",
        ],
    );
}

#[test]
fn headings_of_wikis_stand_between_their_marks() {
    // DokuWiki gives the parts of a part fewer marks, MediaWiki more.
    check(
        "page.txt",
        "====== Règlement ======\n\nIl est affiché.\n\n===== Délais =====\nDeux mois.\n\n====== Annexe ======\nRien.\n",
        &[
            "h1:1 Règlement",
            "p:3 Il est affiché.",
            "h2:5 Délais",
            "p:6 Deux mois.",
            "h1:8 Annexe",
            "p:9 Rien.",
        ],
    );
    check(
        "page.txt",
        "Une page.\n\n== OBJET ==\n\nLa chasse.\n=== Durée ===\nUn an.\n",
        &["p:1 Une page.", "h1:3 OBJET", "p:5 La chasse.", "h2:6 Durée", "p:7 Un an."],
    );
    let zim = "Content-Type: text/x-zim-wiki\nWiki-Format: zim 0.6\nCreation-Date: 2024-03-05T10:00:00Z\n\n\
               ====== Accueil ======\nBonjour.\n";
    check("page.txt", zim, &["h1:5 Accueil", "p:6 Bonjour."]);
    let page = read("page.txt", zim.as_bytes()).unwrap();
    assert_eq!(page.title.as_deref(), Some("Accueil"));
    assert_eq!(page.written_ms, date::parse_iso("2024-03-05T10:00:00Z"));
    // Marks on one side, signs of comparison, a rule with a number.
    check(
        "notes.txt",
        "== Début\n\n== a = b ==\n\n==== 3 ====\n\nvaleur == 3 ==\n",
        &["p:1 == Début", "p:3 == a = b ==", "p:5 ==== 3 ====", "p:7 valeur == 3 =="],
    );
}

#[test]
fn a_page_of_nothing_but_front_matter_is_told() {
    let page = "---\ntitle: Halle aux grains\nadresse: 3, place du Marché\ntéléphone: 02 98 00 00 00\n---\n";
    check(
        "halle.md",
        page,
        &[
            "field:2 title: Halle aux grains",
            "field:3 adresse: 3, place du Marché",
            "field:4 téléphone: 02 98 00 00 00",
        ],
    );
    assert_eq!(read("halle.md", page.as_bytes()).unwrap().title.as_deref(), Some("Halle aux grains"));
    // Where there is more, it speaks for itself.
    check("halle.md", format!("{page}\nElle ouvre à neuf heures.\n"), &["p:7 Elle ouvre à neuf heures."]);
}
