//! Image augmentation: equal to torchvision where nothing is drawn, and within its bounds where something is.

use gradus_data::DataError;
use gradus_data::augment::*;
use gradus_tensor::{InterpolationMode, Rng, SamplingMode, Tensor};

use crate::reference::{Reference, assert_near};

const RECORDED: Reference = Reference::new(include_str!("../reference/images.txt"));

fn image() -> Tensor<f32> {
    RECORDED.matrix("image", 1).cast().reshape([3, 6, 7])
}

#[track_caller]
fn check(name: &str, got: &Tensor<f32>) {
    let got: Vec<f64> = got.to_vec().iter().map(|&value| f64::from(value)).collect();
    assert_near(name, &got, &RECORDED.numbers(name), 2e-6);
}

#[test]
fn crops_and_sizes_are_torchvisions() {
    let image = image();
    check("crop", &crop(&image, -1, 3, 4, 6));
    check("center_crop.small", &center_crop(&image, 3, 4));
    check("center_crop.large", &center_crop(&image, 9, 10));
    let modes = [
        ("nearest", InterpolationMode::Nearest),
        ("bilinear", InterpolationMode::Linear),
        ("bicubic", InterpolationMode::Cubic),
    ];
    for (name, mode) in modes {
        check(&format!("resize.{name}.down"), &resize(&image, 4, 3, mode));
        check(&format!("resize.{name}.up"), &resize(&image, 9, 10, mode));
    }
    check("resize.short", &resize_short(&image, 4, InterpolationMode::Linear));
    // Nothing of a part that lies outside.
    for (top, left) in [(-9, 0), (6, 0), (0, 7), (0, -9), (-9, 20), (isize::MIN, isize::MAX)] {
        assert_eq!(crop(&image, top, left, 3, 2).to_vec(), [0.0; 18]);
    }
}

#[test]
fn affine_maps_are_torchvisions() {
    let image = image();
    for (name, mode) in [("nearest", SamplingMode::Nearest), ("bilinear", SamplingMode::Linear)] {
        for angle in [33.0, -101.5] {
            check(&format!("rotate.{name}.{angle}"), &rotate(&image, angle, mode, false, 0.0));
            check(&format!("rotate.{name}.{angle}.expand"), &rotate(&image, angle, mode, true, 0.0));
        }
        let map =
            Affine { angle: 17.0, translate: [1.0, -2.0], scale: 1.3, shear: [9.0, -14.0], center: None };
        check(&format!("affine.{name}"), &affine(&image, map, mode, 0.0));
        let map = Affine {
            angle: -40.0,
            translate: [0.0, 1.0],
            scale: 0.8,
            shear: [5.0, 0.0],
            center: Some([2.0, 1.0]),
        };
        check(&format!("affine.{name}.center"), &affine(&image, map, mode, 0.0));
    }
    check("rotate.fill", &rotate(&image, 33.0, SamplingMode::Nearest, false, 0.25));
    // A fill that is the image's own colour leaves no seam.
    let flat = rotate(&Tensor::full([2, 1, 8, 8], 0.25), 20.0, SamplingMode::Linear, true, 0.25);
    assert!(flat.to_vec().iter().all(|value| (value - 0.25).abs() < 1e-6));
}

#[test]
fn colours_and_tones_are_torchvisions() {
    let image = image();
    for factor in [0.4, 1.7] {
        check(&format!("brightness.{factor}"), &adjust_brightness(&image, factor));
        check(&format!("contrast.{factor}"), &adjust_contrast(&image, factor));
        check(&format!("saturation.{factor}"), &adjust_saturation(&image, factor));
        check(&format!("sharpness.{factor}"), &adjust_sharpness(&image, factor));
    }
    for factor in [-0.5, -0.13, 0.31] {
        check(&format!("hue.{factor}"), &adjust_hue(&image, factor));
    }
    check("grayscale", &grayscale(&image));
    check("blur", &gaussian_blur(&image, [3, 5], 1.3)); // torchvision: width and height
    check("invert", &invert(&image));
    check("solarize", &solarize(&image, 0.6));
    check("posterize", &posterize(&image, 3));
    check("autocontrast", &autocontrast(&(&image * 0.5 + 0.2)));
    check("normalise", &Normalise::imagenet().apply(&image, &mut Rng::seed(0)));
    let large = RECORDED.matrix("large", 1).cast().reshape([1, 32, 40]);
    check("equalize", &equalize(&large));
    // Constant images have nothing to stretch.
    let grey = Tensor::full([1, 4, 4], 0.4);
    assert_eq!(autocontrast(&grey), grey);
    assert_eq!(equalize(&grey).to_vec(), [102.0 / 255.0; 16]);
}

type Change = Box<dyn Fn(&Tensor<f32>) -> Tensor<f32>>;

