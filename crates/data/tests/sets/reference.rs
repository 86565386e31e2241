//! Recorded values: lines of a name, a colon, and numbers or words between bars.

use gradus_tensor::Tensor;

/// A recorded file.
pub(crate) struct Reference(&'static str);

impl Reference {
    pub(crate) const fn new(text: &'static str) -> Self {
        Self(text)
    }

    #[track_caller]
    pub(crate) fn words(&self, name: &str) -> Vec<&'static str> {
        let line = self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_else(|| panic!("no {name}")).split('|').collect()
    }

    #[track_caller]
    pub(crate) fn numbers(&self, name: &str) -> Vec<f64> {
        self.words(name).iter().map(|word| word.parse().unwrap()).collect()
    }

    /// Rows of so many numbers.
    #[track_caller]
    pub(crate) fn matrix(&self, name: &str, columns: usize) -> Tensor<f64> {
        let numbers = self.numbers(name);
        Tensor::new([numbers.len() / columns, columns], &numbers)
    }
}

/// That values agree to within so much of their size.
#[track_caller]
pub(crate) fn assert_near(name: &str, got: &[f64], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len(), "{name}");
    for (place, (got, want)) in got.iter().zip(want).enumerate() {
        let near = (got - want).abs() <= tolerance * want.abs().max(1.0);
        assert!(near, "{name}: {got} instead of {want} at {place}");
    }
}
