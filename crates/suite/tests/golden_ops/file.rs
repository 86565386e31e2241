//! The recorded files: lines `op NAME`, `x SHAPE NUMBERS` per input, `y …` the value, `g …` per gradient.

use gradus_testkit::Dense;

const RECORDED: [&str; 2] = [include_str!("../golden/ops.txt"), include_str!("../golden/math.txt")];

/// One recorded call.
pub(crate) struct Case {
    /// The op, and after a slash the way of calling it.
    pub(crate) name: String,
    /// What it is called on.
    pub(crate) inputs: Vec<Dense>,
    /// What it answered.
    pub(crate) value: Dense,
    /// The gradient of Σ w·value with respect to each input.
    pub(crate) gradients: Vec<Dense>,
}

/// All cases, in the files' order.
pub(crate) fn read() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in RECORDED.iter().flat_map(|file| file.lines()).filter(|line| !line.starts_with('#')) {
        let (key, rest) = line.split_once(' ').unwrap_or_else(|| panic!("not a line of a record: {line}"));
        if key == "op" {
            let value = Dense::scalar(0.0);
            cases.push(Case { name: rest.into(), inputs: Vec::new(), value, gradients: Vec::new() });
            continue;
        }
        let case = cases.last_mut().unwrap_or_else(|| panic!("before the first op: {line}"));
        let array = array(rest);
        match key {
            "x" => case.inputs.push(array),
            "y" => case.value = array,
            "g" => case.gradients.push(array),
            other => panic!("{}: unknown key {other}", case.name),
        }
    }
    assert!(cases.len() > 100, "only {} cases", cases.len());
    cases
}

fn array(text: &str) -> Dense {
    let mut words = text.split(' ');
    let shape = match words.next() {
        Some("scalar") | None => Vec::new(),
        Some(shape) => shape.split('x').map(|n| number(n) as usize).collect(),
    };
    let mut numbers = words.filter(|word| !word.is_empty()).map(number);
    let array = Dense::from_fn(&shape, |_| numbers.next().unwrap_or(f64::NAN));
    assert!(numbers.next().is_none(), "more numbers than the shape has: {text}");
    array
}

fn number(word: &str) -> f64 {
    word.parse().unwrap_or_else(|_| panic!("not a number: {word}"))
}
