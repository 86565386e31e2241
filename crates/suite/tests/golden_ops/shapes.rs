//! How the recorded signal, linear algebra and shape ops of `make_ops.py` are called.

use gradus_autodiff::Var;
use gradus_tensor::{
    Conv1dSpec, Conv3dSpec, ConvTransposeSpec, Float, GridSampling, Interpolation, InterpolationMode,
    LinalgError, PadMode, PatchSpec, Pool1dSpec, Pool2dSpec, Pool3dSpec, Resize, Triangle,
};

use crate::calls::{Call, calls};

/// All calls.
pub(crate) fn table() -> Vec<Call> {
    [convolutions(), pools(), images(), algebra(), products(), shapes()].into_iter().flatten().collect()
}

/// What a factorisation answers; the recorded matrices have one.
fn found<V>(answer: Result<V, LinalgError>) -> V {
    answer.unwrap_or_else(|error| panic!("{error}"))
}

fn symmetric<T: Float>(a: &Var<T>) -> Var<T> {
    (a + a.t()) * 0.5
}

fn convolutions() -> Vec<Call> {
    calls! {
        "conv1d" => |x| x[0].conv1d(&x[1], Some(&x[2]), Conv1dSpec { stride: [2], padding: [1], dilation: [2], groups: 1 });
        "conv3d" => |x| x[0].conv3d(&x[1], Some(&x[2]), Conv3dSpec { stride: [1, 2, 1], padding: [1; 3], ..Conv3dSpec::default() });
        "conv3d_relu" => |x| x[0].conv3d_relu(&x[1], Some(&x[2]), Conv3dSpec::default());
        "conv_transpose1d" => |x| x[0].conv_transpose1d(&x[1], Some(&x[2]), ConvTransposeSpec { stride: [2], padding: [1], output_padding: [1], ..ConvTransposeSpec::default() });
        "conv_transpose2d" => |x| x[0].conv_transpose2d(&x[1], Some(&x[2]), ConvTransposeSpec { stride: [2; 2], dilation: [2; 2], groups: 2, ..ConvTransposeSpec::default() });
        "conv_transpose3d" => |x| x[0].conv_transpose3d(&x[1], Some(&x[2]), ConvTransposeSpec { stride: [2; 3], ..ConvTransposeSpec::default() });
    }
}

fn pools() -> Vec<Call> {
    calls! {
        "max_pool1d" => |x| x[0].max_pool1d(Pool1dSpec { stride: [2], padding: [1], ..Pool1dSpec::new([3]) });
        "max_pool3d" => |x| x[0].max_pool3d(Pool3dSpec { stride: [1; 3], ..Pool3dSpec::new([2; 3]) });
        "avg_pool1d" => |x| x[0].avg_pool1d(Pool1dSpec { stride: [2], padding: [1], ..Pool1dSpec::new([3]) });
        "avg_pool3d" => |x| x[0].avg_pool3d(Pool3dSpec { stride: [1; 3], ..Pool3dSpec::new([2; 3]) });
        "lp_pool1d" => |x| x[0].lp_pool1d(2.0, Pool1dSpec { stride: [2], ..Pool1dSpec::new([3]) });
        "lp_pool2d" => |x| x[0].lp_pool2d(3.0, Pool2dSpec::new([2; 2]));
        "adaptive_avg_pool1d" => |x| x[0].adaptive_avg_pool1d([3]);
        "adaptive_avg_pool3d" => |x| x[0].adaptive_avg_pool3d([2, 3, 2]);
        "adaptive_max_pool1d" => |x| x[0].adaptive_max_pool1d([3]);
        "adaptive_max_pool2d" => |x| x[0].adaptive_max_pool2d([2, 3]);
        "adaptive_max_pool3d" => |x| x[0].adaptive_max_pool3d([2, 3, 2]);
    }
}

