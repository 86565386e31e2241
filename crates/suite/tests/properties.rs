//! The properties, each over the whole table of ops.

use gradus_autodiff::{Var, check_grads, grad_with, jvp, no_grad, per_example_gradients};
use gradus_suite::{Law, Row, cases, for_each_draw, for_each_large_draw, leaves, run_and_differentiate};
use gradus_tensor::{Isa, Tensor, current_isa, with_isa, with_threads};
use gradus_testkit::{Dense, Laid, Tolerance, bits_equal, compare, some_layout_variants};

fn label(what: &str) -> impl Fn(gradus_testkit::Mismatch) -> String + '_ {
    move |mismatch| format!("{what}: {mismatch}")
}

/// What the parts of [`run_and_differentiate`]'s answer are.
fn part(k: usize) -> String {
    if k == 0 { "value".to_owned() } else { format!("gradient of input {}", k - 1) }
}

/// One draw in so many is differentiated three times.
const SAMPLE: u32 = 32;

/// Two of the layouts, other ones in each draw: over all draws each is met many times.
fn some(x: &Tensor<f64>, draw: &gradus_suite::Draw) -> Vec<Laid<f64>> {
    let mut noise = gradus_testkit::Noise::new(draw.seed);
    some_layout_variants(x, 2, |n| noise.below(n))
}

#[test]
fn value_is_the_reference_s() {
    let check = |row: &Row, draw: &gradus_suite::Draw| {
        let x = row.inputs(draw);
        let y = (row.function.double)(&leaves(&x), draw);
        compare(&y, &(row.reference)(&x, draw), Tolerance::F64.times(10.0)).map_err(label("value"))
    };
    let _ = for_each_large_draw("value against the naive reference", check);
    for_each_draw("value against the naive reference", cases(), check)
        .mark("value")
        .mark_empty("empty")
        .done();
}

#[test]
fn gradient_and_second_order_are_those_of_finite_differences() {
    let seen = for_each_draw("derivatives against finite differences", cases(), |row, draw| {
        let x: Vec<Tensor<f64>> = row.smooth_inputs(draw).iter().map(Dense::tensor).collect();
        check_grads(|x| (row.function.double)(x, draw), &x, 2).map_err(|error| error.to_string())
    });
    seen.mark("gradient").mark("second order").done();
}

#[test]
fn third_order_is_that_of_finite_differences() {
    let seen =
        for_each_draw("third order against finite differences", cases().div_ceil(SAMPLE), |row, draw| {
            let x: Vec<Tensor<f64>> = row.smooth_inputs(draw).iter().map(Dense::tensor).collect();
            check_grads(|x| (row.function.double)(x, draw), &x, 3).map_err(|error| error.to_string())
        });
    seen.mark("third order").done();
}

/// Numbers in −1 .. 1 of `x`'s shape.
fn direction(x: &Tensor<f64>, noise: &mut gradus_testkit::Noise) -> Tensor<f64> {
    Tensor::from_fn(*x.shape(), |_| 2.0 * noise.unit() - 1.0)
}

