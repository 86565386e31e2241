//! A recorded case: reading it, and comparing a layer with all of it.

use gradus_autodiff::Var;
use gradus_module::{Context, Layer, Module, Param, State, apply_updates};
use gradus_tensor::{DType, Float, Rng, Tensor};

/// One case of a family's file.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    text: &'static str,
    name: &'static str,
}

impl Case {
    pub(crate) fn new(text: &'static str, name: &'static str) -> Self {
        Self { text, name }
    }

    /// The names of a kind (`p:`, `g:p:`, …), without it, in their order.
    fn names(&self, kind: &str) -> Vec<String> {
        let head = format!("{},{kind}", self.name);
        let rest = self.text.lines().filter_map(|line| line.strip_prefix(&head));
        rest.map(|rest| rest.split(',').next().unwrap().to_owned()).collect()
    }

    /// A recorded tensor, if there is one of this name.
    pub(crate) fn get(&self, name: &str) -> Option<Tensor<f64>> {
        let head = format!("{},{name},", self.name);
        let row = self.text.lines().find_map(|line| line.strip_prefix(&head))?;
        let mut cells = row.split(',');
        let dims = cells.next().unwrap();
        let dims: Vec<usize> =
            dims.split('x').filter(|d| !d.is_empty()).map(|d| d.parse().unwrap()).collect();
        let values: Vec<f64> = cells.map(|v| v.parse().unwrap()).collect();
        Some(Tensor::new(&dims[..], &values))
    }

    pub(crate) fn want(&self, name: &str) -> Tensor<f64> {
        self.get(name).unwrap_or_else(|| panic!("{}: no {name}", self.name))
    }

    pub(crate) fn indices(&self, name: &str) -> Tensor<i64> {
        self.want(&format!("i:{name}")).map(|x| x as i64)
    }

    pub(crate) fn flags(&self, name: &str) -> Tensor<bool> {
        self.want(&format!("i:{name}")).map(|x| x != 0.0)
    }

    /// The recorded inputs as leaves.
    pub(crate) fn inputs<T: Float>(&self) -> Vec<Var<T>> {
        (0..).map_while(|i| self.get(&format!("x{i}"))).map(|x| Var::leaf(x.cast::<T>())).collect()
    }

    /// Gives a model the recorded values; its names must be those recorded, in their order.
    pub(crate) fn load(&self, model: &mut (impl Module + ?Sized)) {
        let recorded = self.names("p:");
        let state = model.state();
        assert_eq!(state.names().collect::<Vec<_>>(), recorded, "{}: names of the state", self.name);
        let mut state = State::default();
        for (name, entry) in model.entries() {
            let value = self.want(&format!("p:{name}"));
            if entry.dtype() == DType::I64 {
                state.push(&*name, value.map(|x| x as i64));
            } else {
                state.push(&*name, value);
            }
        }
        model.load(&state).unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    /// Panics unless all numbers agree: in double precision to 10⁻¹⁰, in single to 10⁻⁵ (10⁻⁶ of the largest near 0).
    #[track_caller]
    pub(crate) fn close<T: Float>(&self, what: &str, have: &Tensor<T>, want: &Tensor<f64>) {
        self.close_to(what, have, want, 1.0);
    }

    /// The same with `slack` times the tolerance.
    #[track_caller]
    pub(crate) fn close_to<T: Float>(&self, what: &str, have: &Tensor<T>, want: &Tensor<f64>, slack: f64) {
        let case = self.name;
        assert_eq!(have.shape(), want.shape(), "{case}: shape of {what}");
        let want = want.to_vec();
        let largest = want.iter().filter(|x| x.is_finite()).fold(1.0_f64, |most, x| most.max(x.abs()));
        let (relative, absolute) = if T::DTYPE == DType::F64 {
            (1e-10 * slack, 1e-10 * slack)
        } else {
            (1e-5 * slack, 1e-6 * slack * largest)
        };
        for (i, (a, b)) in have.to_vec().into_iter().map(|a| a.as_f64()).zip(want).enumerate() {
            let fits = a == b || (a - b).abs() <= absolute + relative * b.abs() || a.is_nan() && b.is_nan();
            assert!(fits, "{case}: {what} ({}), element {i}: {a}, recorded {b}", T::DTYPE);
        }
    }

    /// Loads the model, runs it, and compares results, gradients and, if they are recorded, buffers after the updates.
    pub(crate) fn check<T: Float, M: Module>(
        &self,
        model: M,
        run: impl Fn(&M, &[Var<T>], &mut Context<'_>) -> Vec<Var<T>>,
    ) {
        self.check_to(model, 1.0, run);
    }

    /// The same with `slack` times the tolerance.
    pub(crate) fn check_to<T: Float, M: Module>(
        &self,
        mut model: M,
        slack: f64,
        run: impl Fn(&M, &[Var<T>], &mut Context<'_>) -> Vec<Var<T>>,
    ) {
        self.load(&mut model);
        let (inputs, mut rng) = (self.inputs::<T>(), Rng::seed(0));
        let training = !self.name.contains("eval") && !self.name.contains("untracked");
        let cx = if training { &mut Context::train(&mut rng) } else { &mut Context::eval() };
        let results = run(&model, &inputs, cx);
        let mut loss = Var::constant(Tensor::scalar(T::ZERO));
        for (i, y) in results.iter().enumerate() {
            self.close_to(&format!("y{i}"), y.value(), &self.want(&format!("y{i}")), slack);
            let weight = self.want(&format!("w:y{i}")).cast::<T>();
            loss = loss + (y * Var::constant(weight)).sum();
        }
        assert!(self.get(&format!("y{}", results.len())).is_none(), "{}: results not compared", self.name);
        let gradients = loss.backward();
        let compare = |name: &str, leaf: &Var<T>| {
            let want = self.want(&format!("g:{name}"));
            let zeros = || Tensor::zeros(*leaf.shape());
            let have = gradients.of(leaf).cloned().unwrap_or_else(zeros);
            self.close_to(&format!("g:{name}"), &have, &want, slack);
        };
        inputs.iter().enumerate().for_each(|(i, x)| compare(&format!("x{i}"), x));
        for (name, entry) in model.entries() {
            if let Some(param) = entry.as_any().downcast_ref::<Param<T>>() {
                compare(&format!("p:{name}"), param);
            }
        }
        apply_updates(&mut model, &gradients);
        let state = model.state();
        for name in self.names("a:").iter().filter(|name| !name.starts_with("weight")) {
            let have = state.get(name).unwrap().cast::<f64>();
            let tolerance = if T::DTYPE == DType::F64 { 1e-10 } else { 1e-5 };
            for (a, b) in have.to_vec().iter().zip(self.want(&format!("a:{name}")).to_vec()) {
                assert!(
                    (a - b).abs() <= tolerance * (1.0 + b.abs()),
                    "{}: {name}: {a}, recorded {b}",
                    self.name
                );
            }
        }
    }

    /// [`Case::check`] of a layer's own forward pass.
    pub(crate) fn layer<T: Float, L: Layer<T>>(&self, layer: L) {
        self.layer_to(layer, 1.0);
    }

    /// The same with `slack` times the tolerance.
    pub(crate) fn layer_to<T: Float, L: Layer<T>>(&self, layer: L, slack: f64) {
        self.check_to(layer, slack, |layer, x, cx| vec![layer.forward(&x[0], cx)]);
    }
}
