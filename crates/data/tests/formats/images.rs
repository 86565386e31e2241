//! Photos, and folders of them.

use gradus_data::{Channels, ImageFolder, Source, image_from_bytes, read_image};

use crate::{expected, file, refused};

#[test]
fn photos_agree_with_pillow() -> Result<(), Box<dyn std::error::Error>> {
    let expected = expected();
    // Halved colours come back by one filter or another.
    let cases = [
        ("jpeg_baseline", "baseline.jpg", 2.0),
        ("jpeg_subsampled", "subsampled.jpg", 12.0),
        ("jpeg_progressive", "progressive.jpg", 2.0),
        ("jpeg_grey", "grey.jpg", 2.0),
        ("jpeg_inks", "inks.jpg", 4.0),
        ("png_rgb", "rgb.png", 0.01),
    ];
    for (name, picture, slack) in cases {
        let (colour, grey) =
            (read_image(file(picture), Channels::Rgb)?, read_image(file(picture), Channels::Grey)?);
        assert_eq!((colour.dims(), grey.dims()), ([3, 21, 30], [1, 21, 30]), "{name}");
        let pixels = expected[name].as_array().ok_or("no pixels")?;
        for ([row, column], want) in [[0, 0], [3, 17], [10, 10], [20, 29], [15, 4]].into_iter().zip(pixels) {
            let want: Vec<f32> = serde_json::from_value(want.clone())?;
            let got: Vec<f32> = (0..3).map(|channel| colour.at(&[channel, row, column]) * 255.0).collect();
            let near = got.iter().zip(&want).all(|(a, b)| (a - b).abs() <= slack);
            assert!(near, "{name}, {row}, {column}: {got:?}, not {want:?}");
            let luma = 0.299 * want[0] + 0.587 * want[1] + 0.114 * want[2];
            assert!((grey.at(&[0, row, column]) * 255.0 - luma).abs() <= slack, "{name}, {row}, {column}");
        }
    }
    Ok(())
}

#[test]
fn photos_that_claim_what_they_cannot_hold_are_refused() {
    let mut bytes = std::fs::read(file("baseline.jpg")).unwrap();
    let at = bytes.windows(2).position(|two| two == [0xFF, 0xC0]).unwrap() + 5;
    bytes[at..at + 4].copy_from_slice(&[0x1F, 0xFF, 0x1F, 0xFF]);
    let error = refused(image_from_bytes(&bytes, "x.jpg", Channels::Rgb));
    assert_eq!(
        error,
        "x.jpg: claims 8191 × 8191 pixels, which its 866 bytes cannot hold; save it again as JPEG"
    );
    bytes[at..at + 4].copy_from_slice(&[0xFF; 4]);
    assert!(refused(image_from_bytes(&bytes, "x.jpg", Channels::Rgb)).contains("are more than 67108864"));
}

#[test]
fn folders_of_images_are_classes() -> Result<(), Box<dyn std::error::Error>> {
    let root = tempfile::tempdir()?;
    let put = |name: &str, from: &str| {
        let path = root.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap())
            .and_then(|()| std::fs::copy(file(from), path))
            .map(drop)
    };
    put("b/2.PNG", "rgb.png")?;
    put("b/deep/1.jpeg", "baseline.jpg")?;
    put("a/x.jpg", "grey.jpg")?;
    put("a/notes.txt", "make.py")?;
    put("README", "make.py")?;
    let data = ImageFolder::open(root.path(), Channels::Rgb)?;
    assert_eq!((data.classes(), data.labels()), (&["a".to_owned(), "b".to_owned()][..], vec![0, 1, 1]));
    assert!(data.path(1).ends_with("b/2.PNG") && data.path(2).ends_with("b/deep/1.jpeg"));
    let (images, labels) = data.fetch(&[2, 0])?;
    assert_eq!((images.dims(), labels.to_vec()), ([2, 3, 21, 30], vec![1, 0]));
    assert_eq!(data.clone().resized(7, 9).fetch(&[1])?.0.dims(), [1, 3, 7, 9]);
    assert_eq!(data.clone().resized(7, 9).fetch(&[])?.0.dims(), [0, 3, 7, 9]);
    assert!(refused(data.fetch(&[3])).contains("there is no image 3 of 3"));
    let small = crate::support::image(2, 8, 0, &[], &[&[0, 255]]);
    std::fs::write(root.path().join("a/y.png"), small)?;
    let data = ImageFolder::open(root.path(), Channels::Grey)?;
    let error = refused(data.fetch(&[0, 1]));
    assert!(
        error.contains("y.png: is [1, 1, 2] and the first of its batch [1, 21, 30]; bring all"),
        "{error}"
    );
    std::fs::write(root.path().join("a/y.png"), "text")?;
    assert!(
        refused(data.fetch(&[1])).contains("y.png: is no image of a known kind; give a PNG or JPEG image")
    );
    std::fs::create_dir(root.path().join("c"))?;
    assert!(
        refused(ImageFolder::open(root.path(), Channels::Grey))
            .contains("this class has no images that end in")
    );
    let empty = ImageFolder::open(root.path().join("c"), Channels::Grey);
    assert!(refused(empty).contains("has no folders, one for each class"));
    Ok(())
}
