//! A row of the table: an op in both float types, its naive reference, the shapes and values it takes, the laws it obeys.

use std::ops::Range;

use gradus_autodiff::Var;
use gradus_tensor::{Float, Unary};
use gradus_testkit::{Dense, Noise, distinct, shape};
use proptest::prelude::*;

use crate::draw::Draw;
use crate::law::Law;

/// A strategy for the shapes of all inputs.
pub type Shapes = BoxedStrategy<Vec<Vec<usize>>>;
type Call<T> = Box<dyn Fn(&[Var<T>], &Draw) -> Var<T> + Send + Sync>;
type Reference = Box<dyn Fn(&[Dense], &Draw) -> Dense + Send + Sync>;
type Clearance = fn(&[Dense], &Draw) -> f64;

/// How far from a jump of the derivative the values must be that it is measured at: far more than the measuring's step.
const CLEAR: f64 = 1e-3;

/// How often values are drawn to find such a place.
const TRIES: usize = 64;

/// An op in both float types.
pub struct Function {
    /// In `f32`.
    pub single: Call<f32>,
    /// In `f64`.
    pub double: Call<f64>,
}

/// One op (or one way of calling it) and what there is to say about it.
pub struct Row {
    /// The public name that the row covers.
    pub name: &'static str,
    /// The op.
    pub function: Function,
    /// The same by its definition, in plain `f64`.
    pub reference: Reference,
    /// The laws it obeys.
    pub laws: Vec<Law>,
    /// How much wider than usual the tolerance in `f32` is.
    pub single_tolerance: f64,
    /// Whether all instruction sets give the same bits (not so where one fuses multiply and add).
    pub same_bits_on_every_isa: bool,
    shapes: Shapes,
    fit: Option<fn(&mut Draw)>,
    domains: Vec<Range<f64>>,
    kinks: Vec<f64>,
    clearance: Option<Clearance>,
    large: Vec<Vec<Vec<usize>>>,
    large_picks: usize,
}

/// `row!("name", shapes, |x, p| op => reference)`: the op is written once and compiled for `f32` and `f64`; in it `x` are
/// variables, in the reference `x` are [`Dense`] arrays; both ask the [`Draw`] `p` for parameters.
#[macro_export]
macro_rules! row {
    ($name:literal, $shapes:expr, |$x:ident, $p:ident| $call:expr => $reference:expr $(,)?) => {
        $crate::Row::new(
            $name,
            $shapes,
            $crate::Function {
                single: Box::new(|$x: &[::gradus_autodiff::Var<f32>], $p: &$crate::Draw| {
                    let _ = $p;
                    $call
                }),
                double: Box::new(|$x: &[::gradus_autodiff::Var<f64>], $p: &$crate::Draw| {
                    let _ = $p;
                    $call
                }),
            },
            Box::new(|$x: &[::gradus_testkit::Dense], $p: &$crate::Draw| {
                let _ = $p;
                $reference
            }),
        )
    };
}

/// The row of a function of the elementwise table.
#[must_use]
pub fn unary(op: Unary, reference: impl Fn(f64) -> f64 + Send + Sync + 'static) -> Row {
    let function = Function {
        single: Box::new(move |x, _| x[0].unary(op)),
        double: Box::new(move |x, _| x[0].unary(op)),
    };
    let shapes = shape(0..=5).prop_map(|shape| vec![shape]).boxed();
    let row = Row::new(op.name(), shapes, function, Box::new(move |x, _| x[0].map(&reference)));
    if POLYNOMIALS.contains(&op.name()) { row.rounds_by_isa() } else { row }
}

/// Functions whose value or derivative is a polynomial in single precision, which multiplies and adds in one step where
/// the machine can.
const POLYNOMIALS: &[&str] = &[
    "exp",
    "ln",
    "sinh",
    "cosh",
    "tanh",
    "erf",
    "erfc",
    "normal_cdf",
    "normal_pdf",
    "elu",
    "celu",
    "selu",
    "gelu",
    "gelu_tanh",
    "sigmoid",
    "log_sigmoid",
    "softplus",
    "softplus_with",
    "silu",
    "mish",
    "tanhshrink",
];

impl Row {
    /// See [`row!`](crate::row!).
    #[must_use]
    pub fn new(name: &'static str, shapes: Shapes, function: Function, reference: Reference) -> Self {
        Self {
            name,
            function,
            reference,
            laws: Vec::new(),
            single_tolerance: 1.0,
            same_bits_on_every_isa: true,
            shapes,
            fit: None,
            domains: vec![-3.0..3.0],
            kinks: Vec::new(),
            clearance: None,
            large: vec![vec![vec![3, 130, 301]]],
            large_picks: 1,
        }
    }

