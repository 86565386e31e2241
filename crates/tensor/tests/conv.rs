//! Convolution against its definition, adjointness of its gradients, bits at any thread count.

use gradus_tensor::{
    Conv2dFilters, Conv2dFinish, Conv2dSpec, Float, Isa, Rng, Shape, Tensor, with_isa, with_threads,
};

/// The definition, in f64.
fn naive(x: &Tensor<f64>, w: &Tensor<f64>, spec: Conv2dSpec) -> Tensor<f64> {
    let ([_, c, h, wide], [o, cg, kh, kw]) = (x.dims(), w.dims());
    assert_eq!(cg * spec.groups, c);
    Tensor::from_fn(spec.output_shape(x.shape(), w.shape()), |i| {
        let mut sum = 0.0;
        for (q, ky, kx) in (0..cg).flat_map(|q| (0..kh).flat_map(move |y| (0..kw).map(move |x| (q, y, x)))) {
            let y = (i[2] * spec.stride[0] + ky * spec.dilation[0]).checked_sub(spec.padding[0]);
            let xx = (i[3] * spec.stride[1] + kx * spec.dilation[1]).checked_sub(spec.padding[1]);
            if let (Some(y), Some(xx)) = (y, xx)
                && y < h
                && xx < wide
            {
                let channel = i[1] / (o / spec.groups) * cg + q;
                sum += x.at(&[i[0], channel, y, xx]) * w.at(&[i[1], q, ky, kx]);
            }
        }
        sum
    })
}

fn spec(stride: [usize; 2], padding: [usize; 2], dilation: [usize; 2], groups: usize) -> Conv2dSpec {
    Conv2dSpec { stride, padding, dilation, groups }
}

/// Images, kernels, specification.
fn cases() -> Vec<([usize; 4], [usize; 4], Conv2dSpec)> {
    vec![
        ([2, 3, 7, 6], [4, 3, 3, 3], Conv2dSpec::default()),
        ([2, 3, 7, 6], [4, 3, 1, 1], Conv2dSpec::default()),
        ([2, 3, 7, 6], [4, 3, 1, 1], spec([2, 2], [0, 0], [1, 1], 1)),
        ([2, 3, 7, 6], [4, 3, 1, 1], spec([1, 1], [1, 2], [1, 1], 1)),
        ([3, 4, 9, 11], [6, 2, 3, 2], spec([2, 3], [1, 2], [2, 1], 2)),
        ([1, 6, 8, 8], [6, 1, 3, 3], spec([1, 1], [1, 1], [1, 1], 6)),
        // channels on their own: several blocks of a line, strides that leave columns over, few outputs each
        ([2, 5, 9, 37], [5, 1, 3, 3], spec([1, 1], [1, 1], [1, 1], 5)),
        ([3, 4, 9, 20], [8, 1, 3, 2], spec([2, 3], [1, 2], [2, 1], 4)),
        ([1, 2, 8, 9], [6, 1, 2, 5], spec([3, 2], [0, 4], [1, 2], 2)),
        ([2, 1, 4, 70], [2, 1, 1, 1], spec([2, 2], [1, 0], [1, 1], 1)),
        ([2, 2, 5, 5], [3, 2, 5, 5], spec([1, 1], [2, 2], [1, 1], 1)),
        ([2, 2, 5, 5], [3, 2, 5, 5], spec([7, 7], [6, 6], [1, 1], 1)),
        ([1, 1, 1, 1], [1, 1, 3, 3], spec([1, 1], [1, 1], [1, 1], 1)),
        ([1, 2, 1, 30], [4, 2, 1, 4], spec([1, 2], [0, 3], [1, 3], 1)),
        ([2, 1, 12, 12], [2, 1, 2, 2], spec([3, 3], [0, 0], [1, 1], 1)),
        ([9, 3, 6, 6], [5, 3, 3, 3], spec([1, 1], [1, 1], [1, 1], 1)),
        ([1, 20, 20, 30], [2, 20, 5, 5], spec([1, 1], [2, 2], [1, 1], 1)), // several strips
        ([0, 3, 5, 5], [4, 3, 3, 3], Conv2dSpec::default()),
        // enough channels for Winograd: edges, groups, strips, a batch of its own tasks
        ([2, 32, 11, 14], [40, 32, 3, 3], spec([1, 1], [1, 1], [1, 1], 1)),
        ([1, 66, 12, 13], [96, 33, 3, 3], spec([1, 1], [0, 2], [1, 1], 2)),
        ([9, 32, 8, 28], [32, 32, 3, 3], spec([1, 1], [1, 1], [1, 1], 1)),
        ([1, 40, 37, 24], [33, 40, 3, 3], spec([1, 1], [1, 1], [1, 1], 1)),
        // weights that are cut by output channels; lines by twos, an odd one left
        ([1, 512, 7, 5], [544, 512, 1, 1], spec([2, 2], [0, 0], [1, 1], 1)),
        ([1, 70, 7, 7], [70, 70, 3, 3], spec([1, 1], [1, 1], [1, 1], 1)),
        ([3, 17, 9, 31], [37, 17, 3, 3], spec([2, 2], [1, 1], [1, 1], 1)),
    ]
}

