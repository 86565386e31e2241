//! How the recorded functions, reductions and index ops of `make_math.py` are called.

use gradus_autodiff::Var;
use gradus_tensor::{Float, QuantileMethod, ScatterReduce, Tensor};

use crate::calls::{Call, calls};

/// All calls.
pub(crate) fn table() -> Vec<Call> {
    [functions(), pairs(), order(), reductions(), index()].into_iter().flatten().collect()
}

fn functions() -> Vec<Call> {
    calls! {
        "lgamma" => |x| x[0].lgamma();
        "digamma" => |x| x[0].digamma();
        "polygamma/1" => |x| x[0].polygamma(1);
        "polygamma/2" => |x| x[0].polygamma(2);
        "polygamma/5" => |x| x[0].polygamma(5);
        "sinc" => |x| x[0].sinc();
        "erfinv" => |x| x[0].erfinv();
        "fract" => |x| x[0].fract();
        "softplus_with" => |x| x[0].softplus_with(2.0, 5.0);
        "deg2rad" => |x| x[0].deg2rad();
        "rad2deg" => |x| x[0].rad2deg();
        "clamp_min" => |x| x[0].clamp_min(0.5);
        "clamp_max" => |x| x[0].clamp_max(0.5);
        "clamp/borders" => |x| x[0].clamp(-1.0, 0.5);
        "threshold" => |x| x[0].threshold(0.5, -3.0);
        "nan_to_num" => |x| x[0].nan_to_num(0.25, Some(7.0), Some(-7.0));
        "masked_fill" => |x| x[0].masked_fill(&mask(), 0.75);
        "masked_select" => |x| x[0].masked_select(&mask());
    }
}

fn mask() -> Tensor<bool> {
    Tensor::from([[true, false, true], [false, false, true]])
}

fn pairs() -> Vec<Call> {
    calls! {
        "atan2" => |x| x[0].atan2(&x[1]);
        "atan2/origin" => |x| x[0].atan2(&x[1]);
        "hypot" => |x| x[0].hypot(&x[1]);
        "logaddexp" => |x| x[0].logaddexp(&x[1]);
        "copysign" => |x| x[0].copysign(&x[1]);
        "copysign/noughts" => |x| x[0].copysign(&x[1]);
        "xlogy" => |x| x[0].xlogy(&x[1]);
        "fmod" => |x| x[0].fmod(&x[1]);
        "remainder" => |x| x[0].remainder(&x[1]);
        "lerp" => |x| x[0].lerp(&x[1], &x[2]);
        "addcmul" => |x| x[0].addcmul(&x[1], &x[2], -0.75);
        "addcdiv" => |x| x[0].addcdiv(&x[1], &x[2], -0.75);
        "clamp_between" => |x| x[0].clamp_between(&x[1], &x[2]);
    }
}

fn order() -> Vec<Call> {
    use QuantileMethod::{Higher, Linear, Lower, Midpoint, Nearest};
    calls! {
        "cumsum" => |x| x[0].cumsum(1, false);
        "cumprod" => |x| x[0].cumprod(1, false);
        "cumprod/outer" => |x| x[0].cumprod(0, false);
        "logcumsumexp" => |x| x[0].logcumsumexp(1);
        "cummax" => |x| x[0].cummax(1).0;
        "cummin" => |x| x[0].cummin(1).0;
        "sort" => |x| x[0].sort(1, false).0;
        "sort/descending" => |x| x[0].sort(1, true).0;
        "top_k" => |x| x[0].top_k(3, 1, true, true).0;
        "top_k/smallest" => |x| x[0].top_k(4, 1, false, true).0;
        "kth_value" => |x| x[0].kth_value(2, 1, false).0;
        "median" => |x| x[0].median(1, false).0;
        "median/all_nan" => |x| x[0].median(1, false).0;
        "nan_median" => |x| x[0].nan_median(1, false).0;
        "mode" => |x| x[0].mode(1, false).0;
        "quantile/linear" => |x| x[0].quantile(0.37, 1, Linear, false);
        "quantile/lower" => |x| x[0].quantile(0.37, 1, Lower, false);
        "quantile/higher" => |x| x[0].quantile(0.37, 1, Higher, false);
        "quantile/nearest" => |x| x[0].quantile(0.37, 1, Nearest, false);
        "quantile/midpoint" => |x| x[0].quantile(0.37, 1, Midpoint, false);
        "quantiles" => |x| x[0].quantiles(&[0.0, 0.5, 0.9, 1.0], 1, Linear);
        "nan_quantile" => |x| x[0].nan_quantile(0.4, 1, Linear, false);
        "max" => |x| x[0].max(1, false).0;
        "min" => |x| x[0].min(1, false).0;
    }
}

