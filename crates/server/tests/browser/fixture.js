// Which documents does the test search? A few of each kind, in both languages, written when the test starts.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const LEASE = `# Bail commercial

## Durée

Le bail commercial est conclu pour neuf ans. Le locataire peut y mettre fin tous les trois ans, avec un préavis de six mois.

## Loyer

Le loyer est révisé chaque année au premier janvier selon l'indice des loyers commerciaux.

## Charges

Les charges d'entretien sont payées par le locataire, les grosses réparations par le propriétaire.
`;

const HANDBOOK = `# Employee handbook

## Parental leave

Every employee may take sixteen weeks of parental leave after the birth of a child. The leave begins on the day that the employee chooses.

## Remote work

Remote work is possible two days a week, with the agreement of the manager.
`;

const MAIL = `From: Anne Dupont <anne@example.org>
To: Bruno Martin <bruno@example.org>
Subject: Archivage des factures fournisseurs
Date: Tue, 12 Mar 2024 10:15:00 +0100
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Bonjour Bruno,

Les factures fournisseurs de 2023 sont rangées dans l'armoire du deuxième étage.

Anne
`;

const CODE = `"""Counts how long documents must be kept."""

RETENTION_YEARS = 10


def may_be_destroyed(invoice, today):
    """Whether an invoice has been kept long enough."""
    return today.year - invoice.year > RETENTION_YEARS
`;

const TABLE = `pièce,durée,fondement
facture client,10 ans,Code de commerce L123-22
bulletin de paie,5 ans,Code du travail L3243-4
contrat de travail,5 ans,Code civil 2224
`;

const HOSTILE = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>
Ce piège hostile ne doit jamais devenir une page.
`;

const PDF_PAGES = [
  ["Convention d'archivage", "Cette convention fixe les lieux de rangement des pièces comptables."],
  ["Durées de conservation", "La durée de conservation des factures est de dix ans à compter de la clôture.", "Les bulletins de paie se gardent cinq ans."],
];

/** Writes the documents into a folder. */
export function writeDocuments(folder) {
  const write = (path, content) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  };
  write("juridique/bail.md", LEASE);
  write("people/handbook.md", HANDBOOK);
  write("courrier/factures.eml", MAIL);
  write("outils/retention.py", CODE);
  write("comptabilite/durees.csv", TABLE);
  write("comptabilite/convention.pdf", pdf(PDF_PAGES));
  write("divers/piege.txt", HOSTILE);
  write("divers/casse.pdf", "%PDF-1.7\nnothing of what a PDF needs\n");
  for (let number = 1; number <= 14; number += 1) {
    write(`reunions/compte-rendu-${number}.txt`, `Compte rendu numéro ${number}\n\nLa réunion ${number} a porté sur le calendrier des travaux du bâtiment.\n`);
  }
}

/** A PDF of plain lines: the smallest that every reader takes. */
function pdf(pages) {
  const objects = ["<< /Type /Catalog /Pages 2 0 R >>", "", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"];
  const kids = [];
  for (const lines of pages) {
    const show = lines.map((line, index) => `BT /F1 ${index ? 12 : 18} Tf 72 ${740 - index * 30} Td (${escape(line)}) Tj ET`).join("\n");
    objects.push(`<< /Length ${show.length} >>\nstream\n${show}\nendstream`);
    objects.push(`<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> /Contents ${objects.length} 0 R >>`);
    kids.push(`${objects.length} 0 R`);
  }
  objects[1] = `<< /Type /Pages /Kids [${kids.join(" ")}] /Count ${kids.length} >>`;
  let text = "%PDF-1.4\n";
  const offsets = objects.map((object, index) => {
    const offset = text.length;
    text += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return offset;
  });
  const start = text.length;
  text += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n`;
  text += offsets.map((offset) => `${String(offset).padStart(10, "0")} 00000 n \n`).join("");
  text += `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${start}\n%%EOF\n`;
  // Every letter is one byte, as the offsets and WinAnsi have it.
  return Buffer.from(text, "latin1");
}

const escape = (text) => text.replaceAll(/[\\()]/g, (sign) => "\\" + sign);