fn close(got: &Tensor<f64>, want: &Tensor<f64>, tolerance: f64, what: &str) {
    assert_eq!(got.shape(), want.shape(), "{what}");
    for (i, (a, b)) in got.to_vec().into_iter().zip(want.to_vec()).enumerate() {
        assert!((a - b).abs() <= tolerance, "{what} at {i}: {a} {b}");
    }
}

/// Where a gradient is looked at, and the element that its definition gives: linearity makes each gradient the
/// convolution's own, so ⟨conv(e, w), g⟩ reads one element of it.
fn elements(
    x: &Tensor<f64>,
    places: [usize; 3],
    g: &Tensor<f64>,
    of: impl Fn(&Tensor<f64>) -> Tensor<f64>,
) -> Vec<(usize, f64)> {
    let element = |place| {
        let mut unit = Tensor::<f64>::zeros(*x.shape());
        unit.make_mut()[place] = 1.0;
        (place, (&of(&unit) * g).sum().item())
    };
    places.into_iter().filter(|&place| place < x.len()).map(element).collect()
}

fn check<T: Float>(tolerance: f64, most: usize) {
    let rng = &mut Rng::seed(1);
    for (x, w, spec) in cases().into_iter().filter(|(_, w, _)| w.iter().product::<usize>() <= most) {
        let what = format!("{x:?} * {w:?} {spec:?}");
        let mut draw = |shape: Shape| Tensor::<f64>::normal(shape, 0.0, 1.0, rng).cast::<T>();
        let (x, w) = (draw(x.into()), draw(w.into()));
        let (x64, w64) = (x.cast::<f64>(), w.cast::<f64>());
        let depth = (w.len() / w.dim(0)) as f64;
        let want = naive(&x64, &w64, spec);
        let g = draw(*want.shape());
        let g64 = g.cast::<f64>();
        let ends = |length: usize| [0, length / 2, length.saturating_sub(1)];
        let of_x = elements(&x64, ends(x.len()), &g64, |unit| naive(unit, &w64, spec));
        let of_w = elements(&w64, ends(w.len()), &g64, |unit| naive(&x64, unit, spec));
        // ⟨conv(x, w), g⟩ = ⟨x, input gradient⟩ = ⟨w, weight gradient⟩
        let dot = |a: &Tensor<T>, b: &Tensor<f64>| (&a.cast::<f64>() * b).sum().item();
        let product = (&want * &g64).sum().item();
        for isa in Isa::available() {
            let what = format!("{what} {isa}");
            with_isa(isa, || {
                close(&x.conv2d(&w, spec).cast(), &want, tolerance * depth, &what);
                let dx = g.conv2d_input_grad(&w, *x.shape(), spec);
                let dw = x.conv2d_weight_grad(&g, *w.shape(), spec);
                assert_eq!((dx.shape(), dw.shape()), (x.shape(), w.shape()));
                let scale = tolerance * depth * (1.0 + g.len() as f64);
                assert!((dot(&dx, &x64) - product).abs() <= scale, "{what}: {} {product}", dot(&dx, &x64));
                assert!((dot(&dw, &w64) - product).abs() <= scale, "{what}: {} {product}", dot(&dw, &w64));
                for &(place, want) in &of_x {
                    let got = dx.to_vec()[place].as_f64();
                    assert!(
                        (got - want).abs() <= tolerance * 20.0 * depth,
                        "{what} at {place}: {got} {want}"
                    );
                }
                for &(place, want) in &of_w {
                    let got = dw.to_vec()[place].as_f64();
                    let tolerance = tolerance * (10.0 + g.len() as f64);
                    assert!((got - want).abs() <= tolerance, "{what} at {place}: {got} {want}");
                }
            });
        }
    }
}

