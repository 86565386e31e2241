//! Range test, cross-validation and search: what they leave alone, and what they remember.

use gradus_optimizers::{Adam, Schedule};
use gradus_tensor::Rng;
use gradus_train::Goal;
use gradus_train::tuning::{RangeTest, Search, Settings, Space};

use crate::{Net, bits, loader, loss};
use gradus_module::Module;

#[test]
fn a_range_test_leaves_everything_as_it_was() {
    let (mut model, mut loader) = (Net::new(8), loader(1));
    let mut optimizer = Adam::new(0.01).schedule(Schedule::new(|step| 0.5 / (1.0 + step as f64)));
    let gradients = loss(&model, &loader.next().unwrap().unwrap(), &mut gradus_module::Context::eval());
    optimizer.step(&mut model, &gradients.loss().clone().backward()).unwrap();
    let before = (bits(&model.state()), bits(&optimizer.state()), optimizer.learning_rate());
    // 40 steps are more than five epochs of 7 batches.
    let test = RangeTest::new(1e-4, 1e-2).steps(40);
    let ranged = test.run(&mut model, &mut optimizer, &mut loader, loss).unwrap();
    assert_eq!((bits(&model.state()), bits(&optimizer.state()), optimizer.learning_rate()), before);
    let rates: Vec<f64> = ranged.points().iter().map(|(rate, _)| *rate).collect();
    assert_eq!((rates.len(), rates[0]), (40, 1e-4));
    assert!((rates[39] - 1e-2).abs() < 1e-12);
    let factor = 100.0_f64.powf(1.0 / 39.0);
    assert!(rates.windows(2).all(|pair| (pair[1] / pair[0] - factor).abs() < 1e-9));
    let again = test.run(&mut model, &mut optimizer, &mut loader, loss).unwrap();
    assert_eq!(again, ranged);
    // The schedule does not bend the rates: without one the losses are the same but for roundings.
    let mut plain = Adam::new(0.01);
    plain.load_state(&optimizer.state()).unwrap();
    let plain = test.run(&mut model, &mut plain, &mut loader, loss).unwrap();
    let pairs = plain.points().iter().zip(ranged.points());
    assert!(pairs.into_iter().all(|((_, a), (_, b))| (a - b).abs() < 1e-5 * b.abs()));
}

#[test]
fn a_search_remembers_what_is_done_and_names_a_line_that_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("search.jsonl");
    let space = Space::new().values("a", [1.0, 2.0]).values("b", ["x", "y"]);
    let score = |settings: &Settings| match (settings.number("a"), settings.word("b")) {
        (Some(a), Some("x")) => a,
        _ => f64::NAN,
    };
    let mut first = Search::new(Goal::Max).file(&path);
    first.run(&space.grid()[..3], score).unwrap();
    let mut asked = Vec::new();
    let mut second = Search::new(Goal::Max).file(&path);
    second
        .run(&space.grid(), |settings| {
            asked.push(settings.to_string());
            score(settings)
        })
        .unwrap();
    assert_eq!(asked, ["a 2, b y"]);
    assert_eq!(second.best().unwrap().settings.to_string(), "a 2, b x");
    let text = second.to_string();
    assert_eq!(
        text.lines().collect::<Vec<_>>(),
        ["a 2, b x: 2", "a 1, b x: 1", "a 1, b y: NaN", "a 2, b y: NaN"]
    );
    std::fs::write(&path, "{\"settings\":{},\"score\":1}\nnonsense\n").unwrap();
    let error = Search::new(Goal::Min).file(&path).run(&space.grid(), score).unwrap_err().to_string();
    assert!(error.contains("search.jsonl:2: "), "{error}");
    assert_eq!(Search::new(Goal::Min).best(), None);
}

#[test]
fn random_settings_fill_their_ranges() {
    let space = Space::new().log_uniform("rate", 1e-4, 1.0).whole("layers", 1, 3).uniform("p", 0.25, 0.75);
    let all = space.random(3000, &mut Rng::seed(2));
    let numbers = |name: &str| all.iter().map(|settings| settings.number(name).unwrap()).collect::<Vec<_>>();
    let below = |values: &[f64], limit: f64| values.iter().filter(|x| **x < limit).count() as f64 / 3000.0;
    let (rates, layers, p) = (numbers("rate"), numbers("layers"), numbers("p"));
    // Each decade of the rate a quarter, each number of layers a third, within five standard deviations.
    assert!((below(&rates, 1e-3) - 0.25).abs() < 0.04 && (below(&rates, 1e-2) - 0.5).abs() < 0.05);
    assert!(
        (below(&layers, 1.5) - 1.0 / 3.0).abs() < 0.045 && layers.iter().all(|x| [1.0, 2.0, 3.0].contains(x))
    );
    assert!((below(&p, 0.5) - 0.5).abs() < 0.05 && p.iter().all(|x| (0.25..0.75).contains(x)));
    assert_eq!(all, space.random(3000, &mut Rng::seed(2)));
}
