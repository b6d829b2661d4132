//! Which properties does an object of an Outlook message have?
//!
//! A message is a compound file. Each object (the message, a recipient, an attachment) is a storage: properties of
//! fixed size stand in one table, each of the others in a stream whose name holds its number and its type.

use encoding_rs::Encoding;
use intramuros_core::document::ExtractError;

use crate::Budget;
use crate::office::compound::Compound;

/// Name of the table of fixed properties.
pub const TABLE: &str = "__properties_version1.0";

/// Bytes of one entry of the table.
const ENTRY: usize = 16;

/// Number of UTF-8 among the code pages.
const UTF_8: u32 = 65_001;

/// Properties that are read.
pub mod id {
    /// Subject.
    pub const SUBJECT: u16 = 0x0037;
    /// When the sender sent it.
    pub const SUBMITTED: u16 = 0x0039;
    /// Internet headers as received.
    pub const TRANSPORT_HEADERS: u16 = 0x007D;
    /// Name of the person in whose name it was sent.
    pub const SENT_FOR_NAME: u16 = 0x0042;
    /// Mail address of that person.
    pub const SENT_FOR_SMTP: u16 = 0x5D02;
    /// Kind of recipient: 1 to, 2 copy, 3 blind copy.
    pub const RECIPIENT_TYPE: u16 = 0x0C15;
    /// Name of the sender.
    pub const SENDER_NAME: u16 = 0x0C1A;
    /// Address of the sender, of whatever kind.
    pub const SENDER_ADDRESS: u16 = 0x0C1F;
    /// Mail address of the sender.
    pub const SENDER_SMTP: u16 = 0x5D01;
    /// Recipients as shown: copies.
    pub const SHOWN_CC: u16 = 0x0E03;
    /// Recipients as shown.
    pub const SHOWN_TO: u16 = 0x0E04;
    /// When it was delivered.
    pub const DELIVERED: u16 = 0x0E06;
    /// Plain text.
    pub const BODY: u16 = 0x1000;
    /// Packed RTF text.
    pub const RTF: u16 = 0x1009;
    /// HTML text.
    pub const HTML: u16 = 0x1013;
    /// Name of a recipient or an attachment, as shown.
    pub const SHOWN_NAME: u16 = 0x3001;
    /// Address of a recipient, of whatever kind.
    pub const ADDRESS: u16 = 0x3003;
    /// Content of an attachment.
    pub const DATA: u16 = 0x3701;
    /// Name of an attached file in 8.3 form.
    pub const SHORT_NAME: u16 = 0x3704;
    /// Name of an attached file.
    pub const LONG_NAME: u16 = 0x3707;
    /// Identifier by which HTML shows an attachment within the text.
    pub const CONTENT_ID: u16 = 0x3712;
    /// Mail address of a recipient.
    pub const SMTP: u16 = 0x39FE;
    /// Code page of texts that are not Unicode.
    pub const CODE_PAGE: u16 = 0x3FFD;
    /// Code page of the HTML.
    pub const INTERNET_CODE_PAGE: u16 = 0x3FDE;
}

/// One object of a message.
pub struct Object<'f, 'a> {
    file: &'f Compound<'a>,
    storage: usize,
    table: Vec<u8>,
    code_page: u32,
    cut: bool,
}

impl<'f, 'a> Object<'f, 'a> {
    /// Opens the object in a storage. `header` is the size of what stands before the entries of its table: 32 bytes
    /// for a message, 24 for one inside another, 8 for recipients and attachments.
    ///
    /// # Errors
    /// When a limit is reached.
    pub fn open(
        file: &'f Compound<'a>,
        storage: usize,
        header: usize,
        code_page: u32,
        budget: &Budget<'_>,
    ) -> Result<Object<'f, 'a>, ExtractError> {
        let mut object = Object { file, storage, table: Vec::new(), code_page, cut: false };
        let table = object.stream(TABLE, budget)?.unwrap_or_default();
        object.table = table.get(header..).unwrap_or_default().to_vec();
        // Some programs name the code page of the HTML alone. UTF-8 is none of a text that is not Unicode.
        let of_html = object.number(id::INTERNET_CODE_PAGE).filter(|page| *page != UTF_8);
        if let Some(own) = object.number(id::CODE_PAGE).or(of_html) {
            object.code_page = own;
        }
        Ok(object)
    }

