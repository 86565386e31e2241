"""Records what torchvision's transforms make of small images, for tests/sets/images.rs.

    python make_images.py > images.txt

A line is a name, a colon, and numbers between bars.
"""

import numpy as np
import torch
import torchvision
from torchvision.transforms import RandAugment
from torchvision.transforms import functional as F
from torchvision.transforms.functional import InterpolationMode as Mode
from torchvision.transforms.v2 import functional as F2


def record(name, image):
    values = np.asarray(image, dtype=np.float32).ravel()
    print(f"{name}:", "|".join(f"{v:.7g}" for v in values))


print(f"# torchvision {torchvision.__version__}, torch {torch.__version__}")
generator = torch.Generator().manual_seed(3)
image = (torch.rand(3, 6, 7, generator=generator) * 1e4).round() / 1e4
image[:, 0, :2] = torch.tensor([[0.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
image[:, 1, 0] = torch.tensor([0.75, 0.25, 0.75])
record("image", image)

record("crop", F.crop(image, -1, 3, 4, 6))
record("center_crop.small", F.center_crop(image, [3, 4]))
record("center_crop.large", F.center_crop(image, [9, 10]))
for mode in [Mode.NEAREST, Mode.BILINEAR, Mode.BICUBIC]:
    record(f"resize.{mode.value}.down", F.resize(image, [4, 3], interpolation=mode, antialias=mode != Mode.NEAREST))
    record(f"resize.{mode.value}.up", F.resize(image, [9, 10], interpolation=mode, antialias=mode != Mode.NEAREST))
record("resize.short", F.resize(image, [4], antialias=True))

for mode in [Mode.NEAREST, Mode.BILINEAR]:
    for angle in [33.0, -101.5]:
        record(f"rotate.{mode.value}.{angle:g}", F.rotate(image, angle, interpolation=mode))
        record(f"rotate.{mode.value}.{angle:g}.expand", F.rotate(image, angle, interpolation=mode, expand=True))
    record(
        f"affine.{mode.value}",
        F.affine(image, 17.0, [1, -2], 1.3, [9.0, -14.0], interpolation=mode),
    )
    record(
        f"affine.{mode.value}.center",
        F.affine(image, -40.0, [0, 1], 0.8, [5.0, 0.0], interpolation=mode, center=[2.0, 1.0]),
    )
record("rotate.fill", F.rotate(image, 33.0, interpolation=Mode.NEAREST, fill=[0.25, 0.25, 0.25]))

for factor in [0.4, 1.7]:
    record(f"brightness.{factor:g}", F.adjust_brightness(image, factor))
    record(f"contrast.{factor:g}", F.adjust_contrast(image, factor))
    record(f"saturation.{factor:g}", F.adjust_saturation(image, factor))
    record(f"sharpness.{factor:g}", F.adjust_sharpness(image, factor))
for factor in [-0.5, -0.13, 0.31]:
    record(f"hue.{factor:g}", F.adjust_hue(image, factor))
record("grayscale", F.rgb_to_grayscale(image))
record("blur", F.gaussian_blur(image, [5, 3], [1.3, 1.3]))
record("invert", F.invert(image))
record("solarize", F.solarize(image, 0.6))
record("posterize", F2.posterize(image, 3))
record("autocontrast", F.autocontrast(image * 0.5 + 0.2))
record("normalise", F.normalize(image, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))

large = (torch.rand(1, 32, 40, generator=generator) ** 3 * 1e4).round() / 1e4
record("large", large)
record("equalize", F2.equalize(large))

# RandAugment's operations at magnitude 9 of 31, as v2 makes them of images of floats.
space = RandAugment()._augmentation_space(31, (6, 7))
from torchvision.transforms.v2 import RandAugment as V2

v2 = V2()
for name, (magnitudes, signed) in V2._AUGMENTATION_SPACE.items():
    values = magnitudes(31, 6, 7)
    value = 0.0 if values is None else float(values[9])
    for sign in [1, -1] if signed else [1]:
        out = v2._apply_image_or_video_transform(image, name, sign * value, interpolation=Mode.NEAREST, fill={})
        record(f"rand_augment.{name}.{sign}", out)
assert set(space) == set(V2._AUGMENTATION_SPACE)
