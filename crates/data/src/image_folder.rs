//! Folders of images, one per class: `root/class/….png` or `.jpg`. Names are read at once, pixels when a batch asks for them. It must
//! never know a model.

use std::fs;
use std::path::{Path, PathBuf};

use gradus_tensor::{Interpolation, InterpolationMode, Resize, Tensor};

use crate::error::DataError;
use crate::image::{Channels, read_image};
use crate::source::Source;

/// How deep folders may lie in a class.
const DEEPEST: usize = 32;
/// What image files end in.
const ENDINGS: [&str; 3] = ["png", "jpg", "jpeg"];

/// Images of classes (torchvision: `ImageFolder`). The classes are the folders in `root` in the order of their names, the samples the
/// images in them and below, in the order of their paths. Other files are passed over, folders that are links not entered.
///
/// ```
/// use gradus_data::{Channels, ImageFolder, Source};
/// # #[cfg(feature = "png")] {
/// # let root = std::env::temp_dir().join(format!("gradus-folder-{}", std::process::id()));
/// # let bytes = b"\x89PNG\x0d\x0a\x1a\x0a\0\0\0\x0dIHDR\0\0\0\x02\0\0\0\x01\x08\0\0\0\0\xd1I V\0\0\0\x0bIDAT\
/// #     x\xdac`\xf8\x0f\0\x01\x02\x01\0\xd1\x1a\xcb\x8f\0\0\0\0IEND\xaeB`\x82";
/// # for class in ["dog", "cat"] {
/// #     std::fs::create_dir_all(root.join(class))?;
/// #     std::fs::write(root.join(class).join("1.png"), bytes)?;
/// # }
/// let data = ImageFolder::open(&root, Channels::Rgb)?.resized(4, 4);
/// assert_eq!((data.classes(), data.len()), (&["cat".to_owned(), "dog".to_owned()][..], 2));
/// assert!(data.labels() == [0, 1] && data.path(1).ends_with("dog/1.png"));
/// let (images, labels) = data.fetch(&[1, 0])?;
/// assert_eq!((images.dims(), labels.to_vec()), ([2, 3, 4, 4], vec![1, 0]));
/// # std::fs::remove_dir_all(&root)?;
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ImageFolder {
    root: String,
    classes: Vec<String>,
    samples: Vec<(PathBuf, usize)>,
    channels: Channels,
    size: Option<[usize; 2]>,
}

impl ImageFolder {
    /// Reads the names of classes and images.
    ///
    /// # Errors
    /// If a folder cannot be read, there are no classes, or one is without images.
    pub fn open(root: impl AsRef<Path>, channels: Channels) -> Result<Self, DataError> {
        let root = root.as_ref();
        let name = root.display().to_string();
        let (folders, _) = entries(root)?;
        let mut out =
            Self { root: name.clone(), classes: Vec::new(), samples: Vec::new(), channels, size: None };
        for folder in folders {
            let class = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if class.starts_with('.') {
                continue;
            }
            let (before, label) = (out.samples.len(), out.classes.len());
            out.collect(&folder, label, 0)?;
            if out.samples.len() == before {
                let what = "this class has no images that end in .png, .jpg or .jpeg".to_owned();
                let file = folder.display().to_string();
                return Err(DataError::file(&file, what, "add some, or take the folder out"));
            }
            out.classes.push(class);
        }
        if out.classes.is_empty() {
            let what = "has no folders, one for each class".to_owned();
            return Err(DataError::file(&name, what, "lay the images out as CLASS/IMAGE.png"));
        }
        Ok(out)
    }

    fn collect(&mut self, folder: &Path, label: usize, depth: usize) -> Result<(), DataError> {
        if depth > DEEPEST {
            let what = format!("lies more than {DEEPEST} folders deep");
            return Err(DataError::file(&folder.display().to_string(), what, "lay the images out flat"));
        }
        let (folders, files) = entries(folder)?;
        let ending = |path: &Path| path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        let is_image = |path: &PathBuf| ending(path).is_some_and(|ending| ENDINGS.contains(&&*ending));
        self.samples.extend(files.into_iter().filter(is_image).map(|path| (path, label)));
        folders.iter().try_for_each(|folder| self.collect(folder, label, depth + 1))
    }

