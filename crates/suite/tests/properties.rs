//! The properties, each over the whole table of ops.

use gradus_autodiff::{Var, check_grads};
use gradus_suite::{Law, Row, cases, for_each_draw, for_each_large_draw, leaves, run_and_differentiate};
use gradus_tensor::{Isa, Tensor, current_isa, with_isa, with_threads};
use gradus_testkit::{Dense, Tolerance, bits_equal, compare, layout_variants};

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
fn some<V>(mut all: Vec<V>, draw: &gradus_suite::Draw) -> Vec<V> {
    let mut noise = gradus_testkit::Noise::new(draw.seed);
    while all.len() > 2 {
        all.swap_remove(noise.below(all.len()));
    }
    all
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
        let x: Vec<Tensor<f64>> = row.inputs(draw).iter().map(Dense::tensor).collect();
        check_grads(|x| (row.function.double)(x, draw), &x, 2).map_err(|error| error.to_string())
    });
    seen.mark("gradient").mark("second order").done();
}

#[test]
fn third_order_is_that_of_finite_differences() {
    let seen =
        for_each_draw("third order against finite differences", cases().div_ceil(SAMPLE), |row, draw| {
            let x: Vec<Tensor<f64>> = row.inputs(draw).iter().map(Dense::tensor).collect();
            check_grads(|x| (row.function.double)(x, draw), &x, 3).map_err(|error| error.to_string())
        });
    seen.mark("third order").done();
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
            for variant in some(layout_variants(input), draw) {
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
        for variant in some(layout_variants(&seed), draw) {
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