    /// The code page of its texts; 0 when it is not said.
    pub fn code_page(&self) -> u32 {
        self.code_page
    }

    /// Whether a stream was left out because its bytes are missing.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    fn entry(&self, property: u16, kind: u16) -> Option<[u8; 8]> {
        let (entries, _) = self.table.as_chunks::<ENTRY>();
        let tag = (u32::from(property) << 16 | u32::from(kind)).to_le_bytes();
        let entry = entries.iter().find(|entry| entry.starts_with(&tag))?;
        entry.get(8..)?.try_into().ok()
    }

    /// A whole number.
    pub fn number(&self, property: u16) -> Option<u32> {
        let value = self.entry(property, 0x0003)?;
        Some(u32::from_le_bytes(value.get(..4)?.try_into().ok()?))
    }

    /// A moment, in milliseconds since 1970 UTC.
    pub fn time_ms(&self, property: u16) -> Option<i64> {
        let ticks = u64::from_le_bytes(self.entry(property, 0x0040)?);
        // Ticks are tenths of microseconds since 1601.
        let ms = i64::try_from(ticks / 10_000).ok()? - 11_644_473_600_000;
        (ms > 0).then_some(ms)
    }

    /// A text; empty when there is none.
    ///
    /// # Errors
    /// When a limit is reached.
    pub fn text(&mut self, property: u16, budget: &Budget<'_>) -> Result<String, ExtractError> {
        if let Some(bytes) = self.value(property, 0x001F, budget)? {
            return Ok(encoding_rs::UTF_16LE
                .decode_without_bom_handling(&bytes)
                .0
                .trim_end_matches('\0')
                .to_owned());
        }
        let bytes = self.value(property, 0x001E, budget)?.unwrap_or_default();
        if let Ok(text) = std::str::from_utf8(&bytes) {
            return Ok(text.trim_end_matches('\0').to_owned());
        }
        let encoding = encoding_of(self.code_page);
        Ok(encoding.decode_without_bom_handling(&bytes).0.trim_end_matches('\0').to_owned())
    }

    /// Bytes.
    ///
    /// # Errors
    /// When a limit is reached.
    pub fn bytes(&mut self, property: u16, budget: &Budget<'_>) -> Result<Option<Vec<u8>>, ExtractError> {
        self.value(property, 0x0102, budget)
    }

    fn value(
        &mut self,
        property: u16,
        kind: u16,
        budget: &Budget<'_>,
    ) -> Result<Option<Vec<u8>>, ExtractError> {
        self.stream(&format!("__substg1.0_{property:04X}{kind:04X}"), budget)
    }

    /// The bytes of a stream; none when there is no such stream, or when its bytes are missing.
    fn stream(&mut self, name: &str, budget: &Budget<'_>) -> Result<Option<Vec<u8>>, ExtractError> {
        let Some(size) = self.file.size(self.storage, name) else { return Ok(None) };
        // Before it is read: many streams may say that they are the same long chain.
        budget.spend_unpacked(size as u64)?;
        let read = self.file.stream(self.storage, name);
        self.cut |= read.is_err();
        Ok(read.unwrap_or_default())
    }
}

/// The encoding of a Windows code page; Western European when it is not known.
pub fn encoding_of(code_page: u32) -> &'static Encoding {
    let label = match code_page {
        932 => "shift_jis".to_owned(),
        936 => "gbk".to_owned(),
        949 => "euc-kr".to_owned(),
        950 => "big5".to_owned(),
        10_000 => "macintosh".to_owned(),
        20_866 => "koi8-r".to_owned(),
        28_591..=28_606 => format!("iso-8859-{}", code_page - 28_590),
        50_220..=50_222 => "iso-2022-jp".to_owned(),
        51_932 => "euc-jp".to_owned(),
        54_936 => "gb18030".to_owned(),
        65_001 => "utf-8".to_owned(),
        other => format!("windows-{other}"),
    };
    Encoding::for_label(label.as_bytes()).unwrap_or(encoding_rs::WINDOWS_1252)
}