#[test]
fn it_is_its_definition_and_its_gradients_are_its_adjoints() {
    check::<f64>(1e-14, 8000);
    check::<f32>(2e-6, usize::MAX);
}

#[test]
fn bias_relu_and_prepared_filters_change_nothing_else() {
    let rng = &mut Rng::seed(5);
    for isa in Isa::available() {
        for (x, w, spec) in cases() {
            let (x, w) = (Tensor::<f32>::normal(x, 0.0, 1.0, rng), Tensor::<f32>::normal(w, 0.0, 1.0, rng));
            let bias = Tensor::<f32>::normal([w.dim(0)], 0.0, 1.0, rng);
            with_isa(isa, || {
                let plain = &x.conv2d(&w, spec) + &bias.reshape([w.dim(0), 1, 1]);
                let finish = |relu| Conv2dFinish { bias: Some(&bias), relu };
                assert_eq!(x.conv2d_then(&w, finish(false), spec), plain, "{isa} {spec:?}");
                assert_eq!(x.conv2d_then(&w, finish(true), spec), plain.relu(), "{isa} {spec:?}");
                let filters = Conv2dFilters::new(&w, finish(true), spec);
                for _ in 0..2 {
                    assert_eq!(x.conv2d_by(&filters), plain.relu(), "{isa} {spec:?}");
                }
                let residual = Tensor::<f32>::normal(*plain.shape(), 0.0, 1.0, &mut Rng::seed(6));
                let want = (&plain + &residual).relu();
                assert_eq!(x.conv2d_by_onto(&filters, &residual), want, "onto: {isa} {spec:?}");
                let filters = Conv2dFilters::new(&w, finish(false), spec);
                let want = &plain + &residual;
                assert_eq!(x.conv2d_by_onto(&filters, &residual), want, "onto: {isa} {spec:?}");
                let filters = Conv2dFilters::new(&w, finish(true), spec);
                let wider = x.pad(&[(0, 0), (0, 0), (0, 1), (2, 0)], 0.5);
                let want = wider.conv2d_then(&w, finish(true), spec);
                assert_eq!(wider.conv2d_by(&filters.clone()), want, "another size: {isa} {spec:?}");
            });
        }
    }
}

#[test]
fn operands_may_have_any_layout() {
    let rng = &mut Rng::seed(2);
    let x = Tensor::<f64>::normal([5, 6, 3, 2], 0.0, 1.0, rng).permute(&[3, 2, 0, 1]);
    let w = Tensor::<f64>::normal([2, 2, 3, 4], 0.0, 1.0, rng).permute(&[3, 2, 1, 0]).flip(2);
    let s = spec([1, 1], [1, 1], [1, 1], 1);
    let y = x.conv2d(&w, s);
    close(&y, &naive(&x, &w, s), 1e-13, "views");
    let g = Tensor::scalar(1.0).expand(y.shape());
    let dense = Tensor::ones(y.shape());
    assert_eq!(g.conv2d_input_grad(&w, x.shape(), s), dense.conv2d_input_grad(&w, x.shape(), s));
    assert_eq!(x.conv2d_weight_grad(&g, w.shape(), s), x.conv2d_weight_grad(&dense, w.shape(), s));
}

