//! Pooling against its definition, adjointness, and PyTorch's rules for ceil_mode and count_include_pad.

use gradus_tensor::{Float, Isa, Pool2dSpec, Rng, Tensor, with_isa, with_threads};

/// The places in the plane that window (oy, ox) sees, in order, and how many of its elements lie in plane and border.
fn window(spec: Pool2dSpec, [h, w]: [usize; 2], oy: usize, ox: usize) -> (Vec<usize>, usize) {
    let (mut places, mut bordered) = (Vec::new(), 0);
    let at = |o: usize, k: usize, axis: usize| {
        (o * spec.stride[axis] + k * spec.dilation[axis]) as isize - spec.padding[axis] as isize
    };
    for (ky, kx) in (0..spec.kernel[0]).flat_map(|ky| (0..spec.kernel[1]).map(move |kx| (ky, kx))) {
        let (y, x) = (at(oy, ky, 0), at(ox, kx, 1));
        if y < (h + spec.padding[0]) as isize && x < (w + spec.padding[1]) as isize {
            bordered += 1;
        }
        if (0..h as isize).contains(&y) && (0..w as isize).contains(&x) {
            places.push(y as usize * w + x as usize);
        }
    }
    (places, bordered)
}

fn specs() -> Vec<Pool2dSpec> {
    let base = Pool2dSpec::new([2, 2]);
    let mut out = vec![
        base,
        Pool2dSpec::new([1, 1]),
        Pool2dSpec::new([5, 6]),
        Pool2dSpec { stride: [1, 1], ..base },
        Pool2dSpec { stride: [3, 3], ..base },
        Pool2dSpec { kernel: [3, 2], stride: [2, 1], padding: [1, 1], ..base },
        Pool2dSpec { kernel: [3, 3], stride: [2, 3], padding: [1, 0], ..base },
        Pool2dSpec { kernel: [4, 5], stride: [3, 2], padding: [2, 2], ..base },
    ];
    out.extend(out.clone().into_iter().map(|spec| Pool2dSpec { ceil_mode: true, ..spec }));
    out
}

fn check<T: Float>(tolerance: f64) {
    let rng = &mut Rng::seed(1);
    for (spec, plane) in specs().into_iter().flat_map(|s| [(s, [5, 6]), (s, [9, 7]), (s, [8, 12])]) {
        let x = Tensor::<f64>::normal([2, 3, plane[0], plane[1]], 0.0, 1.0, rng).cast::<T>();
        for count_include_pad in [true, false] {
            let spec = Pool2dSpec { count_include_pad, ..spec };
            let what = format!("{plane:?} {spec:?}");
            let y = x.avg_pool2d(spec);
            let [.., oh, ow] = y.dims::<4>();
            assert_eq!([oh, ow], spec.output(plane));
            for (image, oy, ox) in
                (0..6).flat_map(|i| (0..oh).flat_map(move |y| (0..ow).map(move |x| (i, y, x))))
            {
                let (places, bordered) = window(spec, plane, oy, ox);
                let values = x.reshape([6, plane[0] * plane[1]]).select(0, image).to_vec();
                let sum: f64 = places.iter().map(|&p| values[p].as_f64()).sum();
                let want = sum / if count_include_pad { bordered } else { places.len() } as f64;
                let got = y.at(&[image / 3, image % 3, oy, ox]).as_f64();
                assert!((got - want).abs() < tolerance, "{what} at {image} {oy} {ox}: {got} {want}");
            }
            let g = Tensor::<f64>::normal(y.shape(), 0.0, 1.0, rng).cast::<T>();
            let dot = |a: &Tensor<T>, b: &Tensor<T>| (&a.cast::<f64>() * &b.cast::<f64>()).sum().item();
            let dx = g.avg_pool2d_grad(x.shape(), spec);
            assert!((dot(&x, &dx) - dot(&y, &g)).abs() < tolerance * y.len() as f64, "{what}");
        }
    }
}

#[test]
fn means_are_their_definition_and_gradients_their_adjoints() {
    for isa in Isa::available() {
        with_isa(isa, || {
            check::<f32>(1e-6);
            check::<f64>(1e-14);
        });
    }
}

