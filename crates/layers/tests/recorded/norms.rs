//! Norms in training and evaluation, with the running statistics that training leaves.

use gradus_layers::*;
use gradus_tensor::Float;

use super::case::Case;

fn case(name: &'static str) -> Case {
    Case::new(include_str!("../golden/norms.csv"), name)
}

macro_rules! batch {
    ($T:ty: $($Kind:ident $name:literal;)*) => {$(
        case(concat!("batch_", $name)).layer($Kind::<$T>::new(3));
        case(concat!("batch_", $name, "_eval")).layer($Kind::<$T>::new(3));
        let plain = $Kind::<$T>::new(3).without_affine().cumulative().eps(1e-3).unwrap();
        case(concat!("batch_", $name, "_plain")).layer(plain);
        case(concat!("batch_", $name, "_untracked")).layer($Kind::<$T>::new(3).without_running_statistics());
    )*};
}

macro_rules! instance {
    ($T:ty: $($Kind:ident $name:literal;)*) => {$(
        case(concat!("instance_", $name)).layer($Kind::<$T>::new(3));
        case(concat!("instance_", $name, "_affine")).layer($Kind::<$T>::new(3).with_affine().eps(1e-3).unwrap());
        let tracked = $Kind::<$T>::new(3).with_affine().with_running_statistics();
        case(concat!("instance_", $name, "_tracked_eval")).layer(tracked.clone());
        case(concat!("instance_", $name, "_tracked")).layer(tracked.momentum(0.3).unwrap());
        case(concat!("instance_", $name, "_single")).layer($Kind::<$T>::new(3));
    )*};
}

fn of_batches<T: Float>() {
    batch!(T: BatchNorm1d "1d"; BatchNorm1d "sequence"; BatchNorm2d "2d"; BatchNorm3d "3d";);
}

fn of_instances<T: Float>() {
    instance!(T: InstanceNorm1d "1d"; InstanceNorm2d "2d"; InstanceNorm3d "3d";);
}

fn of_features<T: Float>() {
    case("layer").layer(LayerNorm::<T>::new([4]));
    case("layer_two").layer(LayerNorm::<T>::new([3, 4]).eps(1e-2).unwrap());
    case("layer_unbiased").layer(LayerNorm::<T>::new([4]).without_bias());
    case("layer_plain").layer(LayerNorm::<T>::new([4]).without_affine());
    case("layer_flat").layer(LayerNorm::<T>::new([4]));
    case("layer_empty").layer(LayerNorm::<T>::new([4]));
    case("rms_two").layer(RmsNorm::<T>::new([3, 4]).eps(1e-5).unwrap());
    for (name, groups) in [("group_1", 1), ("group_2", 2), ("group_6", 6)] {
        case(name).layer(GroupNorm::<T>::new(groups, 6).unwrap());
    }
    // Groups of two numbers: they become ±1 whatever they are, and the gradient is what rounding leaves of nearly nothing.
    case("group_vectors").layer_to(GroupNorm::<T>::new(3, 6).unwrap(), 10.0);
    case("group_plain").layer(GroupNorm::<T>::new(3, 6).unwrap().without_affine().eps(1e-2).unwrap());
}

#[test]
fn batch_norms() {
    of_batches::<f64>();
    of_batches::<f32>();
}

#[test]
fn instance_norms() {
    of_instances::<f64>();
    of_instances::<f32>();
}

#[test]
fn norms_of_features() {
    of_features::<f64>();
    of_features::<f32>();
}

/// In double precision alone: 10⁴ + 0.01·x has no more than three digits of x in single, and RMSNorm's ε is the element type's.
#[test]
fn norms_that_single_precision_cannot_repeat() {
    // x differs from 10⁴ by 10⁻²: six of sixteen digits are gone before anything is computed, in PyTorch too.
    case("layer_far").layer_to(LayerNorm::<f64>::new([4]), 1e3);
    case("rms").layer(RmsNorm::<f64>::new([4]));
    case("rms_plain").layer(RmsNorm::<f64>::new([4]).without_affine());
}
