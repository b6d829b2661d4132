//! Is what a text says read without the notation in which it is written?

use intramuros_ingest::text::date;

use crate::show::{check, read};

#[test]
fn restructured_text_is_read_without_its_notation() {
    let text = ".. _intro:\n\n======\nManuel\n======\n\n.. contents::\n   :depth: 2\n\nInstaller\n---------\n\n\
        Appeler :meth:`~app.Base.save` avant\nde lire ``settings.py`` ou `le guide <https://example.org/>`_ ::\n\n    \
        pip install app\n      --user\n\n.. note:: Rien n'est\n   supprimé.\n\n.. code-block:: python\n   :linenos:\n\n   \
        def one():\n       return 1\n\n.. une remarque\n   cachée\n\n- *premier* point\n  qui suit\n- second\n\nterme\n    \
        Sa définition.\n\n====  =====\nNom   Prix\n====  =====\nPain  deux\n====  =====\n";
    check(
        "manuel.rst",
        text,
        &[
            "h1:4 Manuel",
            "h2:10 Installer",
            "p:13 Appeler save avant de lire settings.py ou le guide",
            "code:16 pip install app⏎  --user",
            "p:19 Rien n'est supprimé.",
            "code:25 def one():⏎    return 1",
            "li0:31 premier point qui suit",
            "li0:33 second",
            "p:35 terme",
            "p:36 Sa définition.",
            "head:39 Nom | Prix",
            "row:41 Pain | deux",
        ],
    );
    assert_eq!(read("manuel.rst", text.as_bytes()).unwrap().title.as_deref(), Some("Manuel"));
}

#[test]
fn the_notation_of_restructured_text_is_told_from_text() {
    check(
        "a.rst",
        "Exemple::\n\n    x = 1\n\nSuite, à 12:30, de 2 * 3 * 4 et f(*args, **others).\n\n|nom| reste.\n\n>>> 1 + 1\n2\n\n\
         .. |nom| replace:: Anne\n\n.. [1] Une note\n   de bas de page.\n\n+-----+-----+\n| Nom | Prix|\n+=====+=====+\n\
         | Pain| un  |\n|     | euro|\n+-----+-----+\n\n:Auteur: Anne\n",
        &[
            "p:1 Exemple:",
            "code:3 x = 1",
            "p:5 Suite, à 12:30, de 2 * 3 * 4 et f(*args, **others).",
            "p:7 |nom| reste.",
            "code:9 >>> 1 + 1⏎2",
            "note:14 [1] Une note de bas de page.",
            "head:18 Nom | Prix",
            "row:20 Pain | un euro",
            "p:24 Auteur: Anne",
        ],
    );
    // Two ways of marking headings are two levels, whatever the signs; a title that nobody underlined is a line.
    check(
        "b.rst",
        "Un\n~~~~\n\nDeux\n====\n\nTrois\n~~~~~\n\nQuatre\n\nCinq\n...\n",
        &["h1:1 Un", "h2:4 Deux", "h1:7 Trois", "p:10 Quatre", "p:12 Cinq ..."],
    );
}

#[test]
fn front_matter_of_texts_is_noted() {
    let text =
        "---\ntitle: Guide du bail\nauthor: Anne Martin\ndate: 2024-03-01\n---\n\nLe bail est écrit.\n";
    for name in ["guide.txt", "guide.rst"] {
        check(name, text, &["p:7 Le bail est écrit."]);
        let guide = read(name, text.as_bytes()).unwrap();
        assert_eq!(guide.title.as_deref(), Some("Guide du bail"));
        assert_eq!(guide.author.as_deref(), Some("Anne Martin"));
        assert_eq!(guide.written_ms, date::parse_iso("2024-03-01"));
    }
    // A text between rules, and fields with nothing below them.
    for text in ["---\nBonjour à tous\n---\nTexte\n", "---\nobjet: Bonjour à tous\n---\n"] {
        assert!(read("a.txt", text.as_bytes()).unwrap().text().contains("Bonjour à tous"), "{text:?}");
    }
}

