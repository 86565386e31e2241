//! Tensors made by a rule, views and copies, against what NumPy and PyTorch say of small cases.

use gradus_tensor::{PadMode, Tensor};

#[test]
fn ramps() {
    assert_eq!(Tensor::<i64>::arange_by(0.0, 5.0, 2.0).to_vec(), [0, 2, 4]);
    assert_eq!(Tensor::<f64>::arange_by(1.0, -1.0, -0.5).to_vec(), [1.0, 0.5, 0.0, -0.5]);
    assert!(Tensor::<f32>::arange_by(1.0, 0.0, 1.0).is_empty());
    assert_eq!(Tensor::<f64>::arange_by(0.0, 1.0, 0.1).len(), 10);
    assert_eq!(Tensor::<f32>::linspace(3.0, -1.0, 3).to_vec(), [3.0, 1.0, -1.0]);
    assert_eq!(Tensor::<f32>::linspace(3.0, 9.0, 1).to_vec(), [3.0]);
    assert!(Tensor::<f32>::linspace(3.0, 9.0, 0).is_empty());
    // Both ends are exact, and the middle is symmetric.
    let x = Tensor::<f32>::linspace(-0.1, 0.1, 1001).to_vec();
    assert_eq!((x[0], x[1000]), (-0.1, 0.1));
    assert!(x.iter().zip(x.iter().rev()).all(|(a, b)| (a + b).abs() < 1e-8));
    assert_eq!(Tensor::<f64>::logspace(0.0, 3.0, 4, 2.0).to_vec(), [1.0, 2.0, 4.0, 8.0]);
}

#[test]
fn likes_and_nested_arrays() {
    let x = Tensor::from([[1.5_f32, 2.0]]).t();
    assert_eq!(x.zeros_like(), Tensor::zeros([2, 1]));
    assert_eq!(x.ones_like(), Tensor::ones([2, 1]));
    assert_eq!(x.full_like(3.0), Tensor::full([2, 1], 3.0));
    let four = Tensor::from([[[[1_u8, 2], [3, 4]]], [[[5, 6], [7, 8]]]]);
    assert_eq!((four.dims(), four.at(&[1, 0, 1, 0])), ([2, 1, 2, 2], 7));
}

#[test]
fn triangles_and_diagonals() {
    let x = Tensor::<i64>::arange(24).reshape([2, 3, 4]);
    for diagonal in -4..=5_isize {
        let keep = |low: bool| {
            Tensor::from_fn([2, 3, 4], |i| {
                let above = i[2] as isize - i[1] as isize;
                if low && above <= diagonal || !low && above >= diagonal { x.at(i) } else { 0 }
            })
        };
        assert_eq!(x.tril(diagonal), keep(true), "{diagonal}");
        assert_eq!(x.triu(diagonal), keep(false), "{diagonal}");
    }
    for offset in -2..=2_isize {
        let v = Tensor::from([[1, 2, 3], [4, 5, 6]]);
        let m = v.diag_embed(offset);
        assert_eq!(m.diagonal(offset, -2, -1), v);
        assert_eq!(m.sum().item(), 21);
    }
    assert_eq!(Tensor::<u8>::eye_of(3, 2, -1), Tensor::from([[0, 0], [1, 0], [0, 1]]));
    assert_eq!(Tensor::<i64>::zeros([0, 3]).tril(0).dims(), [0, 3]);
    assert_eq!(Tensor::<i64>::zeros([0]).diag_embed(1).to_vec(), [0]);
}

#[test]
fn grids_and_choices() {
    let (a, b, c) = (Tensor::from([1, 2]), Tensor::from([3, 4, 5]), Tensor::from([6]));
    let grid = Tensor::meshgrid(&[&a, &b, &c]);
    for (k, axis) in grid.iter().enumerate() {
        assert_eq!(*axis, Tensor::from_fn([2, 3, 1], |i| [&a, &b, &c][k].at(&[i[k]])));
    }
    let all = Tensor::cartesian_prod(&[&a, &b, &c]);
    assert_eq!(all.dims(), [6, 3]);
    assert_eq!(all.select(0, 4).to_vec(), [2, 4, 6]);
    assert!(Tensor::<f32>::meshgrid(&[]).is_empty());

    let x = Tensor::<i64>::arange(5);
    for size in 0..7 {
        for replacement in [false, true] {
            // All index lists, of which those in order are kept.
            let lists = (0..5_usize.pow(size))
                .map(|n| (0..size).rev().map(|k| n / 5_usize.pow(k) % 5).collect::<Vec<_>>());
            let fits =
                |list: &Vec<usize>| list.windows(2).all(|w| w[0] < w[1] || replacement && w[0] == w[1]);
            let want: Vec<Vec<usize>> = lists.filter(fits).collect();
            let got = x.combinations(size as usize, replacement);
            assert_eq!(got.dims(), [want.len(), size as usize], "{size} {replacement}");
            assert_eq!(got.to_vec(), want.concat().iter().map(|&i| i as i64).collect::<Vec<_>>());
        }
    }
    assert_eq!(Tensor::<i64>::zeros([0]).combinations(2, true).dims(), [0, 2]);
}

