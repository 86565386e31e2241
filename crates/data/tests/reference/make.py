"""Records what the reference implementations write and read, for tests/formats: run it in this folder.

Needs numpy, pandas, pillow and idx2numpy; their versions stand in expected.json. The tests need none of them.
"""

import gzip
import io
import json
import sys
import xml.etree.ElementTree as ElementTree

import idx2numpy
import numpy as np
import pandas as pd
import PIL
from PIL import Image

# idx2numpy asks for names that numpy took out.
rng = np.random.default_rng(5)
expected = {
    "versions": {
        "python": sys.version.split()[0],
        "numpy": np.__version__,
        "pandas": pd.__version__,
        "pillow": PIL.__version__,
    }
}


def values(x):
    """An array as shape and numbers; what JSON cannot hold as text."""
    flat = [v if np.isfinite(v) else str(v) for v in np.ascontiguousarray(x).astype("float64").ravel().tolist()]
    return {"shape": list(x.shape), "values": flat}


arrays = {}
for code in ["b1", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"]:
    kind = code[0]
    if kind == "f":
        plain = np.array([[0.0, -0.0, 1.5], [-2.25, np.inf, np.nan]])
    elif kind == "b":
        plain = np.array([[True, False, True], [False, False, True]])
    else:
        info = np.iinfo(code)
        # What f64 holds exactly, so that JSON tells all of it; beyond i64 is a test of its own.
        low, high = max(info.min, -(2**62)), min(info.max, 2**62)
        plain = np.array([[low, high, 1], [0, 7, 100]], dtype=code)
    for order in "<>":
        if code[1] == "1" and order == ">":
            continue
        x = plain.astype(order + code)
        arrays[f"{'little' if order == '<' else 'big'}_{code}"] = x
        arrays[f"fortran_{'little' if order == '<' else 'big'}_{code}"] = np.asfortranarray(x)
arrays["scalar"] = np.array(2.5)
arrays["empty"] = np.zeros((0, 3), "float32")
arrays["cube"] = np.asfortranarray(np.arange(24, dtype="int16").reshape(2, 3, 4))
arrays["long"] = np.arange(20000, dtype="int32") // 100
np.savez("stored.npz", **{name: x for name, x in arrays.items() if name != "long"})
small = {"a": arrays["big_i2"], "b": np.asfortranarray(arrays["little_f4"])}
np.savez("small.npz", **small)
np.savez_compressed("small_packed.npz", **small)
np.savez_compressed("packed.npz", **arrays)
expected["arrays"] = {name: values(x) for name, x in arrays.items() if name != "long"}

for version in [(1, 0), (2, 0), (3, 0)]:
    with open(f"version{version[0]}.npy", "wb") as file:
        np.lib.format.write_array(file, np.arange(6, dtype="<f4").reshape(2, 3), version=version)
for name, x in {
    "object": np.array([{}, 1], dtype=object),
    "text": np.array(["a", "bc"]),
    "complex": np.array([1j]),
    "record": np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f4")]),
    "beyond": np.array([1, 2**63], dtype="u8"),
}.items():
    np.save(f"refused_{name}.npy", x)

for code in ["u1", "i1", "i2", "i4", "f4", "f8"]:
    x = (np.arange(12).reshape(2, 3, 2) * 3 - 5).astype(code)
    idx2numpy.convert_to_file(f"{code}.idx", x)
    expected[f"idx_{code}"] = values(x)
with open("u1.idx", "rb") as file, open("u1.idx.gz", "wb") as out:
    out.write(gzip.compress(file.read(), mtime=0))

TABLE = '''id,size,town,rooms,note,flag
1, 1.5 ,Ulm,3,,True
2,,"Bad Tölz, ""Ost""",NA,x,
3,-2e3,Ulm,?,"two
lines",False
4,NaN,,5,NA,x
'''
with open("table.csv", "w", newline="") as file:
    file.write(TABLE)
words = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?"]
frame = pd.read_csv("table.csv", na_values=words, keep_default_na=False, skipinitialspace=True)
numbers = frame.select_dtypes("number")
expected["table"] = {
    "names": list(frame.columns),
    "numbers": {c: [None if pd.isna(v) else float(v) for v in numbers[c]] for c in numbers},
    "towns": [None if pd.isna(v) else v for v in frame["town"]],
}

LINES = """{"size": 1.5, "town": "Ulm", "new": true}
{"town": null, "size": 2, "late": "\\u00e4\\n"}

{"size": 1e3, "new": false}
"""
with open("table.jsonl", "w") as file:
    file.write(LINES)
frame = pd.read_json(io.StringIO(LINES), lines=True)
expected["jsonl"] = {
    name: [None if pd.isna(v) else (v if isinstance(v, str) else float(v)) for v in frame[name]] for name in frame
}

VOC = """<?xml version="1.0" encoding="utf-8"?>
<!-- a comment -->
<annotation verified="yes">
  <folder>VOC &amp; more</folder><filename>a<![CDATA[<1>]]>.jpg</filename>
  <source><database>The VOC2007 Database</database></source>
  <size><width>353</width><height>500</height><depth>3</depth></size>
  <segmented>0</segmented>
  <object>
    <name>dog &#x64;&lt;</name><pose>Left</pose><truncated>1</truncated><difficult>0</difficult>
    <bndbox><xmin>48</xmin><ymin>240.5</ymin><xmax>195</xmax><ymax>371</ymax></bndbox>
    <part><name>head</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></part>
  </object>
  <object>
    <name>person</name><pose/><difficult> 1 </difficult><occluded>1</occluded>
    <bndbox><ymax>498</ymax><xmax>352</xmax><xmin>8</xmin><ymin>12</ymin></bndbox>
  </object>
</annotation>
"""
with open("voc.xml", "w") as file:
    file.write(VOC)
root = ElementTree.fromstring(VOC.encode())
text = lambda node, name: (node.findtext(name) or "").strip()
expected["voc"] = {
    "folder": text(root, "folder"),
    "filename": text(root, "filename"),
    "size": [int(text(root, f"size/{side}")) for side in ["width", "height", "depth"]],
    "objects": [
        {
            "name": text(o, "name"),
            "pose": text(o, "pose"),
            "flags": [int(text(o, f) or 0) for f in ["truncated", "occluded", "difficult"]],
            "bounds": [float(text(o, f"bndbox/{s}")) for s in ["xmin", "ymin", "xmax", "ymax"]],
        }
        for o in root.findall("object")
    ],
}

y, x = np.mgrid[0:21, 0:30]
smooth = np.stack([8 * x + 5, 10 * y + 20, 120 + 4 * x - 5 * y], -1).clip(0, 255).astype("uint8")
photo = Image.fromarray(smooth)
pictures = {
    "baseline": (photo, {"subsampling": 0}),
    "subsampled": (photo, {"subsampling": 2}),
    "progressive": (photo, {"progressive": True, "subsampling": 0}),
    "grey": (photo.convert("L"), {}),
    "inks": (photo.convert("CMYK"), {"subsampling": 0}),
}
for name, (image, options) in pictures.items():
    image.save(f"{name}.jpg", quality=92, **options)
    again = np.asarray(Image.open(f"{name}.jpg").convert("RGB"))
    # A few pixels of each; the rest follows.
    expected[f"jpeg_{name}"] = [again[r, c].tolist() for r, c in [(0, 0), (3, 17), (10, 10), (20, 29), (15, 4)]]
photo.save("rgb.png")
# Small ones to damage.
photo.crop((0, 0, 11, 9)).save("tiny_progressive.jpg", quality=92, progressive=True)
photo.crop((0, 0, 11, 9)).convert("L").save("tiny_grey.jpg", quality=92)
expected["png_rgb"] = [smooth[r, c].tolist() for r, c in [(0, 0), (3, 17), (10, 10), (20, 29), (15, 4)]]

with open("expected.json", "w") as file:
    json.dump(expected, file, separators=(",", ":"))
    file.write("\n")
