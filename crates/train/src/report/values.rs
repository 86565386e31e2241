//! A chart's numbers as a table that opens below it: for those who cannot hover, on a phone, or cannot see. It must never know
//! what the numbers are.

use super::page;
use super::strip::Row;
use crate::metrics::significant;

/// Rows beyond which only some are shown.
const MOST_ROWS: usize = 40;
/// Columns beyond which a table is no help.
const MOST_COLUMNS: usize = 12;

/// The values of some curves over their common axis; nothing where they are too many.
pub(super) fn markup(x_name: &str, curves: &[Row]) -> String {
    if curves.is_empty() || curves.len() > MOST_COLUMNS {
        return String::new();
    }
    let mut places: Vec<f64> = curves.iter().flat_map(|(_, points)| points.iter().map(|(x, _)| *x)).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let stride = places.len().div_ceil(MOST_ROWS).max(1);
    let last = places.len().saturating_sub(1);
    let shown = places.iter().enumerate().filter(|(i, _)| i % stride == 0 || *i == last);
    let row = |(_, x): (usize, &f64)| {
        // The points of a curve are few here, and a run's are in order.
        let value = |(_, points): &Row| {
            let point = points.iter().find(|(own, _)| own == x);
            point.map_or_else(|| "–".to_owned(), |(_, y)| significant(*y))
        };
        std::iter::once(significant(*x)).chain(curves.iter().map(value)).collect::<Vec<String>>()
    };
    let rows: Vec<Vec<String>> = shown.map(row).collect();
    let head: Vec<&str> =
        std::iter::once(x_name).chain(curves.iter().map(|(name, _)| name.as_str())).collect();
    format!("<details><summary>Values</summary>{}</details>", page::table(&head, &rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_share_their_rows() {
        let curves =
            [("train".to_owned(), vec![(1.0, 0.5), (2.0, 0.25)]), ("test".to_owned(), vec![(2.0, f64::NAN)])];
        let page = markup("epoch", &curves);
        let cells: Vec<&str> =
            page.split("<td").skip(1).map(|rest| rest.split(['>', '<']).nth(1).unwrap()).collect();
        assert_eq!(cells, ["1", "0.5", "–", "2", "0.25", "NaN"]);
        assert_eq!(page.matches("<th scope=\"col\"").count(), 3);
    }

    #[test]
    fn many_points_are_thinned_and_the_last_is_kept() {
        let points: Vec<(f64, f64)> = (1..=1001).map(|i| (f64::from(i), f64::from(i))).collect();
        let page = markup("step", &[("loss".to_owned(), points)]);
        let rows = page.matches("<tr>").count() - 1;
        assert!(rows <= MOST_ROWS + 1, "{rows}");
        assert!(page.contains(">1001</td>"));
        assert_eq!(markup("step", &[]), "");
    }
}
