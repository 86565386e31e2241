//! A model as it lies in a run folder: weights, and beside them the recipe, its settings and the version, so that the
//! one file is enough to rebuild it. It must never know which recipe that is.

use std::collections::BTreeMap;

use gradus_module::{Module, State};
use toml::Table;

use crate::error::Error;
use crate::run::Run;
use crate::settings::{Settings, Source, parse, resolve, table_of};

/// The version of this crate, which stands in all that it writes.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where in the file stands what was fitted to the data. No layer is called so.
const FITTED: &str = "fitted";

/// A model read from a run folder, not yet put into a module.
///
/// ```
/// use gradus_recipes::digits::{Cnn, DigitsSettings};
/// use gradus_recipes::{Run, Saved};
/// use gradus_tensor::Rng;
/// # let folder = tempfile::tempdir()?;
/// let run = Run::create(Some(folder.path()), "digits")?;
/// let settings = DigitsSettings { hidden: 4, ..DigitsSettings::default() };
/// Saved::write(&run, "digits", &settings, &Cnn::new(&settings, &mut Rng::seed(7))?)?;
/// let saved = Saved::read(run)?;
/// let mut model = Cnn::new(&saved.settings()?, &mut Rng::seed(0))?;
/// saved.fill(&mut model)?;
/// assert!(saved.recipe() == "digits" && saved.run().has(Run::MODEL));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Saved {
    run: Run,
    recipe: String,
    settings: Table,
    state: State,
}

impl Saved {
    /// Writes `model` into `run`, with what is needed to rebuild it.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn write<S: Settings>(
        run: &Run,
        recipe: &str,
        settings: &S,
        model: &(impl Module + ?Sized),
    ) -> Result<(), Error> {
        Self::write_fitted(run, recipe, settings, model, &State::default())
    }

    /// As [`Saved::write`], with what was fitted to the data and is needed again with the model, for [`Saved::fitted`].
    ///
    /// ```
    /// use gradus_module::{Param, State};
    /// use gradus_recipes::{Run, Saved};
    /// use gradus_recipes::digits::DigitsSettings;
    /// use gradus_tensor::Tensor;
    /// # let folder = tempfile::tempdir()?;
    /// let run = Run::create(Some(folder.path()), "digits")?;
    /// let mut fitted = State::default();
    /// fitted.push("mean", Tensor::from([0.5_f64]));
    /// let mut model = (Param::new([1.0_f32]),);
    /// Saved::write_fitted(&run, "digits", &DigitsSettings::default(), &model, &fitted)?;
    /// let saved = Saved::read(run)?;
    /// saved.fill(&mut model)?;
    /// assert_eq!(saved.fitted().names().collect::<Vec<_>>(), ["mean"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn write_fitted<S: Settings>(
        run: &Run,
        recipe: &str,
        settings: &S,
        model: &(impl Module + ?Sized),
        fitted: &State,
    ) -> Result<(), Error> {
        let mut table = table_of(settings);
        // The number of threads changes no bit of the weights, so the file does not depend on it either.
        table.remove("threads");
        let metadata = [("recipe", recipe.to_owned()), ("settings", table.to_string())]
            .into_iter()
            .chain([("version", VERSION.to_owned())])
            .map(|(key, value)| (key.to_owned(), value))
            .collect::<BTreeMap<_, _>>();
        let mut state = model.state();
        state.push_all(FITTED, fitted);
        Ok(gradus_io::save_state(&state, &metadata, run.file(Run::MODEL))?)
    }

    /// Reads the model of `run`.
    ///
    /// # Errors
    /// If the file is damaged, or was not written by a recipe.
    pub fn read(run: Run) -> Result<Self, Error> {
        let path = run.file(Run::MODEL);
        let (state, metadata) = gradus_io::load_state(&path)?;
        let entry = |key: &str| {
            metadata.get(key).ok_or_else(|| Error::Unreadable {
                path: path.clone(),
                problem: format!(
                    "holds weights without {key:?} beside them; only a model that a recipe saved can be used"
                ),
            })
        };
        let (recipe, text) = (entry("recipe")?.clone(), entry("settings")?);
        let (_, settings) = parse(text, Source::File(path.clone()))?;
        Ok(Self { run, recipe, settings, state })
    }

    /// Where it lies.
    #[must_use]
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Who trained it.
    #[must_use]
    pub fn recipe(&self) -> &str {
        &self.recipe
    }

    /// The settings that it was trained with.
    ///
    /// # Errors
    /// If they do not fit the recipe of today.
    pub fn settings<S: Settings>(&self) -> Result<S, Error> {
        let source = Source::File(self.run.file(Run::MODEL));
        Ok(resolve(Some((source, &self.settings)), &[])?)
    }

    /// What [`Saved::write_fitted`] was given; empty of a model without.
    #[must_use]
    pub fn fitted(&self) -> State {
        self.state.below(FITTED)
    }

    /// Puts the weights into `model`.
    ///
    /// # Errors
    /// With all names and shapes that differ; `model` is then as it was.
    pub fn fill(&self, model: &mut (impl Module + ?Sized)) -> Result<(), Error> {
        let mut weights = State::default();
        let own = self.state.iter().filter(|(name, _)| !name.starts_with(FITTED));
        own.for_each(|(name, value)| weights.push(name, value.clone()));
        model.load(&weights).map_err(|cause| Error::Unreadable {
            path: self.run.file(Run::MODEL),
            problem: cause.to_string(),
        })
    }
}