#[test]
fn maxima_are_their_definition() {
    let rng = &mut Rng::seed(2);
    let dilated = Pool2dSpec { stride: [1, 2], dilation: [2, 3], padding: [1, 0], ..Pool2dSpec::new([2, 2]) };
    for (spec, plane) in specs().into_iter().chain([dilated]).flat_map(|s| [(s, [5, 6]), (s, [9, 7])]) {
        let x = Tensor::randint([3, plane[0], plane[1]], 0, 5, rng).cast::<f32>(); // with many ties
        let (y, index) = x.max_pool2d(spec);
        let [_, oh, ow] = y.dims();
        for (image, oy, ox) in (0..3).flat_map(|i| (0..oh).flat_map(move |y| (0..ow).map(move |x| (i, y, x))))
        {
            let values = x.select(0, image).to_vec();
            let (places, _) = window(spec, plane, oy, ox);
            let first = places.iter().copied().reduce(|a, b| if values[b] > values[a] { b } else { a });
            let at = index.at(&[image, oy, ox]) as usize;
            assert_eq!(Some(at), first, "{plane:?} {spec:?}");
            assert_eq!(y.at(&[image, oy, ox]), values[at]);
        }
        let g = Tensor::<f32>::normal(y.shape(), 0.0, 1.0, rng);
        let flat = [3, plane[0] * plane[1]];
        let want = Tensor::zeros(flat).scatter_add(1, &index.flatten(1, 2), &g.flatten(1, 2));
        assert_eq!(g.max_pool2d_grad(&index, x.shape()).reshape(flat), want);
    }
}

#[test]
fn taps_tell_the_same_as_places() {
    let rng = &mut Rng::seed(9);
    for isa in Isa::available() {
        for spec in specs() {
            // Few different values: many ties. A NaN in the middle.
            let mut x = Tensor::randint([3, 17, 38], 0, 4, rng).cast::<f32>();
            x.make_mut()[400] = f32::NAN;
            with_isa(isa, || {
                let ((y, taps), (same, places)) = (x.max_pool2d_taps(spec), x.max_pool2d(spec));
                let values = x.max_pool2d_values(spec);
                let g = Tensor::<f32>::normal(*y.shape(), 0.0, 1.0, &mut Rng::seed(1));
                for same in [same, values] {
                    assert!(y.to_vec().iter().zip(same.to_vec()).all(|(a, b)| a.to_bits() == b.to_bits()));
                }
                let want = g.max_pool2d_grad(&places, *x.shape());
                assert_eq!(g.max_pool2d_taps_grad(&taps, *x.shape(), spec), want, "{isa} {spec:?}");
            });
        }
    }
}

#[test]
fn nan_and_infinity_are_found() {
    let mut x = Tensor::<f32>::full([4, 4], f32::NEG_INFINITY);
    let (y, index) = x.max_pool2d(Pool2dSpec::new([2, 2]));
    assert_eq!((y.to_vec(), index.to_vec()), (vec![f32::NEG_INFINITY; 4], vec![0, 2, 8, 10]));
    x.make_mut()[5] = f32::NAN;
    x.make_mut()[0] = 7.0;
    let (y, index) = x.max_pool2d(Pool2dSpec { stride: [1, 1], ..Pool2dSpec::new([3, 3]) });
    assert!(y.to_vec().iter().all(|v| v.is_nan()));
    assert_eq!(index.to_vec(), [5, 5, 5, 5]);
    let (y, index) = x.adaptive_max_pool2d([2, 1]);
    assert!(y.at(&[0, 0]).is_nan() && index.to_vec() == [5, 8]);
}

#[test]
fn sizes_are_pytorchs() {
    // (input, kernel, stride, padding, dilation, ceil_mode) → output, after PyTorch's pooling_output_shape:
    // with ceil_mode the last window must begin inside the input or the padding before it.
    for (n, k, s, p, d, ceil, want) in [
        (7, 3, 2, 0, 1, false, 3),
        (8, 3, 2, 0, 1, false, 3),
        (8, 3, 2, 0, 1, true, 4),
        (6, 2, 3, 0, 1, true, 2), // a third window would begin at 6: outside
        (7, 2, 3, 0, 1, true, 3), // begins at 6: the last element
        (5, 2, 3, 1, 1, true, 2), // a third would begin at 5: outside
        (6, 3, 2, 1, 2, true, 3),
        (112, 3, 2, 1, 1, false, 56),
    ] {
        let spec = Pool2dSpec {
            kernel: [k, k],
            stride: [s, s],
            padding: [p, p],
            dilation: [d, d],
            ceil_mode: ceil,
            count_include_pad: true,
            divisor: None,
        };
        assert_eq!(spec.output([n, n]), [want, want], "{n} {spec:?}");
    }
}

