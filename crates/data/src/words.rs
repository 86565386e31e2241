//! The texts of a table's column while it is read: each is kept once, rows hold its number. It must never know what a text means.

use std::collections::HashMap;

use crate::table::Column;

/// The texts of one column, each kept once.
#[derive(Default)]
pub(crate) struct Words {
    codes: Vec<u32>,
    known: HashMap<String, u32>,
}

impl Words {
    /// Whether there was room.
    pub(crate) fn push(&mut self, word: &str) -> bool {
        let code = match self.known.get(word) {
            Some(&code) => code,
            None => {
                let Ok(code) = u32::try_from(self.known.len()) else { return false };
                self.known.insert(word.to_owned(), code);
                code
            }
        };
        self.codes.push(code);
        true
    }

    #[cfg(feature = "jsonl")]
    pub(crate) fn push_missing(&mut self) {
        self.push("");
    }

    pub(crate) fn column(self) -> Column {
        let mut words = vec![String::new(); self.known.len()];
        self.known.into_iter().for_each(|(word, code)| words[code as usize] = word);
        Column::Text { codes: self.codes, words }
    }
}