#[test]
fn forward_mode_is_the_adjoint_of_reverse_mode_and_that_of_finite_differences() {
    for_each_draw("forward mode", cases(), |row, draw| {
        let x: Vec<Tensor<f64>> = row.smooth_inputs(draw).iter().map(Dense::tensor).collect();
        let mut noise = gradus_testkit::Noise::new(draw.seed + 17);
        let v: Vec<Tensor<f64>> = x.iter().map(|x| direction(x, &mut noise)).collect();
        let of = |tensors: &[Tensor<f64>]| tensors.iter().cloned().map(Var::leaf).collect::<Vec<_>>();
        let (leaves, tangents) = (of(&x), of(&v));
        let (inputs, tangents) = (leaves.iter().collect::<Vec<_>>(), tangents.iter().collect::<Vec<_>>());
        let f = |x: &[Var<f64>]| (row.function.double)(x, draw);
        let (y, slope) = jvp(f, &inputs, &tangents);
        let (_, constant) = no_grad(|| jvp(f, &inputs, &tangents));
        compare(constant.value(), slope.value(), Tolerance::F64).map_err(label("without recording"))?;
        // ⟨u, J·v⟩ = ⟨Jᵀ·u, v⟩.
        let dot = |a: &Tensor<f64>, b: &Tensor<f64>| {
            let products = a.to_vec().into_iter().zip(b.to_vec()).map(|(a, b)| a * b);
            products.fold((0.0, 0.0), |sum: (f64, f64), p| (sum.0 + p, sum.1 + p.abs()))
        };
        let u = direction(y.value(), &mut noise);
        let back = grad_with(&f(&leaves), &Var::constant(u.clone()), &inputs);
        let left = dot(&u, slope.value());
        let parts = back.iter().zip(&v).map(|(g, v)| dot(g.value(), v));
        let right = parts.fold((0.0, 0.0), |sum: (f64, f64), part| (sum.0 + part.0, sum.1 + part.1));
        if (left.0 - right.0).abs() > 100.0 * Tolerance::F64.absolute * (1.0 + left.1 + right.1) {
            return Err(format!("⟨u, J·v⟩ = {:e}, ⟨Jᵀ·u, v⟩ = {:e}", left.0, right.0));
        }
        // The slope of ⟨u, f⟩ along v.
        let step = 1e-5;
        let [up, down] = [step, -step].map(|step| {
            let at: Vec<Tensor<f64>> = x.iter().zip(&v).map(|(x, v)| x + &(v * step)).collect();
            dot(&u, no_grad(|| f(&of(&at))).value()).0
        });
        let measured = (up - down) / (2.0 * step);
        if (left.0 - measured).abs() > 1e-6 + 2e-5 * left.0.abs().max(measured.abs()) {
            return Err(format!("⟨u, J·v⟩ = {:e}, measured {measured:e}", left.0));
        }
        Ok(())
    })
    .mark("jvp")
    .done();
}

/// outer, N and inner with outer·N·inner = the shape's elements: an axis and what lies before and behind it, or any such cut.
fn cut(shape: &[usize], noise: &mut gradus_testkit::Noise) -> [usize; 3] {
    let all: usize = shape.iter().product();
    if !shape.is_empty() && noise.below(3) > 0 {
        let axis = noise.below(shape.len());
        let outer: usize = shape[..axis].iter().product();
        return [outer, shape[axis], all / (outer * shape[axis])];
    }
    let mut divisor = |n: usize| {
        let divisors: Vec<usize> = (1..=n).filter(|d| n.is_multiple_of(*d)).collect();
        divisors[noise.below(divisors.len())]
    };
    let outer = divisor(all);
    let count = divisor(all / outer);
    [outer, count, all / outer / count]
}

#[test]
fn gradients_by_example_are_those_of_each_loss_alone() {
    for_each_draw("per-example gradients", cases(), |row, draw| {
        let x: Vec<Var<f64>> = leaves(&row.inputs(draw));
        let y = (row.function.double)(&x, draw);
        if y.is_empty() {
            return Ok(());
        }
        let mut noise = gradus_testkit::Noise::new(draw.seed + 29);
        let cut = cut(y.shape(), &mut noise);
        let weights = Var::constant(direction(y.value(), &mut noise));
        let losses = (y * weights).reshape(cut).sum_axes(&[0, 2], false);
        let got = per_example_gradients(&losses, &x.iter().collect::<Vec<_>>());
        for n in 0..cut[1] {
            let one = Tensor::from_fn([cut[1]], |i| if i[0] == n { 1.0 } else { 0.0 });
            let gradients = losses.clone().backward_with(one);
            for (k, (x, got)) in x.iter().zip(&got).enumerate() {
                let want = gradients.of(x).cloned().unwrap_or_else(|| Tensor::zeros(*x.shape()));
                let what = format!("input {k}, example {n} of {cut:?}");
                compare(&got.select(0, n), &want, Tolerance::F64.times(10.0)).map_err(label(&what))?;
            }
        }
        Ok(())
    })
    .mark("per-example")
    .done();
}

