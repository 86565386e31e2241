//! Normalisations. It must never know parameters: they are inputs like any other.

use gradus_tensor::{Float, Tensor};

use super::Mapping;
use super::binary::like;
use crate::call::{Answer, Call, all, one};
use crate::value::{on_floats, unmapped};

pub(super) const TABLE: &[(&str, Mapping)] = &[
    ("BatchNormalization", batch_norm),
    ("Dropout", dropout),
    ("GroupNormalization", group_norm),
    ("InstanceNormalization", instance_norm),
    ("LRN", local_response_norm),
    ("LayerNormalization", layer_norm),
    ("LpNormalization", lp_norm),
    ("MeanVarianceNormalization", mean_variance),
    ("RMSNormalization", rms_norm),
];

/// `[C]` laid along axis 1 of `rank` axes.
fn channels<T: Float>(x: &Tensor<T>, rank: usize) -> Tensor<T> {
    let mut shape = vec![1; rank];
    shape[1] = x.len();
    x.reshape(shape)
}

fn batch_norm(call: &Call) -> Answer {
    let x = call.array(0)?;
    let eps = call.float("epsilon", 1e-5);
    if call.version < 7 && !call.flag("is_test", false)
        || call.flag("training_mode", false) && call.version < 14
    {
        return unmapped("BatchNormalization in training before version 14");
    }
    let [scale, bias, mean, var] = [call.array(1)?, call.array(2)?, call.array(3)?, call.array(4)?];
    on_floats!(x, |t| {
        let rank = t.rank();
        let [scale, bias, mean, var] = [scale, bias, mean, var].map(|p| channels(&like(t, p), rank));
        if !call.flag("training_mode", false) {
            return one(x.with(&affine(&normalised(t, &mean, &var, eps), &scale, &bias)));
        }
        let axes: Vec<isize> = (0..rank as isize).filter(|&axis| axis != 1).collect();
        let (now, spread) = (t.mean_axes(&axes, true), t.var_axes(&axes, 0.0, true));
        let keep = call.float("momentum", 0.9);
        let running = |old: &Tensor<_>, new: &Tensor<_>| {
            (old.mul_scalar(keep) + &new.mul_scalar(1.0 - keep)).reshape([scale.len()])
        };
        let y = affine(&normalised(t, &now, &spread, eps), &scale, &bias);
        all([x.with(&y), x.with(&running(&mean, &now)), x.with(&running(&var, &spread))])
    })
}

/// (x − mean)/√(var + ε).
fn normalised<T: Float>(x: &Tensor<T>, mean: &Tensor<T>, var: &Tensor<T>, eps: f64) -> Tensor<T> {
    (x - mean) * &var.add_scalar(eps).rsqrt()
}

fn affine<T: Float>(x: &Tensor<T>, scale: &Tensor<T>, bias: &Tensor<T>) -> Tensor<T> {
    x * scale + bias
}

fn instance_norm(call: &Call) -> Answer {
    let x = call.array(0)?;
    let eps = call.float("epsilon", 1e-5);
    let (scale, bias) = (call.array(1)?, call.array(2)?);
    on_floats!(x, |t| {
        let plane = t.shape()[2..].iter().product();
        let (y, _) = t.norm_rows(plane, eps, true, None, None);
        one(x.with(&affine(&y, &channels(&like(t, scale), t.rank()), &channels(&like(t, bias), t.rank()))))
    })
}

fn group_norm(call: &Call) -> Answer {
    let x = call.array(0)?;
    let eps = call.float("epsilon", 1e-5);
    let groups = call.int("num_groups", 1).max(1) as usize;
    let per_group = x.shape()[1] / groups;
    let (scale, bias) = (call.array(1)?, call.array(2)?);
    on_floats!(x, |t| {
        let of_channels = |p: Tensor<_>| {
            // Until version 20 each group has one.
            let p = if call.version < 21 { p.repeat_interleave(per_group, 0) } else { p };
            channels(&p, t.rank())
        };
        let (y, _) = t.norm_rows(t.len() / (t.dim(0) * groups), eps, true, None, None);
        one(x.with(&affine(&y, &of_channels(like(t, scale)), &of_channels(like(t, bias)))))
    })
}

