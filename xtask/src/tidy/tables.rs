//! What tidy allows: the one place to change when the architecture does, in the same commit, with the reason.

/// Any crate.
const ANY: &[&str] = &["*"];

/// What one crate may depend on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed {
    /// The package.
    pub(crate) name: &'static str,
    /// The crates of this workspace that it may depend on.
    pub(crate) workspace: &'static [&'static str],
    /// The packages from outside that it may depend on.
    pub(crate) external: &'static [&'static str],
    /// The packages from outside that it may depend on behind a feature.
    pub(crate) optional: &'static [&'static str],
}

/// Every edge of the architecture. Upwards: tensor, autodiff, module, the four siblings (never on each other), train,
/// then the ring, which nothing below it may name.
pub(crate) const ALLOWED: &[Allowed] = &[
    Allowed {
        name: "gradus-tensor",
        workspace: &[],
        external: &["num-traits"],
        // rustfft and realfft: Fourier transforms of any length are a craft of their own.
        optional: &["approx", "ndarray", "realfft", "rustfft", "serde"],
    },
    Allowed { name: "gradus-autodiff", workspace: &["gradus-tensor"], external: &[], optional: &[] },
    Allowed { name: "gradus-module-derive", workspace: &[], external: &[], optional: &[] },
    Allowed {
        name: "gradus-module",
        workspace: &["gradus-autodiff", "gradus-module-derive", "gradus-tensor"],
        external: &["thiserror"],
        optional: &[],
    },
    Allowed {
        name: "gradus-layers",
        workspace: &["gradus-autodiff", "gradus-module", "gradus-tensor"],
        external: &["thiserror"],
        optional: &[],
    },
    Allowed {
        name: "gradus-losses",
        workspace: &["gradus-autodiff", "gradus-tensor"],
        external: &[],
        optional: &[],
    },
    Allowed {
        name: "gradus-optimizers",
        workspace: &["gradus-autodiff", "gradus-module", "gradus-tensor"],
        external: &["thiserror"],
        optional: &[],
    },
    Allowed {
        name: "gradus-regularizers",
        workspace: &["gradus-autodiff", "gradus-module", "gradus-tensor"],
        external: &[],
        optional: &[],
    },
    Allowed {
        name: "gradus-train",
        workspace: &[
            "gradus-autodiff",
            "gradus-data",
            "gradus-io",
            "gradus-layers",
            "gradus-losses",
            "gradus-module",
            "gradus-optimizers",
            "gradus-regularizers",
            "gradus-tensor",
        ],
        external: &["serde_json", "thiserror"],
        optional: &["indicatif"],
    },
    Allowed {
        name: "gradus-io",
        workspace: &["gradus-module", "gradus-tensor"],
        // serde_core, which serde_json brings along: its visitor sees a name that a header holds twice.
        external: &["serde_core", "serde_json", "thiserror"],
        optional: &[],
    },
    Allowed {
        name: "gradus-data",
        workspace: &["gradus-tensor"],
        external: &["thiserror"],
        // Formats: compression, CSV, PNG, JPEG, XML and JSON are others' craft, each behind a feature.
        optional: &["csv", "flate2", "png", "quick-xml", "serde_core", "serde_json", "zune-jpeg"],
    },
    Allowed {
        name: "gradus-models",
        workspace: &["gradus-autodiff", "gradus-layers", "gradus-module", "gradus-tensor"],
        // A published model says its sizes in JSON.
        external: &["serde_json", "thiserror"],
        optional: &[],
    },
    Allowed { name: "gradus-recipes", workspace: LIBRARIES, external: ANY, optional: &[] },
    Allowed { name: "gradus", workspace: FACADE, external: &[], optional: &[] },
    Allowed {
        name: "gradus-cli",
        workspace: &[
            "gradus-data",
            "gradus-io",
            "gradus-module",
            "gradus-recipes",
            "gradus-tensor",
            "gradus-train",
        ],
        external: ANY,
        optional: &[],
    },
    Allowed { name: "gradus-testkit", workspace: ANY, external: ANY, optional: &[] },
    Allowed { name: "gradus-suite", workspace: ANY, external: ANY, optional: &[] },
    Allowed { name: "gradus-bench", workspace: ANY, external: ANY, optional: &[] },
    // The commands must run while the crates do not build.
    Allowed { name: "xtask", workspace: &[], external: &["clap", "serde_json"], optional: &[] },
];

