//! What does this control word of RTF change?

use intramuros_core::document::ExtractError;

use super::charset::Charset;
use super::{Form, Paragraph, Purpose, Reader};

impl Reader<'_> {
    /// Follows a control word; `extension` says that readers that don't know it must pass over its group.
    pub(super) fn read_word(
        &mut self,
        word: &str,
        number: Option<i32>,
        extension: bool,
    ) -> Result<(), ExtractError> {
        let on = number != Some(0);
        self.check_overrides(word);
        self.read_form(word, number);
        match word {
            "u" => return self.read_unit(number.unwrap_or_default()),
            "uc" => self.group.fallback = usize::try_from(number.unwrap_or(1)).unwrap_or_default().min(16),
            "par" | "sect" => return self.end_paragraph(),
            "line" | "lbr" => return self.add("\n"),
            "tab" | "nestcell" | "nestrow" => return self.add(" "),
            "page" => {
                self.page = self.page.saturating_add(1);
                return self.add("\n");
            }
            "softpage" => self.page = self.page.saturating_add(1),
            "cell" => self.end_cell(),
            "row" => self.end_row(),
            "trowd" => self.row_header = false,
            "trhdr" => self.row_header = true,
            "v" | "deleted" => self.group.hidden = on,
            "plain" => {
                self.group.hidden = false;
                self.set_font(self.default_font);
            }
            _ if self.read_character(word)? => {}
            _ if self.read_format(word, number) => {}
            _ if self.read_destination(word) => {}
            _ if extension => self.group.purpose = Purpose::Skipped,
            _ => {}
        }
        Ok(())
    }

    /// What a file says of a field of a form.
    fn read_form(&mut self, word: &str, number: Option<i32>) {
        /// The result of a field that nobody has touched.
        const UNTOUCHED: i32 = 25;
        if word == "formfield" {
            self.form = Some(Form::default());
        }
        let (Some(form), Some(value)) = (&mut self.form, number) else { return };
        match word {
            "fftype" => form.kind = value,
            "ffres" => form.result = Some(value).filter(|result| *result != UNTOUCHED),
            "ffdefres" => form.usual = value,
            _ => {}
        }
    }

    /// A list override describes levels without opening them: the lists of this file are damaged, its text is not.
    fn check_overrides(&mut self, word: &str) {
        match word {
            "listoverridetable" => self.overrides.table = Some(self.groups.len()),
            "lfolevel" => self.overrides.level = true,
            "leveltext" if self.overrides.table.is_some() && !self.overrides.level => {
                let warning = "corrupt: the table of list overrides is damaged; the text was read without it";
                if !self.extracted.warnings.iter().any(|known| known == warning) {
                    self.extracted.warnings.push(warning.to_owned());
                }
            }
            _ => {}
        }
    }

    /// Words that stand for a character.
    fn read_character(&mut self, word: &str) -> Result<bool, ExtractError> {
        let text = match word {
            "emdash" => "\u{2014}",
            "endash" => "\u{2013}",
            "lquote" => "\u{2018}",
            "rquote" => "\u{2019}",
            "ldblquote" => "\u{201c}",
            "rdblquote" => "\u{201d}",
            "bullet" => "\u{2022}",
            "emspace" | "enspace" | "qmspace" => " ",
            _ => return Ok(false),
        };
        self.add(text)?;
        Ok(true)
    }

    /// Words that set encodings, fonts, paragraphs and dates.
    fn read_format(&mut self, word: &str, number: Option<i32>) -> bool {
        let value = number.unwrap_or_default();
        let small = u8::try_from(value).unwrap_or_default();
        match word {
            "ansicpg" => self.set_page(value),
            "mac" => self.set_page(10_000),
            "pc" => self.set_page(437),
            "pca" => self.set_page(850),
            "deff" => self.default_font = value,
            "f" if self.group.purpose == Purpose::Fonts => self.font = value,
            "f" => self.set_font(value),
            "fcharset" => {
                if let Some(charset) = Charset::of_font(value) {
                    self.fonts.insert(self.font, charset);
                }
            }
            "cpg" if self.group.purpose == Purpose::Fonts => {
                self.fonts.insert(self.font, Charset::of_page(value));
            }
            "s" if self.group.purpose == Purpose::Styles => self.style = value,
            "s" => self.paragraph.style = value,
            "pard" if self.captured.is_empty() => {
                let (page, label) = (self.paragraph.page, std::mem::take(&mut self.paragraph.label));
                self.paragraph = Paragraph { page, label, ..Paragraph::default() };
            }
            "intbl" if self.captured.is_empty() => self.paragraph.in_table = true,
            "outlinelevel" => self.paragraph.outline = Some(small),
            "ls" => self.paragraph.list = true,
            "ilvl" => self.paragraph.depth = small.min(8),
            "yr" => self.date[0] = i64::from(value),
            "mo" => self.date[1] = i64::from(value),
            "dy" => self.date[2] = i64::from(value),
            "hr" => self.date[3] = i64::from(value),
            "min" => self.date[4] = i64::from(value),
            "nofpages" => self.declared_pages = u32::try_from(value).ok(),
            _ => return false,
        }
        true
    }

    /// Words that say what their group is for.
    fn read_destination(&mut self, word: &str) -> bool {
        if self.group.purpose == Purpose::Skipped {
            return true;
        }
        match word {
            "fonttbl" => self.group.purpose = Purpose::Fonts,
            "stylesheet" => self.group.purpose = Purpose::Styles,
            "info" => self.group.purpose = Purpose::Info,
            "title" => self.capture(Purpose::Title),
            "author" => self.capture(Purpose::Author),
            "creatim" => self.group.purpose = Purpose::Created,
            "revtim" => self.group.purpose = Purpose::Revised,
            "footnote" => self.capture(Purpose::Footnote),
            "annotation" => self.capture(Purpose::Comment),
            "atnauthor" => self.capture(Purpose::CommentAuthor),
            "header" | "headerl" | "headerr" | "headerf" => self.capture(Purpose::Header),
            "footer" | "footerl" | "footerr" | "footerf" => self.capture(Purpose::Footer),
            "listtext" | "pntext" => {
                self.paragraph.list = true;
                self.capture(Purpose::Label);
            }
            "objdata" => self.group.purpose = Purpose::Object,
            // Shown text inside of extensions.
            "shptxt" | "shpinst" | "fldrslt" | "ud" | "result" | "field" | "shp" | "object" => {}
            "colortbl" | "pict" | "fldinst" | "objclass" | "objname" | "objalias" | "objsect" | "sp"
            | "shprslt" | "nonshppict" | "bkmkstart" | "bkmkend" | "tc" | "xe" | "themedata"
            | "datafield" | "nonesttables" | "private" | "revtbl" | "filetbl" | "atnid" | "atndate"
            | "atnref" | "atntime" | "atnicn" | "ftnsep" | "ftnsepc" | "ftncn" | "aftnsep" | "aftnsepc"
            | "aftncn" | "template" | "keywords" | "doccomm" | "operator" | "subject" | "category"
            | "comment" | "company" | "manager" | "hlinkbase" | "userprops" | "buptim" | "printim"
            | "listpicture" | "background" => {
                self.group.purpose = Purpose::Skipped;
            }
            _ => return false,
        }
        true
    }

    fn set_page(&mut self, page: i32) {
        self.page_charset = Charset::of_page(page);
        self.group.charset = self.page_charset;
        for group in &mut self.groups {
            group.charset = self.page_charset;
        }
    }

    fn set_font(&mut self, font: i32) {
        self.group.charset = self.fonts.get(&font).copied().unwrap_or(self.page_charset);
    }
}
