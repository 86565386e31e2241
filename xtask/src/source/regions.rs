//! Which parts of a file are compiled for tests only.

use std::ops::Range;

use super::{behind_closing, end_of_head, words};

/// The items under `#[cfg(test)]` or `#[cfg(all(test, …))]`, from the attribute to the item's end.
pub(super) fn test_regions(code: &str) -> Vec<Range<usize>> {
    let mut regions: Vec<Range<usize>> = Vec::new();
    for (start, _) in code.match_indices("#[cfg(") {
        let attribute_end = behind_closing(code, start + 1);
        if regions.last().is_some_and(|last| last.contains(&start)) || !is_test(&code[start..attribute_end]) {
            continue;
        }
        let end = match end_of_head(code, attribute_end) {
            Some(open) if code[open..].starts_with('{') => behind_closing(code, open),
            Some(semicolon) => semicolon + 1,
            None => code.len(),
        };
        regions.push(start..end);
    }
    regions
}

/// Whether an attribute asks for `test`; one with `not` or `any` may hold without it.
fn is_test(attribute: &str) -> bool {
    let names = |word| words(attribute, word).next().is_some();
    names("test") && !names("not") && !names("any")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regions(code: &str) -> Vec<&str> {
        test_regions(code).into_iter().map(|region| &code[region]).collect()
    }

    #[test]
    fn a_region_runs_to_the_end_of_its_item() {
        let code = "fn a() {}\n#[cfg(test)]\nmod tests { fn b() { } }\nfn c() {}";
        assert_eq!(regions(code), ["#[cfg(test)]\nmod tests { fn b() { } }"]);
        let code = "#[cfg(all(test, unix))] #[path = x] mod t; fn c() {}";
        assert_eq!(regions(code), ["#[cfg(all(test, unix))] #[path = x] mod t;"]);
        assert_eq!(
            regions("#[cfg(test)] fn f(x: [u8; 3]) { a; } b"),
            ["#[cfg(test)] fn f(x: [u8; 3]) { a; }"]
        );
    }

    #[test]
    fn other_conditions_are_no_tests() {
        assert_eq!(
            regions("#[cfg(not(test))] mod a {} #[cfg(unix)] mod b {} #[cfg(any(test, x))] mod c;"),
            [""; 0]
        );
    }
}