#[test]
fn pieces() {
    let x = Tensor::<i64>::arange(10).reshape([2, 5]);
    let lengths = |parts: Vec<Tensor<i64>>| parts.iter().map(|x| x.dim(1)).collect::<Vec<_>>();
    assert_eq!(lengths(x.chunk(2, 1)), [3, 2]);
    assert_eq!(lengths(x.chunk(4, 1)), [2, 2, 1]); // as PyTorch: three, not four
    assert_eq!(lengths(x.chunk(9, -1)), [1, 1, 1, 1, 1]);
    assert_eq!(lengths(x.split_sizes(&[4, 0, 1], 1)), [4, 0, 1]);
    assert_eq!(lengths(x.tensor_split(&[1, 3, 9], 1)), [1, 2, 2, 0]);
    assert_eq!(lengths(x.tensor_split(&[3, 1], 1)), [3, 0, 4]);
    assert_eq!(x.movedim(0, 1).dims(), [5, 2]);
    assert_eq!(x.unsqueeze(0).unsqueeze(2).squeeze_all(), x);
    assert_eq!(x.view([5, 2]), x.reshape([5, 2]));
    assert_eq!(x.rot90(-1, 0, 1), x.rot90(3, 0, 1));
    let row = Tensor::from([1, 2]);
    assert_eq!(Tensor::hstack(&[&row, &Tensor::scalar(3)]).to_vec(), [1, 2, 3]);
    assert_eq!(Tensor::vstack(&[&row, &Tensor::from([[3, 4], [5, 6]])]).dims(), [3, 2]);
    let padded = x.pad_with(&[(0, 1), (2, 0)], PadMode::Symmetric);
    assert_eq!(padded.select(0, 2).to_vec(), [6, 5, 5, 6, 7, 8, 9]);
}

#[test]
fn einsum_joins_more_than_two() {
    let (a, b) = (Tensor::from([[1.0_f64, 2.0], [3.0, 4.0]]), Tensor::from([1.0, 10.0]));
    assert_eq!(
        Tensor::einsum("ij,jk,k,i->", &[&a, &a, &b, &b]).item(),
        b.matmul(&a).matmul(&a).matmul(&b).item()
    );
    assert_eq!(Tensor::einsum("ab->ba", &[&a]), a.t());
    assert_eq!(Tensor::einsum("ba", &[&a]), a.t()); // sorted: a, then b
    assert_eq!(Tensor::einsum("", &[&Tensor::scalar(2.0_f64)]).item(), 2.0);
    assert_eq!(Tensor::einsum("i,i,i->i", &[&b, &b, &b]).to_vec(), [1.0, 1000.0]);
    assert_eq!(Tensor::einsum("i->", &[&Tensor::<f64>::zeros([0])]).item(), 0.0);
    assert_eq!(
        Tensor::einsum("ij,jk", &[&Tensor::<f64>::zeros([2, 0]), &Tensor::zeros([0, 3])]),
        Tensor::zeros([2, 3])
    );
}

#[test]
fn vector_products_are_orthogonal_to_both_factors() {
    let (x, y) = (Tensor::from([1.0_f64, 2.0, 3.0]), Tensor::from([-2.0, 0.5, 4.0]));
    let z = x.cross(&y);
    assert_eq!((z.dot(&x).item(), z.dot(&y).item()), (0.0, 0.0));
    assert_eq!(x.outer(&y), Tensor::einsum("i,j->ij", &[&x, &y]));
}

macro_rules! refuses {
    ($($name:ident $message:literal $call:expr;)*) => {$(
        #[test]
        #[should_panic(expected = $message)]
        fn $name() {
            let _ = $call;
        }
    )*};
}

fn f(shape: &[usize]) -> Tensor {
    Tensor::zeros(shape)
}

