//! Arrays in files larger than memory: samples of IDX and `.npy` files, read by place when a batch asks for them. Nothing is
//! mapped and nothing kept; the system's own cache of pages serves what is read twice. It must never know what a sample means.

use std::marker::PhantomData;
use std::path::Path;

use gradus_tensor::{AnyTensor, Element, Shape, Tensor};

use crate::error::DataError;
use crate::numbers::Layout;
use crate::positioned::Positioned;
use crate::source::Source;
use crate::{idx, npy};

/// An array in an open IDX or `.npy` file, whose first axis counts samples.
///
/// ```
/// use gradus_data::ArrayFile;
/// # let path = std::env::temp_dir().join(format!("gradus-array-{}", std::process::id()));
/// # std::fs::write(&path, [0, 0, 8, 2, 0, 0, 0, 3, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6])?;
/// let array = ArrayFile::open(&path)?; // IDX, 3 samples of 2 bytes
/// assert!(array.shape() == &[3, 2].into() && array.len() == 3 && !array.is_empty());
/// assert_eq!(array.rows::<f32>(&[2, 0])?.to_vec(), [5.0, 6.0, 1.0, 2.0]);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ArrayFile {
    content: Positioned,
    layout: Layout,
    start: u64,
}

impl ArrayFile {
    /// Opens a file and reads its header; `.npy` is known by its first bytes.
    ///
    /// # Errors
    /// If the file cannot be read, its header does not fit its length, it is compressed, in Fortran order, or has no axis.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, DataError> {
        Self::of(Positioned::open(path.as_ref())?)
    }

    /// [`ArrayFile::open`] for bytes at hand; errors call them `name`.
    ///
    /// # Errors
    /// As [`ArrayFile::open`].
    pub fn from_bytes(bytes: &[u8], name: &str) -> Result<Self, DataError> {
        Self::of(Positioned::of_bytes(bytes, name))
    }

    fn of(content: Positioned) -> Result<Self, DataError> {
        let mut first = [0];
        if content.length() > 0 {
            content.read(0, &mut first)?;
        }
        let (layout, start) = if first == [0x93] {
            let (header, start) = npy::open(&content)?;
            if header.fortran_order && header.layout.shape.len() > 1 {
                let what = "is in Fortran order, where samples do not lie in one piece".to_owned();
                let mend = "save numpy.ascontiguousarray(x), or read the file whole";
                return Err(DataError::file(content.name(), what, mend));
            }
            (header.layout, start)
        } else {
            idx::layout(&content)?
        };
        if layout.shape.is_empty() {
            let what = "holds one number and no samples".to_owned();
            return Err(DataError::file(content.name(), what, "give an array with at least one axis"));
        }
        Ok(Self { content, layout, start })
    }

    /// The axis lengths `[N, …]`.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.layout.shape
    }

    /// The number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.layout.shape[0]
    }

    /// Whether there are no samples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The samples of these numbers, in this order: `[B, …]`. Neighbours are read in one piece.
    ///
    /// # Errors
    /// If there is no such sample, the file cannot be read or became shorter, or a number in it fits no tensor.
    pub fn rows<T: Element>(&self, indices: &[usize]) -> Result<Tensor<T>, DataError> {
        if let Some(bad) = indices.iter().find(|&&index| index >= self.len()) {
            let what = format!("there is no sample {bad} of {}", self.len());
            return Err(DataError::file(self.content.name(), what, "ask for one of them"));
        }
        self.any_rows(indices).map(|rows| rows.cast())
    }

    fn any_rows(&self, indices: &[usize]) -> Result<AnyTensor, DataError> {
        let width = self.layout.row_bytes();
        let mut bytes = vec![0; indices.len() * width];
        let mut rest = &mut bytes[..];
        for run in indices.chunk_by(|a, b| a + 1 == *b) {
            let (now, later) = rest.split_at_mut(run.len() * width);
            self.content.read(self.start + (run[0] * width) as u64, now)?;
            rest = later;
        }
        self.layout.with_rows(indices.len()).read(&mut &bytes[..], self.content.name())
    }
}

/// Inputs and targets in two files: a [`Source`] larger than memory. `X` and `Y` are what the numbers become.
///
/// ```
/// use gradus_data::{ArrayFile, FilePairs, Source};
/// let images = [0, 0, 8, 2, 0, 0, 0, 3, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6];
/// let labels = [0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9];
/// let images = ArrayFile::from_bytes(&images, "images.idx")?;
/// let data: FilePairs<f32, i64> = FilePairs::new(images, ArrayFile::from_bytes(&labels, "labels.idx")?)?;
/// assert_eq!((data.len(), data.inputs().shape()[1], data.targets().len()), (3, 2, 3));
/// let (x, y) = data.fetch(&[1])?;
/// assert_eq!((x.to_vec(), y.to_vec()), (vec![3.0, 4.0], vec![8]));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct FilePairs<X: Element = f32, Y: Element = i64> {
    inputs: ArrayFile,
    targets: ArrayFile,
    becomes: PhantomData<(X, Y)>,
}

impl<X: Element, Y: Element> FilePairs<X, Y> {
    /// The samples of two files with equally many.
    ///
    /// # Errors
    /// If they differ in number.
    pub fn new(inputs: ArrayFile, targets: ArrayFile) -> Result<Self, DataError> {
        if inputs.len() != targets.len() {
            let (x, y) = (inputs.shape(), targets.shape());
            let (inputs, targets) = (inputs.content.name(), targets.content.name());
            let what = format!("inputs {x} of {inputs} and targets {y} of {targets} are not equally many");
            return Err(DataError::unfit("file pairs", what, "give one target per input, [N, …] and [N, …]"));
        }
        Ok(Self { inputs, targets, becomes: PhantomData })
    }

    /// The file of the inputs.
    #[must_use]
    pub fn inputs(&self) -> &ArrayFile {
        &self.inputs
    }

    /// The file of the targets.
    #[must_use]
    pub fn targets(&self) -> &ArrayFile {
        &self.targets
    }
}

impl<X: Element, Y: Element> Source for FilePairs<X, Y> {
    type Inputs = Tensor<X>;
    type Targets = Tensor<Y>;

    fn len(&self) -> usize {
        self.inputs.len()
    }

    fn fetch(&self, indices: &[usize]) -> Result<(Tensor<X>, Tensor<Y>), DataError> {
        Ok((self.inputs.rows(indices)?, self.targets.rows(indices)?))
    }
}