    /// The values to draw (without this: −3 .. 3), for all inputs.
    #[must_use]
    pub fn domain(mut self, domain: Range<f64>) -> Self {
        self.domains = vec![domain];
        self
    }

    /// The values to draw, per input; the last one holds for the rest.
    #[must_use]
    pub fn domains(mut self, domains: &[Range<f64>]) -> Self {
        self.domains = domains.to_vec();
        self
    }

    /// Places where the derivative jumps, which central differences must not step across.
    #[must_use]
    pub fn kinks(mut self, kinks: &[f64]) -> Self {
        self.kinks = kinks.to_vec();
        self
    }

    /// How far inner values are from a jump of the derivative, where it follows from several inputs together.
    #[must_use]
    pub fn clearance(mut self, clearance: fn(&[Dense], &Draw) -> f64) -> Self {
        self.clearance = Some(clearance);
        self
    }

    /// Mends drawn shapes that depend on drawn parameters.
    #[must_use]
    pub fn fit(mut self, fit: fn(&mut Draw)) -> Self {
        self.fit = Some(fit);
        self
    }

    /// Shapes of all inputs that are large enough for work to be split among threads; one or several sets.
    #[must_use]
    pub fn large(mut self, sets: &[&[&[usize]]]) -> Self {
        self.large = sets.iter().map(|set| set.iter().map(|shape| shape.to_vec()).collect()).collect();
        self
    }

    /// How many values of the parameters the large shapes are run with.
    #[must_use]
    pub fn large_picks(mut self, count: usize) -> Self {
        self.large_picks = count;
        self
    }

    /// A wider tolerance in `f32`, for functions that magnify the rounding of their argument.
    #[must_use]
    pub fn single_tolerance(mut self, factor: f64) -> Self {
        self.single_tolerance = factor;
        self
    }

    /// Instruction sets may differ by roundings: the op multiplies and adds in one step where the machine can.
    #[must_use]
    pub fn rounds_by_isa(mut self) -> Self {
        self.same_bits_on_every_isa = false;
        self
    }

    /// A law that the op obeys.
    #[must_use]
    pub fn law(mut self, law: Law) -> Self {
        self.laws.push(law);
        self
    }

    /// Draws of small shapes.
    pub fn draws(&self) -> BoxedStrategy<Draw> {
        let fit = self.fit;
        let fitted = move |mut draw: Draw| {
            if let Some(fit) = fit {
                fit(&mut draw);
            }
            draw
        };
        Draw::strategy(self.shapes.clone()).prop_map(fitted).boxed()
    }

    /// The large draws, always the same.
    pub fn large_draws(&self) -> impl Iterator<Item = Draw> {
        let picks = 0..self.large_picks;
        self.large.iter().flat_map(move |set| picks.clone().map(move |pick| Draw::fixed(set.clone(), pick)))
    }

    /// The values of a draw.
    #[must_use]
    pub fn inputs(&self, draw: &Draw) -> Vec<Dense> {
        self.values(draw, &mut Noise::new(draw.seed))
    }

    /// The values of a draw where the op has a derivative that measuring does not step out of.
    #[must_use]
    pub fn smooth_inputs(&self, draw: &Draw) -> Vec<Dense> {
        let mut noise = Noise::new(draw.seed);
        let mut values = self.values(draw, &mut noise);
        let Some(clearance) = self.clearance else { return values };
        for _ in 1..TRIES {
            if clearance(&values, draw) >= CLEAR {
                break;
            }
            values = self.values(draw, &mut noise);
        }
        values
    }

    fn values(&self, draw: &Draw, noise: &mut Noise) -> Vec<Dense> {
        let domain = |k: usize| self.domains[k.min(self.domains.len() - 1)].clone();
        let values = |(k, shape): (usize, &Vec<usize>)| distinct(shape, domain(k), &self.kinks, noise);
        draw.shapes.iter().enumerate().map(values).collect()
    }

    /// [`Row::inputs`] rounded to `f32`.
    #[must_use]
    pub fn single_inputs(&self, draw: &Draw) -> Vec<Dense> {
        self.inputs(draw).iter().map(|x| x.map(|x| f64::from(x as f32))).collect()
    }
}

/// Chooses the op of the right type.
pub trait Callable: Float {
    /// The op in this type.
    fn call(function: &Function, x: &[Var<Self>], draw: &Draw) -> Var<Self>;
}

impl Callable for f32 {
    fn call(function: &Function, x: &[Var<f32>], draw: &Draw) -> Var<f32> {
        (function.single)(x, draw)
    }
}

impl Callable for f64 {
    fn call(function: &Function, x: &[Var<f64>], draw: &Draw) -> Var<f64> {
        (function.double)(x, draw)
    }
}