fn images() -> Vec<Call> {
    calls! {
        "im2col" => |x| x[0].im2col(patches());
        "col2im" => |x| x[0].col2im([4, 5], patches());
        "pixel_shuffle" => |x| x[0].pixel_shuffle(2);
        "pixel_unshuffle" => |x| x[0].pixel_unshuffle(2);
        "channel_shuffle" => |x| x[0].channel_shuffle(3);
        "interpolate" => |x| x[0].interpolate(Resize::Sizes(&[5, 7]), Interpolation::new(InterpolationMode::Cubic));
        "interpolate/antialias" => |x| x[0].interpolate(Resize::Sizes(&[3, 2]), Interpolation { antialias: true, ..Interpolation::new(InterpolationMode::Linear) });
        "grid_sample" => |x| x[0].grid_sample(&x[1], GridSampling::default());
        "affine_grid" => |x| x[0].affine_grid([1, 1, 3, 2], false);
        "pad_with/reflect" => |x| x[0].pad_with(&[(0, 0), (2, 1)], PadMode::Reflect);
        "pad_with/replicate" => |x| x[0].pad_with(&[(0, 0), (2, 1)], PadMode::Replicate);
        "pad_with/circular" => |x| x[0].pad_with(&[(0, 0), (2, 1)], PadMode::Circular);
    }
}

fn patches() -> PatchSpec {
    PatchSpec { padding: [1; 2], stride: [2; 2], ..PatchSpec::new([2, 3]) }
}

fn algebra() -> Vec<Call> {
    calls! {
        "cholesky" => |x| found(symmetric(&x[0]).cholesky());
        "cholesky_solve" => |x| found(x[0].tril(0).cholesky_solve(&x[1]));
        "solve" => |x| found(x[0].solve(&x[1]));
        "solve_triangular" => |x| found(x[0].solve_triangular(&x[1], Triangle::upper()));
        "inverse" => |x| found(x[0].inverse());
        "det" => |x| x[0].det();
        "slogdet" => |x| x[0].slogdet().1;
        "qr" => |x| found(x[0].qr()).1.abs();
        "eigvalsh" => |x| found(symmetric(&x[0]).eigvalsh());
        "eigh" => |x| found(symmetric(&x[0]).eigh()).1.abs();
        "svdvals" => |x| found(x[0].svdvals());
        "svd" => |x| found(x[0].svd()).0.abs();
        "pinv" => |x| found(x[0].pinv());
        "lstsq" => |x| found(x[0].lstsq(&x[1]));
        "matrix_exp" => |x| found(x[0].matrix_exp());
        "matrix_power" => |x| found(x[0].matrix_power(3));
        "trace" => |x| x[0].trace();
        "tril" => |x| x[0].tril(1);
        "triu" => |x| x[0].triu(-1);
        "diag_embed" => |x| x[0].diag_embed(1);
    }
}

fn products() -> Vec<Call> {
    calls! {
        "dot" => |x| x[0].dot(&x[1]);
        "outer" => |x| x[0].outer(&x[1]);
        "kron" => |x| x[0].kron(&x[1]);
        "cross" => |x| x[0].cross(&x[1]);
        "bilinear" => |x| x[2].bilinear(&x[0], &x[1], Some(&x[3]));
        "einsum" => |x| Var::einsum("bij,bjk->kib", &[&x[0], &x[1]]);
        "tensordot" => |x| x[0].tensordot(&x[1], &[2, 0], &[0, 1]);
    }
}

fn shapes() -> Vec<Call> {
    calls! {
        "chunk" => |x| x[0].chunk(3, 1)[1].clone();
        "split_sizes" => |x| x[0].split_sizes(&[2, 1, 3], 1)[2].clone();
        "tensor_split" => |x| x[0].tensor_split(&[1, 4], 1)[1].clone();
        "movedim" => |x| x[0].movedim(0, 2);
        "squeeze_all" => |x| x[0].squeeze_all();
        "tile" => |x| x[0].tile(&[2, 1, 2]);
        "repeat_interleave" => |x| x[0].repeat_interleave(2, 1);
        "rot90" => |x| x[0].rot90(1, 0, 1);
    }
}
