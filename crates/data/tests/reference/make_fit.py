"""Records what scikit-learn's fitted transforms and splitters make of small cases, for tests/sets/fitted.rs and splits.rs.

    python make_fit.py > fit.txt

A line is a name, a colon, and numbers or words between bars. NaN is written `nan`.
"""

import warnings

import numpy as np
import sklearn
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, RobustScaler, StandardScaler

warnings.simplefilter("error")


def record(name, values):
    print(f"{name}:", "|".join(str(v) if isinstance(v, str) else repr(float(v)) for v in np.asarray(values, dtype=object).ravel()))


print(f"# scikit-learn {sklearn.__version__}, NumPy {np.__version__}")
rng = np.random.default_rng(5)
x = rng.normal(3.0, 2.0, size=(9, 4))
x[:, 1] = 7.25  # constant
x[:, 2] = [1, 1, 1, 1, 1, 1, 1, 50, -50]  # quartiles agree
x[:, 3] *= 1e3
new = rng.normal(3.0, 4.0, size=(3, 4))
record("x", x)
record("new", new)
for name, scaler in [
    ("standard", StandardScaler()),
    ("min_max", MinMaxScaler()),
    ("min_max_to", MinMaxScaler((-2.0, 3.0))),
    ("robust", RobustScaler()),
]:
    scaler.fit(x)
    record(f"{name}.new", scaler.transform(new))
    record(f"{name}.back", scaler.inverse_transform(new))

gaps = rng.integers(0, 4, size=(8, 3)).astype(float)
gaps[[0, 3, 4], 0] = np.nan
gaps[[1, 7], 2] = np.nan
record("gaps", gaps)
for strategy in ["mean", "median", "most_frequent", "constant"]:
    for told in [False, True]:
        imputer = SimpleImputer(strategy=strategy, fill_value=-1.5, add_indicator=told).fit(gaps)
        other = gaps[::-1].copy()
        other[0, 1] = np.nan
        record(f"impute.{strategy}.{int(told)}", imputer.transform(other))

towns = np.array(["Ulm", "Bonn", "Ulm", "Aachen", "Bonn", "Übersee"], dtype=object)[:, None]
test = np.array(["Bonn", "Köln", "Übersee"], dtype=object)[:, None]
record("towns", towns)
record("towns.test", test)
record("one_hot", OneHotEncoder(sparse_output=False).fit_transform(towns))
ignore = OneHotEncoder(sparse_output=False, handle_unknown="ignore").fit(towns)
record("one_hot.categories", ignore.categories_[0])
record("one_hot.test", ignore.transform(test))
ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1).fit(towns)
record("ordinal", ordinal.transform(towns))
record("ordinal.test", ordinal.transform(test))

sizes = np.array([10.0, 2.0, -3.5, 10.0, 0.0])[:, None]
record("sizes", sizes)
record("sizes.ordinal", OrdinalEncoder().fit_transform(sizes))
