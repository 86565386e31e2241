//! Where in a model a walk stands: `layers.0.weight`. One buffer, grown and cut back, so that a walk allocates once.

use std::fmt;

/// A dotted path of field names and indices.
///
/// ```
/// use gradus_module::Path;
/// let mut path = Path::root();
/// path.enter("layers", |path| {
///     path.enter_index(0, |path| path.enter("weight", |path| assert_eq!(path.as_str(), "layers.0.weight")));
/// });
/// assert_eq!(path.as_str(), "");
/// ```
#[derive(Debug, Default)]
pub struct Path {
    text: String,
}

impl Path {
    /// The root: an empty path.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Runs `f` one step further down.
    pub fn enter<R>(&mut self, name: &str, f: impl FnOnce(&mut Self) -> R) -> R {
        let length = self.text.len();
        if length > 0 {
            self.text.push('.');
        }
        self.text.push_str(name);
        let result = f(self);
        self.text.truncate(length);
        result
    }

    /// [`Path::enter`] with a number.
    pub fn enter_index<R>(&mut self, index: usize, f: impl FnOnce(&mut Self) -> R) -> R {
        self.enter(&index.to_string(), f)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
