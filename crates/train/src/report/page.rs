//! The page around the sections: style, headings, plain tables, escaping. All text that comes from outside passes
//! [`escape`] here or in a sibling before it becomes markup.

use std::fmt::Write;

use super::Section;

/// Colours and spacing. Only what the system offers: its fonts, its light or dark.
const STYLE: &str = include_str!("style.css");

/// Around what may be wider than the page; can be reached and scrolled by the keyboard.
pub(super) const OPEN: &str = "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"table\">";
/// Before the best of some numbers.
const BEST: char = '★';
/// Letters of a cell beyond which it breaks into lines.
const LONG: usize = 48;

/// Text as it may stand in HTML, between tags or in a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Control characters are not allowed in HTML at all.
            c if c.is_control() && c != '\n' && c != '\t' => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}

/// 1234567 as `1,234,567`.
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn is_number(cell: &str) -> bool {
    let bare = cell.trim_start_matches(BEST).trim_end_matches('%').trim();
    bare.replace(',', "").parse::<f64>().is_ok()
}

pub(super) fn facts<'a>(facts: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = String::from("<div class=\"scroll\"><table class=\"facts\">");
    for (name, value) in facts {
        _ = write!(out, "<tr><th scope=\"row\">{}</th><td>{}</td></tr>", escape(name), escape(value));
    }
    out + "</table></div>"
}

pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let right = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).filter(|cell| *cell != "–");
        let (numbers, words): (Vec<_>, Vec<_>) = cells.partition(|cell| is_number(cell));
        !numbers.is_empty() && words.is_empty()
    };
    let classes: Vec<&str> =
        (0..head.len()).map(|column| if right(column) { " class=\"number\"" } else { "" }).collect();
    let class = |column: usize| classes.get(column).copied().unwrap_or("");
    let mut out = String::from(OPEN);
    out.push_str("<table><thead><tr>");
    for (column, name) in head.iter().enumerate() {
        _ = write!(out, "<th scope=\"col\"{}>{}</th>", class(column), escape(name));
    }
    out.push_str("</tr></thead><tbody>");
    for row in rows {
        out.push_str("<tr>");
        for (column, cell) in row.iter().enumerate() {
            let class = if cell.starts_with(BEST) {
                " class=\"number best\""
            } else if cell.chars().count() > LONG {
                " class=\"long\""
            } else {
                class(column)
            };
            _ = write!(out, "<td{class}>{}</td>", escape(cell));
        }
        out.push_str("</tr>");
    }
    out + "</tbody></table></div>"
}

pub(super) fn document(title: &str, subtitle: &str, sections: &[Section]) -> String {
    let title = escape(title);
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n\
         </head>\n<body>\n<main>\n<header><h1>{title}</h1>"
    );
    if !subtitle.is_empty() {
        _ = write!(out, "<p>{}</p>", escape(subtitle));
    }
    out.push_str("</header>\n");
    let mut in_charts = false;
    for section in sections {
        if section.is_chart != in_charts {
            out.push_str(if in_charts { "</section>\n" } else { "<section class=\"charts\">\n" });
            in_charts = section.is_chart;
        }
        match &section.heading {
            Some(heading) => {
                _ = write!(out, "<section><h2>{}</h2>\n{}\n</section>\n", escape(heading), section.body);
            }
            None => out.push_str(&section.body),
        }
    }
    if in_charts {
        out.push_str("</section>\n");
    }
    out + "</main>\n</body>\n</html>\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Report;

    #[test]
    fn nothing_from_outside_becomes_markup() {
        let evil = "<script>alert('x')</script>&\"\u{0}";
        let page = Report::new(evil)
            .subtitle(evil)
            .facts(evil, [(evil, evil)])
            .table(evil, &[evil], &[vec![evil.to_owned()]])
            .text(evil, evil)
            .paragraph(evil, evil)
            .pictures(evil, &[crate::report::Picture::new(vec![vec![0.5]], evil)])
            .confusion(evil, &crate::metrics::ConfusionMatrix::new([evil]))
            .chart(crate::report::LineChart::new(evil, evil, evil).series(evil, &[(1.0, 1.0)]))
            .to_html();
        assert!(!page.contains("<script") && !page.contains("alert('") && !page.contains('\u{0}'));
        assert!(
            page.matches("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;\u{FFFD}").count() >= 15
        );
    }

    #[test]
    fn a_page_asks_nothing_of_the_network() {
        let page = Report::new("t").text("a", "b").to_html();
        for word in ["http", "src=\"//", "@import", "url("] {
            assert!(!page.contains(word), "{word}");
        }
    }

    #[test]
    fn every_opened_tag_is_closed() {
        let chart = || crate::report::LineChart::new("c", "x", "y").series("s", &[(1.0, 1.0), (2.0, 3.0)]);
        let page = Report::new("t")
            .chart(chart())
            .chart(chart())
            .table("t", &["a", "b"], &[vec!["1".into(), "x".into()]])
            .chart(chart())
            .to_html();
        for tag in [
            "section", "figure", "svg", "table", "details", "tr", "td", "th", "div", "g", "text", "main",
            "body",
        ] {
            let opened =
                page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
        }
        assert_eq!(page.matches("class=\"charts\"").count(), 2);
    }

    #[test]
    fn numbers_are_flush_right() {
        let markup = table(&["name", "count"], &[vec!["a".into(), "1,200".into()]]);
        assert!(markup.contains("<td>a</td><td class=\"number\">1,200</td>"));
        assert_eq!(grouped(1_234_567), "1,234,567");
        let markup = table(&["loss"], &[vec!["★ 0.25".into()], vec!["0.5".into()]]);
        assert!(markup.contains("<td class=\"number best\">★ 0.25</td>"), "{markup}");
        assert!(markup.contains("<td class=\"number\">0.5</td>"), "{markup}");
    }
}