#[test]
fn a_batch_goes_through_as_each_of_its_images() {
    let image = image();
    let other = image.flip(-1).map(|value| 1.0 - value * 0.5);
    let both = Tensor::stack(&[&image, &other], 0);
    let all: [(&str, Change); 13] = [
        ("resize", Box::new(|x| resize(x, 4, 9, InterpolationMode::Linear))),
        ("crop", Box::new(|x| crop(x, 2, -1, 3, 4))),
        ("rotate", Box::new(|x| rotate(x, 20.0, SamplingMode::Linear, false, 0.5))),
        ("brightness", Box::new(|x| adjust_brightness(x, 0.5))),
        ("contrast", Box::new(|x| adjust_contrast(x, 0.5))),
        ("saturation", Box::new(|x| adjust_saturation(x, 0.5))),
        ("sharpness", Box::new(|x| adjust_sharpness(x, 0.5))),
        ("hue", Box::new(|x| adjust_hue(x, 0.2))),
        ("blur", Box::new(|x| gaussian_blur(x, [3, 3], 0.7))),
        ("posterize", Box::new(|x| posterize(x, 2))),
        ("autocontrast", Box::new(autocontrast)),
        ("equalize", Box::new(equalize)),
        ("grayscale", Box::new(grayscale)),
    ];
    for (name, f) in all {
        let apart = Tensor::stack(&[&f(&image), &f(&other)], 0);
        assert_eq!(f(&both), apart, "{name}");
        assert_eq!(f(&both.unsqueeze(0)), apart.unsqueeze(0), "{name}");
        let turned = both.movedim(1, 3).contiguous().movedim(3, 1); // channels last in memory
        assert_eq!(f(&turned), apart, "{name}");
    }
}

#[test]
fn rand_augment_draws_torchvisions_operations_and_all_of_them() {
    const SIGNED: [&str; 9] = [
        "ShearX",
        "ShearY",
        "TranslateX",
        "TranslateY",
        "Rotate",
        "Brightness",
        "Color",
        "Contrast",
        "Sharpness",
    ];
    const OTHERS: [&str; 5] = ["Identity", "Posterize", "Solarize", "AutoContrast", "Equalize"];
    let signed = SIGNED.iter().flat_map(|name| [format!("{name}.1"), format!("{name}.-1")]);
    let names: Vec<String> = signed.chain(OTHERS.iter().map(|name| format!("{name}.1"))).collect();
    let outcomes: Vec<Vec<f64>> =
        names.iter().map(|name| RECORDED.numbers(&format!("rand_augment.{name}"))).collect();
    let how = RandAugment::new(1, 9).unwrap();
    let (image, mut seen) = (image(), vec![0; names.len()]);
    for seed in 0..600 {
        let drawn = how.apply(&image, &mut Rng::seed(seed)).to_vec();
        let off = |outcome: &Vec<f64>| -> f64 {
            outcome.iter().zip(&drawn).map(|(a, &b)| (a - f64::from(b)).abs()).fold(0.0, f64::max)
        };
        let nearest =
            (0..names.len()).min_by(|&a, &b| off(&outcomes[a]).total_cmp(&off(&outcomes[b]))).unwrap();
        assert!(
            off(&outcomes[nearest]) < 2e-6,
            "seed {seed}: nearest {}: {}",
            names[nearest],
            off(&outcomes[nearest])
        );
        seen[nearest] += 1;
    }
    for (name, outcome) in names.iter().zip(&outcomes) {
        // 1/28 or 1/14 of 600. On a small image some operations come to the same.
        let same = outcomes.iter().zip(&seen).filter(|(other, _)| *other == outcome);
        let count: usize = same.map(|(_, seen)| seen).sum();
        assert!(count > 5, "{name}: {count}");
    }
    assert_eq!(RandAugment::new(0, 9).unwrap().apply(&image, &mut Rng::seed(0)), image);
}

#[test]
fn crops_and_boxes_are_drawn_from_all_places() {
    // Pixels that say where they are.
    let image = Tensor::<f32>::from_fn([1, 6, 5], |i| (10 * i[1] + i[2]) as f32);
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..400 {
        let part = RandomCrop::new(4, 4).unwrap().apply(&image, &mut Rng::seed(seed));
        let first = part.at(&[0, 0, 0]);
        assert_eq!(part.at(&[0, 3, 3]), first + 33.0);
        seen.insert(first as usize);
        let wide = RandomCrop::new(6, 5).unwrap().padding(2).fill(-1.0).apply(&image, &mut Rng::seed(seed));
        assert_eq!(wide.dims(), [1, 6, 5]);
        let how = RandomResizedCrop::new(3, 3).unwrap().mode(InterpolationMode::Nearest);
        assert!(
            how.apply(&image, &mut Rng::seed(seed))
                .to_vec()
                .iter()
                .all(|value| image.to_vec().contains(value))
        );
    }
    assert_eq!(seen, [0, 1, 10, 11, 20, 21].into());
    // Area and shape of the erased boxes: within the ranges, but for rounding.
    let white = Tensor::<f32>::ones([2, 3, 40, 50]);
    let (mut erased, mut corners) = (0, 0);
    for seed in 0..300 {
        let out = RandomErasing::new(0.5).unwrap().apply(&white, &mut Rng::seed(seed));
        let holes = out.equal_scalar(0.0).count_true();
        if holes == 0 {
            continue;
        }
        erased += 1;
        assert!(holes.is_multiple_of(6) && (30..=700).contains(&(holes / 6)), "{holes}");
        corners += usize::from(out.at(&[1, 2, 39, 49]) == 0.0);
        assert_eq!(out.select(0, 0), out.select(0, 1));
    }
    assert!((110..190).contains(&erased) && corners < 30, "{erased} erased, {corners} at the corner");
    let noise = RandomErasing::new(1.0).unwrap().with(Erased::Noise).apply(&white, &mut Rng::seed(3));
    assert!(noise.not_equal_scalar(1.0).count_true() > 100 && noise.min_axes(&[], false).item() < 0.0);
}