fn reductions() -> Vec<Call> {
    calls! {
        "prod" => |x| x[0].prod();
        "prod_axes" => |x| x[0].prod_axes(&[1], false);
        "std_axes" => |x| x[0].std_axes(&[0, 2], 1.0, false);
        "std_axes/constant" => |x| x[0].std_axes(&[1], 1.0, false);
        "norm_axes/1.0" => |x| norm(x, 1.0);
        "norm_axes/2.0" => |x| norm(x, 2.0);
        "norm_axes/3.0" => |x| norm(x, 3.0);
        "norm_axes/1.5" => |x| norm(x, 1.5);
        "norm_axes/0.5" => |x| norm(x, 0.5);
        "norm_axes/inf" => |x| norm(x, f64::INFINITY);
        "norm_axes/-inf" => |x| norm(x, f64::NEG_INFINITY);
        "norm_axes/-1.0" => |x| norm(x, -1.0);
        "norm_axes/1.0_noughts" => |x| norm(x, 1.0);
        "norm_axes/2.0_noughts" => |x| norm(x, 2.0);
        "norm_axes/3.0_noughts" => |x| norm(x, 3.0);
        "norm_axes/1.5_noughts" => |x| norm(x, 1.5);
        "norm_axes/inf_noughts" => |x| norm(x, f64::INFINITY);
        "logsumexp_axes" => |x| x[0].logsumexp_axes(&[0, 2], false);
        "nan_sum_axes" => |x| x[0].nan_sum_axes(&[1], false);
        "nan_mean_axes" => |x| x[0].nan_mean_axes(&[1], false);
    }
}

/// Over all axes but number 1, or over that of a matrix.
fn norm<T: Float>(x: &[Var<T>], p: f64) -> Var<T> {
    x[0].norm_axes(p, if x[0].rank() == 3 { &[0, 2] } else { &[1] }, false)
}

fn index() -> Vec<Call> {
    use ScatterReduce::{Maximum, Mean, Minimum, Product, Sum};
    calls! {
        "index_fill" => |x| x[0].index_fill(0, &Tensor::from([2, 0]), 0.75);
        "index_copy" => |x| x[0].index_copy(0, &Tensor::from([2, 0]), &x[1]);
        "take" => |x| x[0].take(&Tensor::from([[5, 0], [5, 2]]));
        "take_along" => |x| x[0].take_along(&Tensor::from([[1, 0, 1]]), 1);
        "embedding" => |x| x[0].embedding(&Tensor::from([[1, 0], [3, 1]]));
        "scatter" => |x| x[0].scatter(1, &Tensor::from([[2, 0], [1, 3], [0, 1]]), &x[1]);
        "scatter_value" => |x| x[0].scatter_value(1, &Tensor::from([[2, 0], [1, 3], [0, 1]]), 0.75);
        "scatter_reduce/sum_with" => |x| meet(x, Sum, true);
        "scatter_reduce/sum_without" => |x| meet(x, Sum, false);
        "scatter_reduce/mean_with" => |x| meet(x, Mean, true);
        "scatter_reduce/mean_without" => |x| meet(x, Mean, false);
        "scatter_reduce/prod_with" => |x| meet(x, Product, true);
        "scatter_reduce/prod_without" => |x| meet(x, Product, false);
        "scatter_reduce/amax_with" => |x| meet(x, Maximum, true);
        "scatter_reduce/amax_without" => |x| meet(x, Maximum, false);
        "scatter_reduce/amin_with" => |x| meet(x, Minimum, true);
        "scatter_reduce/amin_without" => |x| meet(x, Minimum, false);
    }
}

fn meet<T: Float>(x: &[Var<T>], reduce: ScatterReduce, include_self: bool) -> Var<T> {
    x[0].scatter_reduce(1, &Tensor::from([[0, 0, 2], [1, 1, 1]]), &x[1], reduce, include_self)
}