/// What the facade re-exports: the libraries, and the derive macro's twin that names the facade.
const FACADE: &[&str] = &[
    "gradus-autodiff",
    "gradus-data",
    "gradus-io",
    "gradus-layers",
    "gradus-losses",
    "gradus-models",
    "gradus-module",
    "gradus-module-derive",
    "gradus-optimizers",
    "gradus-regularizers",
    "gradus-tensor",
    "gradus-train",
];

/// The libraries that the recipes are written with.
const LIBRARIES: &[&str] = &[
    "gradus-autodiff",
    "gradus-data",
    "gradus-io",
    "gradus-layers",
    "gradus-losses",
    "gradus-models",
    "gradus-module",
    "gradus-optimizers",
    "gradus-regularizers",
    "gradus-tensor",
    "gradus-train",
];

/// Edges that tests, benches and examples may have beyond [`ALLOWED`]: crate (`*`: each), then what it may see.
/// From outside the workspace they may use anything.
pub(crate) const ALLOWED_IN_TESTS: &[(&str, &[&str])] = &[
    ("*", &["gradus-testkit"]),
    ("gradus-data", &["gradus-data"]),
    // Models learn a batch by heart, and go to a file and back.
    ("gradus-models", &["gradus-io", "gradus-losses", "gradus-optimizers"]),
];

/// The files that may start threads: kernels reach them through `parallel`, with one cost model, and parts that do not
/// depend on the number of threads.
pub(crate) const THREAD_FILES: &[&str] = &[
    "crates/tensor/src/crew.rs",
    // Loading beside training: whole batches, which follow from (seed, epoch, number) whoever makes them.
    "crates/data/src/ahead.rs",
    // A program of its own that measures the machine and knows no crate of ours.
    "crates/bench/limits/src/threads.rs",
];

/// Lines that a file may have.
pub(crate) const FILE_LINES: usize = 400;

/// Lines that a function may have, from `fn` to its closing brace.
pub(crate) const FUNCTION_LINES: usize = 60;

/// What may be longer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LongerThanAllowed {
    /// The file.
    pub(crate) path: &'static str,
    /// The function in it; none for the file itself.
    pub(crate) function: Option<&'static str>,
    /// Why it is better whole.
    pub(crate) reason: &'static str,
}

/// Files and functions that are better long, each with its reason.
pub(crate) const LONGER: &[LongerThanAllowed] = &[LongerThanAllowed {
    path: "crates/tensor/src/kernels/matmul/kernel.rs",
    function: Some("tile"),
    reason: "its steps share registers; a function of their own may be compiled without the instruction set",
}];

/// The crate whose kernels may be unsafe; every other one forbids it in its root file.
pub(crate) const UNSAFE_CRATE: &str = "gradus-tensor";

/// The files that may hold `unsafe`; with `/*` all below a folder.
pub(crate) const UNSAFE_FILES: &[&str] = &[
    // The machine's limit: registers and instructions alone, no memory is touched.
    "crates/bench/limits/src/arithmetic.rs",
    // Other libraries' products, whose doors take pointers.
    "crates/bench/peers/gemm/src/main.rs",
    "crates/bench/peers/matrixmultiply/src/main.rs",
    "crates/tensor/src/crew.rs",
    "crates/tensor/src/isa.rs",
    "crates/tensor/src/kernels/attention/*",
    "crates/tensor/src/kernels/conv/*",
    "crates/tensor/src/kernels/matmul.rs",
    "crates/tensor/src/kernels/matmul/*",
    "crates/tensor/src/kernels/stream.rs",
    "crates/tensor/src/kernels/transpose.rs",
    "crates/tensor/src/kernels/transpose_x86.rs",
    "crates/tensor/src/parallel.rs",
    "crates/tensor/src/storage.rs",
];

/// Crates whose code exists to stop a test run or a command when something is wrong: `unwrap` and `expect` are theirs.
pub(crate) const MAY_UNWRAP: &[&str] = &["crates/suite/", "crates/testkit/", "xtask/"];

/// Files of published crates that still lack an example for something public. May only shrink.
pub(crate) const EXAMPLES_MISSING: &[&str] = &[];
