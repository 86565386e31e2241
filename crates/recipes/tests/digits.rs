//! The recipe `digits` as it is: its defaults reach what the house promises.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use gradus_recipes::{Console, Outcome, Request, Results, Run, find};

#[derive(Clone, Default)]
struct Heard(Rc<RefCell<Vec<u8>>>);

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_defaults_tell_more_than_98_5_percent_of_the_test_digits_apart() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = find("digits", None).unwrap();
    let heard = Heard::default();
    let request = Request { out: Some(folder.path().join("run")), ..Request::default() };
    let outcome = recipe.train(&request, &mut Console::to(heard.clone())).unwrap();
    let Outcome::Done(run) = outcome else { panic!("{outcome:?}") };
    let results = Results::read(&run).unwrap();
    assert!(results.test.accuracy >= 0.985, "{results:?}");
    // A fifth of 1,797, class by class.
    assert!((355..=364).contains(&results.test.examples), "{results:?}");
    assert_eq!(results.train.examples + results.validation.examples + results.test.examples, 1797);
    let parameters = results.parameters.to_string();
    let (thousands, rest) = parameters.split_at(parameters.len() - 3);
    let count = format!("{thousands},{rest} parameters");
    assert!(recipe.about().model.contains(&count), "{count} is missing in: {}", recipe.about().model);
    assert!(String::from_utf8(heard.0.borrow().clone()).unwrap().contains(&count));
    assert!(run.has(Run::REPORT));
}