#[test]
fn adaptive_means_cover_every_element_and_have_their_adjoint() {
    let rng = &mut Rng::seed(3);
    for (plane, output) in
        [([5, 7], [3, 2]), ([6, 6], [2, 3]), ([2, 3], [5, 4]), ([9, 1], [1, 1]), ([8, 8], [8, 8])]
    {
        let x = Tensor::<f64>::normal([2, 2, plane[0], plane[1]], 0.0, 1.0, rng);
        let y = x.adaptive_avg_pool2d(output);
        let (largest, places) = x.adaptive_max_pool2d(output);
        for (oy, ox) in (0..output[0]).flat_map(|y| (0..output[1]).map(move |x| (y, x))) {
            let range = |i: usize, axis: usize| {
                let (n, cells) = (plane[axis] as f64, output[axis] as f64);
                let start = (i as f64 * n / cells).floor() as usize;
                (start, ((i + 1) as f64 * n / cells).ceil() as usize - start)
            };
            let ((y0, h), (x0, w)) = (range(oy, 0), range(ox, 1));
            let part = x.narrow(2, y0, h).narrow(3, x0, w);
            let at = |t: &Tensor<f64>| t.narrow(2, oy, 1).narrow(3, ox, 1).reshape([2, 2]);
            let difference = &at(&y) - &part.mean_axes(&[2, 3], false);
            assert!(difference.abs().max_axes(&[], false).item() < 1e-14);
            assert_eq!(at(&largest), part.max_axes(&[2, 3], false));
        }
        assert_eq!(x.flatten(2, 3).gather(2, &places.flatten(2, 3)).to_vec(), largest.to_vec());
        let g = Tensor::<f64>::normal(y.shape(), 0.0, 1.0, rng);
        let dx = g.adaptive_avg_pool2d_grad(x.shape());
        assert!(((&x * &dx).sum().item() - (&y * &g).sum().item()).abs() < 1e-12);
    }
}

#[test]
fn empty_batches_and_threads() {
    let spec = Pool2dSpec { stride: [2, 1], padding: [1, 1], ..Pool2dSpec::new([3, 3]) };
    let none = Tensor::<f32>::zeros([0, 3, 8, 8]);
    assert_eq!(none.max_pool2d(spec).0.dims(), [0, 3, 4, 8]);
    assert_eq!(none.avg_pool2d(spec).dims(), [0, 3, 4, 8]);
    assert_eq!(none.adaptive_avg_pool2d([1, 1]).dims(), [0, 3, 1, 1]);
    let x = Tensor::<f32>::normal([30, 7, 33, 31], 0.0, 1.0, &mut Rng::seed(4));
    let all = || {
        let (y, index) = x.max_pool2d(spec);
        let mean = x.avg_pool2d(spec);
        let tensors = [
            mean.avg_pool2d_grad(x.shape(), spec),
            y.max_pool2d_grad(&index, x.shape()),
            x.adaptive_avg_pool2d([5, 4]),
            x.adaptive_avg_pool2d([5, 4]).adaptive_avg_pool2d_grad(x.shape()),
            y,
            mean,
        ];
        (tensors.map(|x| x.to_vec()), index.to_vec())
    };
    let want = with_isa(Isa::Portable, || with_threads(1, all));
    for isa in Isa::available() {
        for threads in [1, 2, 3] {
            assert!(with_isa(isa, || with_threads(threads, all)) == want, "{isa} {threads}");
        }
    }
}

#[test]
#[should_panic(expected = "max_pool2d: padding exceeds half the kernel: [4, 4] by [3, 3] (2 > 3/2)")]
fn too_much_padding_is_named() {
    let _ =
        Tensor::<f32>::zeros([4, 4]).max_pool2d(Pool2dSpec { padding: [2, 2], ..Pool2dSpec::new([3, 3]) });
}

#[test]
#[should_panic(expected = "avg_pool2d: kernel exceeds the padded input: [4, 2] by [3, 3] (3 > 2 + 2·0)")]
fn too_large_a_kernel_is_named() {
    let _ = Tensor::<f32>::zeros([4, 2]).avg_pool2d(Pool2dSpec::new([3, 3]));
}

#[test]
#[should_panic(expected = "max_pool2d: a window sees only padding: [2, 2] by [2, 2]")]
fn a_window_without_elements_is_refused() {
    let spec = Pool2dSpec { padding: [1, 1], dilation: [3, 3], ..Pool2dSpec::new([2, 2]) };
    let _ = Tensor::<f32>::zeros([2, 2]).max_pool2d(spec);
}