refuses! {
    view_copies_nothing "view: the layout forces a copy: [3, 2] with strides [1, 3] → [6] (reshape copies)" f(&[2, 3]).t().view([6]);
    view_counts "view: numbers of elements differ: [2, 3] → [5] (6 ≠ 5)" f(&[2, 3]).view([5]);
    no_chunks "chunk: 0 pieces: [3] axis 0" f(&[3]).chunk(0, 0);
    sizes_add_up "split: lengths do not add up: [1, 1] of [3] axis 0 (2 ≠ 3)" f(&[3]).split_sizes(&[1, 1], 0);
    one_axis "rot90: needs two axes: [2, 3] with 0 and -2" f(&[2, 3]).rot90(1, 0, -2);
    no_step "arange: no steps: 0 .. 1 by 0 (finite, step ≠ 0)" Tensor::<f32>::arange_by(0.0, 1.0, 0.0);
    no_vector "meshgrid: not a vector: [2, 2] ([N])" Tensor::meshgrid(&[&f(&[2, 2])]);
    no_matrix "tril: not a matrix: [3] ([…, M, N])" f(&[3]).tril(0);
    too_wide "pad: wider than Reflect allows: (0, 3) round axis 1 of length 3 (3 > 2)" f(&[2, 3]).pad_with(&[(0, 0), (0, 3)], PadMode::Reflect);
    nothing_to_repeat "pad: wider than Replicate allows: (1, 0) round axis 0 of length 0 (1 > 0)" f(&[0]).pad_with(&[(1, 0)], PadMode::Replicate);
    operands_counted "einsum: terms and operands differ: \"ij,jk\" of 1 (2 ≠ 1)" Tensor::einsum("ij,jk", &[&f(&[2, 3])]);
    axes_counted "einsum: term 0 does not fit its operand: \"ijk->i\" of [2, 3] (3 letters, 2 axes)" Tensor::einsum("ijk->i", &[&f(&[2, 3])]);
    lengths_agree "einsum: lengths of j differ: \"ij,jk\", operand 1 [4, 5] (3 ≠ 4)" Tensor::einsum("ij,jk", &[&f(&[2, 3]), &f(&[4, 5])]);
    diagonals_agree "einsum: i stands twice for unequal axes: \"ii\", operand 0 [2, 1]" Tensor::einsum("ii", &[&f(&[2, 1])]);
    unknown_letter "einsum: the result's k stands in no term: \"ij->ik\"" Tensor::einsum("ij->ik", &[&f(&[2, 3])]);
    letter_twice "einsum: the result names i twice: \"ij->ii\"" Tensor::einsum("ij->ii", &[&f(&[2, 3])]);
    no_letter "einsum: '1' means nothing here: \"i1\" (letters, commas, \"...\" and \"->\" do)" Tensor::einsum("i1", &[&f(&[2, 3])]);
    two_ellipses "einsum: a term has two ellipses: \"...i...\" in \"...i...\"" Tensor::einsum("...i...", &[&f(&[2, 3])]);
    dot_of_vectors "dot: not vectors of one length: [2] · [3]" f(&[2]).dot(&f(&[3]));
    outer_of_vectors "outer: not vectors: [2, 2] and [3]" f(&[2, 2]).outer(&f(&[3]));
    axes_pair "tensordot: axes do not pair up: [0] and [0, 1] (1 ≠ 2)" f(&[2, 3]).tensordot(&f(&[2, 3]), &[0], &[0, 1]);
    axes_agree "tensordot: lengths of axes 1 and 0 differ: [2, 3] · [2, 3] (3 ≠ 2)" f(&[2, 3]).tensordot(&f(&[2, 3]), &[1], &[0]);
    axis_twice "tensordot: axis -2 is named twice: [2, 2] over [0, -2]" f(&[2, 2]).tensordot(&f(&[2, 2]), &[0, -2], &[0, 1]);
    kron_of_many "kron: more axes than 4: [1, 1, 1, 1, 1] and []" f(&[1; 5]).kron(&f(&[]));
    weight_fits "bilinear: inputs do not fit the weight: [4, 2], [4, 3] and [5, 3, 2] ([2, 3] ≠ [3, 2])" f(&[5, 3, 2]).bilinear(&f(&[4, 2]), &f(&[4, 3]), None);
    three "cross: last axes are not of length 3: [2] and [3]" f(&[2]).cross(&f(&[3]));
}