fn layer_norm(call: &Call) -> Answer {
    let x = call.array(0)?;
    let axis = x.axis(call.int("axis", -1))?;
    let eps = call.float("epsilon", 1e-5);
    on_floats!(x, |t| {
        let inner = &t.shape()[axis..];
        let row = |p: Tensor<_>| p.expand(inner).contiguous().reshape([inner.iter().product()]);
        let (scale, bias) = (row(like(t, call.array(1)?)), call.tensor(2).map(row));
        let (y, statistics) = t.norm_rows(scale.len(), eps, true, Some(&scale), bias.as_ref());
        let mut shape = t.shape()[..axis].to_vec();
        shape.resize(t.rank(), 1);
        let statistic = |i| statistics.select(1, i).contiguous().reshape(shape.clone());
        all([x.with(&y), x.with(&statistic(0)), x.with(&statistic(1))])
    })
}

fn rms_norm(call: &Call) -> Answer {
    let x = call.array(0)?;
    let axis = x.axis(call.int("axis", -1))?;
    let eps = call.float("epsilon", 1e-5);
    on_floats!(x, |t| {
        let inner = &t.shape()[axis..];
        let scale = like(t, call.array(1)?).expand(inner).contiguous().reshape([inner.iter().product()]);
        one(x.with(&t.norm_rows(scale.len(), eps, false, Some(&scale), None).0))
    })
}

fn mean_variance(call: &Call) -> Answer {
    let x = call.array(0)?;
    let axes: Vec<isize> = call
        .ints("axes")
        .map_or_else(|| vec![0, 2, 3], |axes| axes.iter().map(|&axis| axis as isize).collect());
    on_floats!(x, |t| {
        let spread = t.var_axes(&axes, 0.0, true).sqrt().add_scalar(1e-9);
        one(x.with(&((t - &t.mean_axes(&axes, true)) / &spread)))
    })
}

fn lp_norm(call: &Call) -> Answer {
    let x = call.array(0)?;
    let axis = x.axis(call.int("axis", -1))? as isize;
    let p = call.int("p", 2);
    on_floats!(x, |t| {
        let norm = match p {
            1 => t.abs().sum_axes(&[axis], true),
            _ => t.square().sum_axes(&[axis], true).sqrt(),
        };
        // Noughts have no direction and stay.
        let nought = Tensor::zeros([]);
        one(x.with(&norm.equal(&nought).choose(&nought, &(t / &norm))))
    })
}

fn local_response_norm(call: &Call) -> Answer {
    let x = call.array(0)?;
    let size = call.int("size", 1).max(1) as usize;
    let (alpha, beta, bias) = (call.float("alpha", 1e-4), call.float("beta", 0.75), call.float("bias", 1.0));
    on_floats!(x, |t| {
        let mut widths = vec![(0, 0); t.rank()];
        widths[1] = ((size - 1) / 2, size / 2);
        let sums = t.square().pad(&widths, 0.0).unfold(1, size, 1).sum_axes(&[-1], false);
        let factor = sums.mul_scalar(alpha / size as f64).add_scalar(bias).powf(-beta);
        one(x.with(&(t * &factor)))
    })
}

/// Nothing is dropped but in training, where the recorded numbers come from another generator.
fn dropout(call: &Call) -> Answer {
    let x = call.array(0)?;
    let ratio = call.maybe(1).map_or(call.float("ratio", 0.5), |ratio| ratio.cast::<f64>().item());
    let training = call.maybe(2).is_some_and(|flag| flag.cast::<bool>().item());
    if training && ratio != 0.0 || call.version < 7 && !call.flag("is_test", false) {
        return unmapped("random numbers of another generator");
    }
    all([x.clone(), Tensor::full(x.shape(), true).into()])
}
