//! Graphs as text.

use gradus_autodiff::{Var, to_dot};

/// Without the places in the program.
fn without_places(dot: &str) -> String {
    let clean = |line: &str| match line.split_once(", tooltip=") {
        Some((before, _)) => format!("{before}];\n"),
        None => format!("{line}\n"),
    };
    dot.lines().map(clean).collect()
}

#[test]
fn a_small_graph_is_drawn_whole() {
    let (x, w) = (Var::leaf([1.0_f64, 2.0]), Var::leaf([[3.0, 4.0]]));
    let h = x.linear(&w, None);
    let y = (&h * &h + &Var::constant(1.0)).sum();
    let want = r#"digraph gradus {
  rankdir=TB;
  node [fontname="Helvetica"];
  n0 [shape=box, label="leaf\n[2]"];
  n1 [shape=box, label="weight\n[1, 2]"];
  n2 [shape=ellipse, label="h = linear\n[1]"];
  n0 -> n2;
  n1 -> n2;
  n3 [shape=ellipse, label="mul\n[1]"];
  n2 -> n3;
  n2 -> n3;
  n4 [shape=ellipse, label="add\n[1]"];
  n3 -> n4;
  c4_1 [shape=plaintext, label="constant\n[]"];
  c4_1 -> n4;
  n5 [shape=ellipse, label="sum\n[]"];
  n4 -> n5;
}
"#;
    let dot = to_dot(&y, &[("weight", &w), ("h", &h), ("not there", &Var::constant(0.0))]);
    assert_eq!(without_places(&dot), want);
    assert!(dot.contains(&format!("tooltip=\"{}:17:15", file!())), "{dot}");
    // The same program, the same text, whatever numbers nodes have.
    let again = (&h * &h + &Var::constant(1.0)).sum();
    assert_eq!(without_places(&to_dot(&again, &[("weight", &w), ("h", &h)])), want);
}

#[test]
fn names_cannot_end_a_label() {
    let x = Var::leaf(1.0_f64);
    let dot = to_dot(&x.exp(), &[("a\"b\\n\nc\t]", &x)]);
    assert!(dot.contains(r#"label="a\"b\\n\nc ]\n[]""#), "{dot}");
}

#[test]
fn constants_and_long_chains_have_a_graph_too() {
    let dot = to_dot(&Var::constant([1.0_f64, 2.0]), &[]);
    assert!(dot.contains("label=\"constant\\n[2]\""), "{dot}");
    let deep = (0..50_000).fold(Var::leaf(0.0_f64), |y, _| y + 1.0);
    assert_eq!(to_dot(&deep, &[]).matches("add_scalar").count(), 50_000);
}
