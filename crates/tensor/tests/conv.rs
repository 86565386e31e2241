//! Convolution against its definition, adjointness of its gradients, bits at any thread count.

use gradus_tensor::{Conv2dSpec, Float, Isa, Rng, Shape, Tensor, with_isa, with_threads};

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
        ([2, 2, 5, 5], [3, 2, 5, 5], spec([1, 1], [2, 2], [1, 1], 1)),
        ([2, 2, 5, 5], [3, 2, 5, 5], spec([7, 7], [6, 6], [1, 1], 1)),
        ([1, 1, 1, 1], [1, 1, 3, 3], spec([1, 1], [1, 1], [1, 1], 1)),
        ([1, 2, 1, 30], [4, 2, 1, 4], spec([1, 2], [0, 3], [1, 3], 1)),
        ([2, 1, 12, 12], [2, 1, 2, 2], spec([3, 3], [0, 0], [1, 1], 1)),
        ([9, 3, 6, 6], [5, 3, 3, 3], spec([1, 1], [1, 1], [1, 1], 1)),
        ([1, 20, 20, 30], [2, 20, 5, 5], spec([1, 1], [2, 2], [1, 1], 1)), // several strips
        ([0, 3, 5, 5], [4, 3, 3, 3], Conv2dSpec::default()),
    ]
}

fn close(got: &Tensor<f64>, want: &Tensor<f64>, tolerance: f64, what: &str) {
    assert_eq!(got.shape(), want.shape(), "{what}");
    for (i, (a, b)) in got.to_vec().into_iter().zip(want.to_vec()).enumerate() {
        assert!((a - b).abs() <= tolerance, "{what} at {i}: {a} {b}");
    }
}

fn check<T: Float>(tolerance: f64) {
    let rng = &mut Rng::seed(1);
    for (x, w, spec) in cases() {
        let what = format!("{x:?} * {w:?} {spec:?}");
        let mut draw = |shape: Shape| Tensor::<f64>::normal(shape, 0.0, 1.0, rng).cast::<T>();
        let (x, w) = (draw(x.into()), draw(w.into()));
        let depth = (w.len() / w.dim(0)) as f64;
        let y = x.conv2d(&w, spec);
        close(&y.cast(), &naive(&x.cast(), &w.cast(), spec), tolerance * depth, &what);
        // ⟨conv(x, w), g⟩ = ⟨x, input gradient⟩ = ⟨w, weight gradient⟩
        let g = draw(*y.shape());
        let dot = |a: &Tensor<T>, b: &Tensor<T>| (&a.cast::<f64>() * &b.cast::<f64>()).sum().item();
        let want = dot(&y, &g);
        let dx = g.conv2d_input_grad(&w, x.shape(), spec);
        let dw = x.conv2d_weight_grad(&g, w.shape(), spec);
        assert_eq!((dx.shape(), dw.shape()), (x.shape(), w.shape()));
        let scale = tolerance * depth * (1.0 + y.len() as f64);
        assert!((dot(&x, &dx) - want).abs() <= scale, "{what}: {} {want}", dot(&x, &dx));
        assert!((dot(&w, &dw) - want).abs() <= scale, "{what}: {} {want}", dot(&w, &dw));
        // Linearity makes each gradient the convolution's own: ⟨conv(e, w), g⟩ reads one element of it.
        for place in [0, x.len() / 2, x.len().saturating_sub(1)].into_iter().filter(|&p| p < x.len()) {
            let mut unit = Tensor::<f64>::zeros(x.shape());
            unit.make_mut()[place] = 1.0;
            let want = dot(&naive(&unit, &w.cast(), spec).cast(), &g);
            let got = dx.to_vec()[place].as_f64();
            assert!((got - want).abs() <= tolerance * 20.0 * depth, "{what} at {place}: {got} {want}");
        }
        for place in [0, w.len() / 2, w.len() - 1] {
            let mut unit = Tensor::<f64>::zeros(w.shape());
            unit.make_mut()[place] = 1.0;
            let want = dot(&naive(&x.cast(), &unit, spec).cast(), &g);
            let got = dw.to_vec()[place].as_f64();
            assert!(
                (got - want).abs() <= tolerance * (10.0 + y.len() as f64),
                "{what} at {place}: {got} {want}"
            );
        }
    }
}

#[test]
fn it_is_its_definition_and_its_gradients_are_its_adjoints() {
    for isa in Isa::available() {
        with_isa(isa, || {
            check::<f64>(1e-14);
            check::<f32>(2e-6);
        });
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
    for groups in [1, 2] {
        let s = spec([1, 1], [1, 1], [1, 1], groups);
        let x = Tensor::<f32>::normal([19, 4, 20, 20], 0.0, 1.0, rng);
        let w = Tensor::<f32>::normal([8, 4 / groups, 3, 3], 0.0, 1.0, rng);
        let g = Tensor::<f32>::normal([19, 8, 20, 20], 0.0, 1.0, rng);
        let all = || {
            [x.conv2d(&w, s), g.conv2d_input_grad(&w, x.shape(), s), x.conv2d_weight_grad(&g, w.shape(), s)]
                .map(|x| x.to_vec())
        };
        for isa in Isa::available() {
            let want = with_isa(isa, || with_threads(1, all));
            for threads in [2, 3] {
                assert!(with_isa(isa, || with_threads(threads, all)) == want, "{isa} {threads}");
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