#[test]
fn what_front_matter_tells_readers_is_text() {
    check(
        "pix.md",
        "---\ntitle: Pix\nmission: Mesurer et développer ses compétences numériques.\nsponsors:\n  - /organisations/menjs\n\
         link: https://pix.fr\nstats: true\nkeywords: mesurer des compétences, certifier des compétences\n\
         start: 2016-06-08\nadresse: 20 avenue de Ségur, 75007 Paris\n---\nPix s'adresse à tous.\n",
        &[
            "field:3 mission: Mesurer et développer ses compétences numériques.",
            "field:10 adresse: 20 avenue de Ségur, 75007 Paris",
            "p:12 Pix s'adresse à tous.",
        ],
    );
    // Where nothing follows, all of it is told.
    check(
        "halle.md",
        "---\ntitle: Halle\nmission: Abriter le marché du samedi matin.\nsite: halle.fr\n---\n",
        &[
            "field:2 title: Halle",
            "field:3 mission: Abriter le marché du samedi matin.",
            "field:4 site: halle.fr",
        ],
    );
}

#[test]
fn placeholders_in_markdown_are_text() {
    check(
        "a.md",
        "Lancer `x --env <A>` puis <ENVIRONMENT> ou <your-name>.\n\n<div>\nVoir `<DB_NAME>` et <b>gras</b>, <nom du \
         poste>.\n</div>\n\nUne <x-card>carte</x-card>, un saut<br>et <branch>.\n",
        &[
            "p:1 Lancer x --env <A> puis <ENVIRONMENT> ou <your-name>.",
            "p:4 Voir `<DB_NAME>` et gras, <nom du poste>.",
            "p:7 Une carte, un saut et <branch>.",
        ],
    );
}

#[test]
fn template_tags_and_admonitions_are_reduced_to_their_text() {
    check(
        "a.md",
        "Voir [le guide]({% page \"/a/b\" %}) et {% slack_channel \"design\" %}.\n\n!!! info \"À savoir\"\n    \
         Le port est *8080*.\n\n    Il est ouvert.\n\nFin de `{% raw %}`.\n\n{% alert \"info\" %}\nUn avis.\n\
         {% endalert %}\n\n[Plan]({{ site.baseurl }}/plan)\n\n```\n!!! info \"code\"\n{% raw %}\n```\n",
        &[
            "p:1 Voir le guide et design.",
            "p:3 À savoir",
            "p:4 Le port est 8080.",
            "p:6 Il est ouvert.",
            "p:8 Fin de {% raw %}.",
            "p:11 Un avis.",
            "p:14 Plan",
            "code:17 !!! info \"code\"⏎{% raw %}",
        ],
    );
    check("b.md", "!!! Attention à la marche\n", &["p:1 !!! Attention à la marche"]);
}

#[test]
fn the_sign_of_a_link_to_a_heading_is_no_part_of_it() {
    let page = "<html><body><h1>Manuel<a href=#m>¶</a></h1><h2>Délais <a href=#d>¶</a></h2><p>Deux mois.</p></body></html>";
    check("a.html", page, &["h1 Manuel", "h2 Délais", "p Deux mois."]);
    assert_eq!(read("a.html", page.as_bytes()).unwrap().title.as_deref(), Some("Manuel"));
}

#[test]
fn wrapped_lines_that_begin_with_a_sign_are_joined() {
    check(
        "a.txt",
        "La commande relit le dossier quand le fichier de réglages est changé, ou bien,\n\
         `serve` étant arrêté, au prochain lancement du programme par la personne qui\n\
         (Anne Martin ou son remplaçant, selon le jour de la semaine) en est chargée et\nresponsable.\n",
        &[
            "p:1 La commande relit le dossier quand le fichier de réglages est changé, ou bien, `serve` étant arrêté, \
             au prochain lancement du programme par la personne qui (Anne Martin ou son remplaçant, selon le jour de \
             la semaine) en est chargée et responsable.",
        ],
    );
    // Lines of a log begin alike.
    check(
        "b.txt",
        "[worker] le dossier est relu entièrement par le programme de lecture\n\
         [disque] aucune réponse du disque depuis le dernier passage du jour\n",
        &[
            "p:1 [worker] le dossier est relu entièrement par le programme de lecture",
            "p:2 [disque] aucune réponse du disque depuis le dernier passage du jour",
        ],
    );
}
