//! The page's tables: an entry, its names in Gradus, its name in PyTorch.

use super::entries::{Entry, plain};

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The line, from 1.
    pub(super) line: usize,
    /// The section it stands in.
    section: String,
    /// The first cell.
    pub(super) entry: String,
    /// The paths in the second cell: what stands in backquotes and holds `::`.
    pub(super) names: Vec<String>,
}

impl Row {
    /// Whether this row is about `entry`.
    pub(super) fn is(&self, entry: &Entry) -> bool {
        self.section == entry.section && self.entry == entry.words
    }
}

/// The rows of all tables that stand under a heading `## section`.
pub(super) fn rows(text: &str) -> Vec<Row> {
    let mut section = String::new();
    let mut rows = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if let Some(heading) = line.strip_prefix("## ") {
            section = heading.trim().to_owned();
        }
        let cells: Vec<&str> = line.trim().trim_matches('|').split(" | ").collect();
        let is_row = line.starts_with("| ") && cells.len() >= 3 && cells[0].trim() != "entry";
        if is_row && !section.is_empty() {
            let names = cells[1].split('`').skip(1).step_by(2).filter(|name| name.contains("::"));
            rows.push(Row {
                line: number + 1,
                section: section.clone(),
                entry: plain(cells[0]),
                names: names.map(str::to_owned).collect(),
            });
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read() {
        let text = "## layers\n| entry | Gradus | PyTorch |\n|---|---|---|\n| GLU | `layers::Glu`, also `x.glu()`, `Var::glu` | `nn.GLU` |\n";
        let rows = rows(text);
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].line, rows[0].entry.as_str()), (4, "GLU"));
        assert_eq!(rows[0].names, ["layers::Glu", "Var::glu"]);
        assert!(rows[0].is(&Entry { section: "layers".into(), words: "GLU".into() }));
    }
}