#[test]
fn factors_are_drawn_from_their_ranges() {
    let grey = Tensor::<f32>::full([3, 2, 2], 0.5);
    let (mut least, mut most) = (f32::MAX, f32::MIN);
    for seed in 0..400 {
        let value =
            ColorJitter::new(0.4, 0.0, 0.0, 0.0).unwrap().apply(&grey, &mut Rng::seed(seed)).at(&[0, 0, 0]);
        (least, most) = (least.min(value), most.max(value));
    }
    assert!((0.3..0.305).contains(&least) && (0.695..=0.7).contains(&most), "{least} to {most}");
    // In random order: a clipped brightness does not commute with the contrast.
    let image = image();
    let how = ColorJitter::new(0.9, 0.9, 0.9, 0.5).unwrap();
    let drawn: Vec<Tensor<f32>> = (0..30).map(|seed| how.apply(&image, &mut Rng::seed(seed))).collect();
    assert!(drawn.iter().flat_map(Tensor::to_vec).all(|value| (0.0..=1.0).contains(&value)));
    assert!((1..30).all(|i| drawn[i] != drawn[0]) && drawn[5] == how.apply(&image, &mut Rng::seed(5)));
    let still = ColorJitter::new(0.0, 0.0, 0.0, 0.0).unwrap();
    assert_eq!(still.apply(&image, &mut Rng::seed(1)), image);
    let flips = (0..400)
        .filter(|&seed| RandomVerticalFlip::new(0.25).unwrap().apply(&image, &mut Rng::seed(seed)) != image);
    assert!((70..130).contains(&flips.count()));
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    let text = |result: Result<(), DataError>| result.unwrap_err().to_string();
    assert!(text(RandomCrop::new(0, 3).map(drop)).contains("random_crop: the size is 0 × 3"));
    assert!(text(Resize::short(0).map(drop)).contains("resize: the size is 0 × 0"));
    assert!(text(RandomHorizontalFlip::new(1.5).map(drop)).contains("the chance is 1.5, outside 0 to 1"));
    assert!(text(RandomErasing::new(f64::NAN).map(drop)).contains("the chance is NaN, outside 0 to 1"));
    assert!(text(ColorJitter::new(0.1, 0.1, 0.1, 0.6).map(drop)).contains("hue is 0.6, outside 0 to 0.5"));
    assert!(text(ColorJitter::new(-0.1, 0.1, 0.1, 0.1).map(drop)).contains("brightness is -0.1"));
    assert!(text(RandomRotation::new(5.0, 4.0).map(drop)).contains("degrees is 5 to 4, no range"));
    let crop = RandomResizedCrop::new(3, 3).unwrap();
    assert!(text(crop.scale(0.5, 1.5).map(drop)).contains("scale is 0.5 to 1.5, no range within 0 to 1"));
    assert!(text(crop.ratio(0.0, 1.0).map(drop)).contains("ratio is 0 to 1, no range"));
    assert!(text(GaussianBlur::new([3, 4]).map(drop)).contains("the kernel is 3 × 4"));
    assert!(text(Normalise::new(&[0.0], &[1.0, 2.0]).map(drop)).contains("1 means and 2 deviations"));
    assert!(text(Normalise::new(&[0.0], &[0.0]).map(drop)).contains("a deviation is 0"));
    assert!(text(RandAugment::new(2, 31).map(drop)).contains("the magnitude is 31 of 31 bins"));
}

#[test]
#[should_panic(expected = "random_crop: the part is larger than the padded image: [8, 2] of [6, 7]")]
fn parts_larger_than_the_image_panic() {
    let _ = RandomCrop::new(8, 2).unwrap().apply(&image(), &mut Rng::seed(0));
}

#[test]
#[should_panic(expected = "adjust_hue: neither grey nor red, green, blue: [2, 6, 7] (1 or 3 channels)")]
fn colours_of_two_channels_panic() {
    let _ = adjust_hue(&image().narrow(0, 0, 2), 0.1);
}

#[test]
#[should_panic(expected = "rotate: this is no image: [6, 7] (needs […, C, H, W])")]
fn what_is_no_image_panics() {
    let _ = rotate(&image().select(0, 0), 3.0, SamplingMode::Nearest, false, 0.0);
}