#[test]
fn memory_layout_of_inputs_changes_nothing() {
    let seen = for_each_draw("layout invariance", cases(), |row, draw| {
        let op = &row.function;
        let x: Vec<Tensor<f64>> = row.inputs(draw).iter().map(Dense::tensor).collect();
        let run = |k: usize, input: &Tensor<f64>| {
            let with =
                |(i, x): (usize, &Tensor<f64>)| Var::leaf(if i == k { input.clone() } else { x.clone() });
            run_and_differentiate(op, draw, &x.iter().enumerate().map(with).collect::<Vec<_>>())
        };
        for (k, input) in x.iter().enumerate() {
            for variant in some(input, draw) {
                let (want, got) = (run(k, &variant.dense), run(k, &variant.laid));
                for (i, (got, want)) in got.iter().zip(&want).enumerate() {
                    let what = format!("input {k} {}: {}", variant.name, part(i));
                    compare(got, want, Tolerance::F64).map_err(label(&what))?;
                }
            }
        }
        Ok(())
    });
    seen.mark("non-contiguous").mark("broadcast").done();
}

#[test]
fn memory_layout_of_cotangents_changes_nothing() {
    let seen = for_each_draw("layout invariance of cotangents", cases(), |row, draw| {
        let x = row.inputs(draw);
        let shape = *(row.function.double)(&leaves(&x), draw).shape();
        let mut noise = gradus_testkit::Noise::new(draw.seed);
        let seed = Tensor::from_fn(shape, |_| 2.0 * noise.unit() - 1.0);
        let run = |seed: &Tensor<f64>| {
            let x = leaves(&x);
            let gradients = (row.function.double)(&x, draw).backward_with(seed.clone());
            x.iter().map(|x| gradients.of(x).cloned()).collect::<Vec<_>>()
        };
        for variant in some(&seed, draw) {
            for (k, (got, want)) in run(&variant.laid).iter().zip(run(&variant.dense)).enumerate() {
                if let (Some(got), Some(want)) = (got, want) {
                    let what = format!("cotangent {}: gradient of input {k}", variant.name);
                    compare(got, &want, Tolerance::F64).map_err(label(&what))?;
                }
            }
        }
        Ok(())
    });
    seen.mark("cotangent layouts").done();
}

#[test]
fn single_precision_follows_double() {
    let check = |row: &Row, draw: &gradus_suite::Draw| {
        let x = row.single_inputs(draw);
        let single = run_and_differentiate::<f32>(&row.function, draw, &leaves(&x));
        let double = run_and_differentiate::<f64>(&row.function, draw, &leaves(&x));
        for (k, (single, double)) in single.iter().zip(&double).enumerate() {
            // Sums of many terms round in proportion to their size, not to what is left of it.
            let terms = x.iter().map(|x| x.data().len()).max().unwrap_or(0) as f64;
            let tolerance = Tolerance::F32.times(row.single_tolerance * (1.0 + terms.sqrt() / 16.0));
            compare(single, double, tolerance).map_err(label(&part(k)))?;
        }
        Ok(())
    };
    let _ = for_each_large_draw("f32 against f64", check);
    for_each_draw("f32 against f64", cases(), check).mark("f32").done();
}

/// The least elements of a large draw: more than one part of the strided engine.
const SPLIT: usize = gradus_tensor::kernels::strided::PART;