#[test]
fn an_empty_batch_has_a_gradient_of_zeros() {
    let x = Tensor::<f32>::zeros([0, 3, 5, 5]);
    let g = Tensor::zeros([0, 4, 3, 3]);
    let dw = x.conv2d_weight_grad(&g, [4, 3, 3, 3], Conv2dSpec::default());
    assert_eq!(dw, Tensor::zeros([4, 3, 3, 3]));
}

#[test]
fn the_bits_do_not_depend_on_threads() {
    let rng = &mut Rng::seed(3);
    let sizes = [
        (19, 40, 40, 40),
        (19, 4, 8, 1),
        (19, 4, 8, 2),
        (19, 16, 16, 1),
        (9, 32, 48, 1),
        (1, 40, 64, 1),
        (2, 80, 512, 2),
    ];
    for (batch, inputs, outputs, groups) in sizes {
        let s = spec([1, 1], [1, 1], [1, 1], groups);
        let x = Tensor::<f32>::normal([batch, inputs, 20, 20], 0.0, 1.0, rng);
        let w = Tensor::<f32>::normal([outputs, inputs / groups, 3, 3], 0.0, 1.0, rng);
        let g = Tensor::<f32>::normal([batch, outputs, 20, 20], 0.0, 1.0, rng);
        let all = || {
            [x.conv2d(&w, s), g.conv2d_input_grad(&w, x.shape(), s), x.conv2d_weight_grad(&g, w.shape(), s)]
                .map(|x| x.to_vec())
        };
        for isa in Isa::available() {
            let want = with_isa(isa, || with_threads(1, all));
            for threads in [2, 3, 5] {
                assert!(
                    with_isa(isa, || with_threads(threads, all)) == want,
                    "{isa} {threads} {batch} {inputs}"
                );
            }
        }
    }
}

fn panics(x: [usize; 4], w: [usize; 4], spec: Conv2dSpec) -> String {
    let run = || Tensor::<f32>::zeros(x).conv2d(&Tensor::zeros(w), spec);
    match std::panic::catch_unwind(run) {
        Ok(_) => "no panic".into(),
        Err(payload) => payload.downcast_ref::<String>().cloned().unwrap_or_default(),
    }
}

#[test]
fn wrong_shapes_are_named() {
    let plain = Conv2dSpec::default();
    assert_eq!(
        panics([8, 3, 28, 28], [16, 4, 3, 3], plain),
        "conv2d: channels differ: [8, 3, 28, 28] * [16, 4, 3, 3] (3 ≠ 4·1)"
    );
    assert_eq!(
        panics([1, 6, 8, 8], [4, 2, 3, 3], spec([1, 1], [0, 0], [1, 1], 3)),
        "conv2d: groups do not divide the output channels: [1, 6, 8, 8] * [4, 2, 3, 3] (4 by 3)"
    );
    assert_eq!(
        panics([1, 1, 4, 4], [1, 1, 3, 3], spec([1, 1], [1, 0], [2, 2], 1)),
        "conv2d: kernel exceeds the padded input: [1, 1, 4, 4] * [1, 1, 3, 3] (5 > 4 + 2·0)"
    );
    assert!(panics([1, 1, 4, 4], [1, 1, 3, 3], spec([0, 1], [0, 0], [1, 1], 1)).contains("start at 1"));
    let wrong = || {
        let s = Conv2dSpec::default();
        Tensor::<f32>::zeros([1, 2, 3, 3]).conv2d_input_grad(&Tensor::zeros([2, 1, 2, 2]), [1, 1, 3, 3], s)
    };
    let message = std::panic::catch_unwind(wrong).map_err(|p| p.downcast_ref::<String>().cloned());
    assert_eq!(
        message.err().flatten().as_deref(),
        Some("conv2d_input_grad: cotangent does not fit: [1, 2, 3, 3] (needs [1, 2, 2, 2])")
    );
}
