//! On which line does this byte stand?

/// Where the lines of a text begin.
#[derive(Debug)]
pub struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    /// Finds the lines of a text whose line breaks are `\n` (see [`unify_breaks`]).
    pub fn of(text: &str) -> Lines {
        let mut starts = vec![0];
        starts
            .extend(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(index, _)| index + 1));
        Lines { starts }
    }

    /// The line of a byte offset, counted from 1.
    pub fn line(&self, offset: usize) -> u32 {
        u32::try_from(self.starts.partition_point(|start| *start <= offset)).unwrap_or(u32::MAX)
    }

    /// The byte offset at which a line begins; that of the last line for lines beyond it.
    pub fn start_of(&self, line: u32) -> usize {
        let index = (line as usize).saturating_sub(1);
        self.starts.get(index).or(self.starts.last()).copied().unwrap_or_default()
    }
}

/// The text with `\n` for every kind of line break (`\r\n`, a lone `\r`), which keeps the number of lines.
pub fn unify_breaks(text: String) -> String {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text }
}
