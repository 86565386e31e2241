//! Runs a property over the whole table and names the ops that fail, with the smallest draw for which they do.

use std::cell::Cell;

use gradus_autodiff::Var;
use gradus_tensor::{Element, Float, Tensor};
use gradus_testkit::{Dense, Noise};
use proptest::test_runner::{
    Config, FileFailurePersistence, RngAlgorithm, TestCaseError, TestRng, TestRunner,
};

use crate::draw::Draw;
use crate::ledger::Seen;
use crate::row::{Callable, Function, Row};
use crate::rows::table;

/// Where draws that failed once are kept, to be tried first ever after.
const REGRESSIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/draws.txt");
/// Runs one row alone.
const ONLY: &str = "GRADUS_SUITE_OP";
/// Explores other draws than those that every run makes.
const SEED: &str = "GRADUS_SUITE_SEED";

/// The rows that `GRADUS_SUITE_OP` leaves, and whether it leaves some out.
fn chosen() -> (Vec<Row>, bool) {
    let only = std::env::var(ONLY).ok();
    let rows =
        table().into_iter().filter(|row| only.as_deref().is_none_or(|only| only == row.name)).collect();
    (rows, only.is_some())
}

/// How many draws of each row a property gets: 256, or what the environment variable `PROPTEST_CASES` says.
#[must_use]
pub fn cases() -> u32 {
    Config::default().cases
}

fn seed() -> [u8; 32] {
    let number = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok()).unwrap_or(2026_u64);
    let mut noise = Noise::new(number);
    std::array::from_fn(|_| noise.below(256) as u8)
}

/// Checks `cases` draws of every row and answers the ops that were checked. The draws are the same in every run unless `GRADUS_SUITE_SEED=<number>` is set.
///
/// # Panics
/// If a row fails; the message names each such row and its smallest draw.
#[track_caller]
pub fn for_each_draw(property: &str, cases: u32, check: impl Fn(&Row, &Draw) -> Result<(), String>) -> Seen {
    let mut failures = Vec::new();
    let (rows, partial) = chosen();
    let mut seen = Seen { partial, ..Seen::default() };
    for row in rows {
        let persistence = FileFailurePersistence::Direct(REGRESSIONS);
        let config = Config {
            cases,
            failure_persistence: Some(Box::new(persistence)),
            max_shrink_iters: 2000,
            ..Config::default()
        };
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed());
        let mut runner = TestRunner::new_with_rng(config, rng);
        let empty = Cell::new(false);
        let result = runner.run(&row.draws(), |draw| {
            empty.set(empty.get() || draw.shapes.iter().any(|shape| shape.contains(&0)));
            check(&row, &draw).map_err(TestCaseError::fail)
        });
        if let Err(error) = result {
            failures.push(format!("{}: {error}", row.name));
        }
        seen.ops.insert(row.name);
        if empty.get() {
            seen.empty.insert(row.name);
        }
    }
    report(property, &failures);
    seen
}

/// Checks the large draws of every row and answers the ops that were checked.
///
/// # Panics
/// If a row fails; the message names each such row.
#[track_caller]
pub fn for_each_large_draw(property: &str, check: impl Fn(&Row, &Draw) -> Result<(), String>) -> Seen {
    let mut failures = Vec::new();
    let (rows, partial) = chosen();
    let mut seen = Seen { partial, ..Seen::default() };
    for row in rows {
        seen.ops.insert(row.name);
        for draw in row.large_draws() {
            if let Err(error) = check(&row, &draw) {
                failures.push(format!("{}: {error}\n{draw:?}", row.name));
            }
        }
    }
    report(property, &failures);
    seen
}

#[track_caller]
fn report(property: &str, failures: &[String]) {
    assert!(failures.is_empty(), "{property}: {} failures\n\n{}\n", failures.len(), failures.join("\n\n"));
}

/// Leaves that hold `values`.
#[must_use]
pub fn leaves<T: Float>(values: &[Dense]) -> Vec<Var<T>> {
    values.iter().map(|x| Var::leaf(x.tensor::<T>())).collect()
}

/// The op's value and the gradients of Σ w·value with respect to all inputs, for fixed pseudo-random weights w; noughts
/// where the value does not depend on an input.
#[must_use]
pub fn run_and_differentiate<T: Callable>(op: &Function, draw: &Draw, x: &[Var<T>]) -> Vec<Tensor<T>> {
    let y = T::call(op, x, draw);
    let value = y.value().clone();
    let mut noise = Noise::new(4711);
    let weights = Tensor::from_fn(*y.shape(), |_| T::of(2.0 * noise.unit() - 1.0));
    let gradients = y.backward_with(weights);
    let gradient = |x: &Var<T>| match gradients.of(x) {
        Some(gradient) => gradient.clone(),
        None => Tensor::full(*x.shape(), <T as Element>::ZERO),
    };
    std::iter::once(value).chain(x.iter().map(gradient)).collect()
}
