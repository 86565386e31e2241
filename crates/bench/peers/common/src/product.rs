//! The matrix products of the table, as strided operands.

/// Name, [M, K, N] and which operand is stored transposed (`nt`: B, `tn`: A).
pub const PRODUCTS: [(&str, [usize; 3], &str); 11] = [
    ("sgemm_128", [128; 3], "nn"),
    ("sgemm_256", [256; 3], "nn"),
    ("sgemm_512", [512; 3], "nn"),
    ("sgemm_512_nt", [512; 3], "nt"),
    ("sgemm_512_tn", [512; 3], "tn"),
    ("sgemm_1024", [1024; 3], "nn"),
    ("sgemm_2048", [2048; 3], "nn"),
    ("sgemm_64x784x512", [64, 784, 512], "nn"),
    ("sgemm_1x4096x4096", [1, 4096, 4096], "nn"),
    ("sgemm_1x4096x4096_nt", [1, 4096, 4096], "nt"),
    ("sgemm_1024x64x1024", [1024, 64, 1024], "nn"),
];

/// C = A·B in row-major memory, at 64-byte borders.
pub struct Product {
    /// M, K and N.
    pub sizes: [usize; 3],
    /// Row and column stride of A.
    pub a_strides: [usize; 2],
    /// Row and column stride of B.
    pub b_strides: [usize; 2],
    memory: Vec<f32>,
    starts: [usize; 3],
}

impl Product {
    /// The one of this name, with random operands.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let &(_, sizes @ [m, k, n], layout) = PRODUCTS.iter().find(|product| product.0 == name)?;
        let memory = random(m * k + k * n + m * n + 64);
        let first = memory.as_ptr().align_offset(64);
        let border = |start: usize| start.next_multiple_of(16);
        let second = first + border(m * k);
        let starts = [first, second, second + border(k * n)];
        let a_strides = if layout == "tn" { [1, m] } else { [k, 1] };
        let b_strides = if layout == "nt" { [1, k] } else { [n, 1] };
        Some(Self { sizes, a_strides, b_strides, memory, starts })
    }

    /// A, B and C.
    pub fn operands(&mut self) -> (&[f32], &[f32], &mut [f32]) {
        let [m, k, n] = self.sizes;
        let (a, rest) = self.memory[self.starts[0]..].split_at_mut(self.starts[1] - self.starts[0]);
        let (b, c) = rest.split_at_mut(self.starts[2] - self.starts[1]);
        (&a[..m * k], &b[..k * n], &mut c[..m * n])
    }

    /// Panics unless C is A·B: a few elements, with f64 sums.
    pub fn check(&mut self) {
        let ([m, k, n], [ar, ac], [br, bc]) = (self.sizes, self.a_strides, self.b_strides);
        let (a, b, c) = self.operands();
        for (row, column) in [(0, 0), (m - 1, n - 1), (m / 2, n / 3), (m / 3, n - 2)] {
            let terms = (0..k).map(|i| f64::from(a[row * ar + i * ac]) * f64::from(b[i * br + column * bc]));
            let (wanted, got) = (terms.sum::<f64>(), f64::from(c[row * n + column]));
            assert!((wanted - got).abs() < 1e-3, "element [{row}, {column}] is {got}, not {wanted}");
        }
    }
}

/// So many numbers in -0.5..0.5, the same in every run.
#[must_use]
pub fn random(len: usize) -> Vec<f32> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..len).map(|_| draw()).collect()
}
