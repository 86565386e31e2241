//! Pictures for a terminal: small grey images as block characters, numbers as bars. Pure text, no colour, so that a log
//! file shows the same. It must never know what the numbers mean.

/// An image as lines, two characters per pixel so that it looks square. `pixels` are rows of `width` values between 0
/// (empty) and 1 (full).
///
/// ```
/// assert_eq!(gradus_recipes::picture::shaded(&[0.0, 1.0, 0.5, 0.25], 2), ["  ██", "▒▒░░"]);
/// ```
///
/// # Panics
/// If `width` is 0.
#[must_use]
pub fn shaded(pixels: &[f32], width: usize) -> Vec<String> {
    const SHADES: [&str; 5] = ["  ", "░░", "▒▒", "▓▓", "██"];
    let shade = |&value: &f32| SHADES[(value.clamp(0.0, 1.0) * 4.0).round() as usize];
    pixels.chunks(width).map(|row| row.iter().map(shade).collect()).collect()
}

/// A bar of `value` (0 to 1) on `width` characters, in eighths, filled with blanks.
///
/// ```
/// assert_eq!(gradus_recipes::picture::bar(0.5, 5), "██▌  ");
/// ```
#[must_use]
pub fn bar(value: f64, width: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let filled = (value.clamp(0.0, 1.0) * (width * 8) as f64).round() as usize;
    let mut out = "█".repeat(filled / 8);
    out.push_str(EIGHTHS[filled % 8]);
    let used = filled.div_ceil(8);
    out.push_str(&" ".repeat(width - used));
    out
}

/// `left` and `right` next to each other, the shorter one centred, `left` padded to its longest line.
///
/// ```
/// use gradus_recipes::picture::beside;
/// let (picture, numbers) = (["ab".to_owned()], ["1", "2", "3"].map(str::to_owned));
/// assert_eq!(beside(&picture, &numbers), ["     1", "ab   2", "     3"]);
/// ```
#[must_use]
pub fn beside(left: &[String], right: &[String]) -> Vec<String> {
    let width = left.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let height = left.len().max(right.len());
    let line = |lines: &[String], row: usize| {
        let above = (height - lines.len()) / 2;
        row.checked_sub(above).and_then(|row| lines.get(row)).cloned().unwrap_or_default()
    };
    (0..height).map(|row| format!("{:<width$}   {}", line(left, row), line(right, row))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_keep_their_width_and_clamp() {
        for value in [-1.0, 0.0, 0.001, 0.33, 0.999, 1.0, 7.0] {
            assert_eq!(bar(value, 10).chars().count(), 10, "{value}");
        }
        assert_eq!(bar(0.0, 3), "   ");
        assert_eq!(bar(1.0, 3), "███");
    }

    #[test]
    fn a_small_picture_stands_in_the_middle_of_its_numbers() {
        let picture = vec!["ab".to_owned()];
        let numbers = ["1", "2", "3"].map(str::to_owned);
        assert_eq!(beside(&picture, &numbers), ["     1", "ab   2", "     3"]);
    }
}