#[test]
fn threads_change_no_bit() {
    let seen = for_each_large_draw("same bits at any number of threads", |row, draw| {
        let op = &row.function;
        let x: Vec<Tensor<f32>> = row.inputs(draw).iter().map(Dense::tensor).collect();
        let run = |threads| {
            let x: Vec<Var<f32>> = x.iter().cloned().map(Var::leaf).collect();
            with_threads(threads, || run_and_differentiate(op, draw, &x))
        };
        let one = run(1);
        let largest = one.iter().map(Tensor::len).max().unwrap_or(0);
        let products = !row.same_bits_on_every_isa;
        if largest <= SPLIT && !products {
            return Err(format!("no large shape: at most {largest} elements, which are never split"));
        }
        for threads in [2, 3] {
            for (k, (got, want)) in run(threads).iter().zip(&one).enumerate() {
                bits_equal(got, want).map_err(label(&format!("{threads} threads: {}", part(k))))?;
            }
        }
        Ok(())
    });
    seen.mark("threads").done();
}

#[test]
fn instruction_sets_agree() {
    let seen = for_each_large_draw("equal on every instruction set", |row, draw| {
        let op = &row.function;
        let x: Vec<Tensor<f32>> = row.inputs(draw).iter().map(Dense::tensor).collect();
        let run = |isa| {
            let x: Vec<Var<f32>> = x.iter().cloned().map(Var::leaf).collect();
            with_isa(isa, || run_and_differentiate(op, draw, &x))
        };
        let portable = run(Isa::Portable);
        for isa in Isa::available().into_iter().filter(|&isa| isa != Isa::Portable) {
            for (k, (got, want)) in run(isa).iter().zip(&portable).enumerate() {
                let what = format!("{isa} against portable: {}", part(k));
                if row.same_bits_on_every_isa {
                    bits_equal(got, want).map_err(label(&what))?;
                } else {
                    compare(got, want, Tolerance::F32.times(row.single_tolerance * 4.0))
                        .map_err(label(&what))?;
                }
            }
        }
        Ok(())
    });
    Isa::available().into_iter().fold(seen, |seen, isa| seen.mark(isa.name())).done();
}

#[test]
fn small_shapes_agree_on_every_instruction_set() {
    let seen = for_each_draw("equal on every instruction set", cases(), |row, draw| {
        let op = &row.function;
        let x: Vec<Tensor<f64>> = row.inputs(draw).iter().map(Dense::tensor).collect();
        let run = |isa| {
            let x: Vec<Var<f64>> = x.iter().cloned().map(Var::leaf).collect();
            with_isa(isa, || run_and_differentiate(op, draw, &x))
        };
        let portable = run(Isa::Portable);
        for isa in Isa::available() {
            for (k, (got, want)) in run(isa).iter().zip(&portable).enumerate() {
                compare(got, want, Tolerance::F64)
                    .map_err(label(&format!("{isa} against portable: {}", part(k))))?;
            }
        }
        Ok(())
    });
    seen.done();
}

#[test]
fn declared_laws_hold() {
    let seen = for_each_draw("declared algebra", cases(), |row, draw| {
        row.laws.iter().try_for_each(|law: &Law| law.check(row, draw))
    });
    seen.mark("laws").done();
}

/// Told by a process of its own, which the next test starts once per instruction set.
#[test]
fn names_the_instruction_set_of_the_process() {
    println!("instruction set: {}", current_isa());
}

#[test]
fn environment_forces_the_instruction_set() {
    let child = |name: &str| {
        let arguments =
            ["--exact", "names_the_instruction_set_of_the_process", "--nocapture", "--test-threads=1"];
        let program = std::env::current_exe().expect("a test knows its own program");
        let output = std::process::Command::new(program).args(arguments).env("GRADUS_ISA", name).output();
        let output = output.expect("the test program starts");
        let told = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&told).into_owned())
    };
    for isa in Isa::available() {
        let (success, told) = child(isa.name());
        assert!(success && told.contains(&format!("instruction set: {isa}")), "{told}");
    }
    let (success, told) = child("abacus");
    assert!(!success && told.contains("GRADUS_ISA=abacus: this machine has portable"), "{told}");
}