    /// Brings each image to this size, linear and antialiased (torchvision: `Resize`). Without it all images of a batch must have
    /// one size.
    ///
    /// # Panics
    /// If a side is 0.
    #[must_use]
    #[track_caller]
    pub fn resized(mut self, height: usize, width: usize) -> Self {
        assert!(
            height > 0 && width > 0,
            "image folder: an image needs pixels: size {height} × {width} (> 0)"
        );
        self.size = Some([height, width]);
        self
    }

    /// The classes' names, sorted.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Each sample's class, for splits and samplers.
    #[must_use]
    pub fn labels(&self) -> Vec<i64> {
        self.samples.iter().map(|&(_, label)| label as i64).collect()
    }

    /// A sample's file.
    ///
    /// # Panics
    /// If there is no such sample.
    #[must_use]
    #[track_caller]
    pub fn path(&self, sample: usize) -> &Path {
        assert!(sample < self.samples.len(), "path: no such sample: {sample} of {}", self.samples.len());
        &self.samples[sample].0
    }

    fn image(&self, path: &Path) -> Result<Tensor<f32>, DataError> {
        let image = read_image(path, self.channels)?;
        let [_, height, width] = image.dims();
        match self.size {
            Some(size) if size != [height, width] => {
                let how = Interpolation { antialias: true, ..Interpolation::new(InterpolationMode::Linear) };
                Ok(image.unsqueeze(0).interpolate(Resize::Sizes(&size), how).squeeze(0))
            }
            _ => Ok(image),
        }
    }
}

impl Source for ImageFolder {
    type Inputs = Tensor<f32>;
    type Targets = Tensor<i64>;

    fn len(&self) -> usize {
        self.samples.len()
    }

    fn fetch(&self, indices: &[usize]) -> Result<(Tensor<f32>, Tensor<i64>), DataError> {
        let mut images: Vec<Tensor<f32>> = Vec::with_capacity(indices.len());
        let mut labels = Vec::with_capacity(indices.len());
        for &index in indices {
            let (path, label) = self.samples.get(index).ok_or_else(|| {
                let what = format!("there is no image {index} of {}", self.samples.len());
                DataError::file(&self.root, what, "ask for one of them")
            })?;
            let image = self.image(path)?;
            if let Some(first) = images.first().filter(|first| first.shape() != image.shape()) {
                let what = format!("is {} and the first of its batch {}", image.shape(), first.shape());
                let mend = "bring all images to one size (`resized`)";
                return Err(DataError::file(&path.display().to_string(), what, mend));
            }
            images.push(image);
            labels.push(*label as i64);
        }
        if images.is_empty() {
            let [height, width] = self.size.unwrap_or([0, 0]);
            return Ok((Tensor::zeros([0, self.channels.count(), height, width]), Tensor::from(labels)));
        }
        let images: Vec<&Tensor<f32>> = images.iter().collect();
        Ok((Tensor::stack(&images, 0), Tensor::from(labels)))
    }
}

/// The folders and the files in a folder, each sorted.
fn entries(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), DataError> {
    let name = folder.display().to_string();
    let [mut folders, mut files] = [Vec::new(), Vec::new()];
    for entry in fs::read_dir(folder).map_err(DataError::system(&name, "read"))? {
        let entry = entry.map_err(DataError::system(&name, "read"))?;
        let kind = entry.file_type().map_err(DataError::system(&name, "read"))?;
        if kind.is_dir() { folders.push(entry.path()) } else { files.push(entry.path()) }
    }
    folders.sort_unstable();
    files.sort_unstable();
    Ok((folders, files))
}
