//! PNG images, put together by hand chunk by chunk, against values worked out on paper.
#![cfg(feature = "png")]

mod support;

use gradus_data::{grey_from_png, read_grey};
use gradus_tensor::Tensor;

use support::{chunk, header, image, png, zlib};

const GREY: u8 = 0;
const RGB: u8 = 2;
const INDEXED: u8 = 3;
const GREY_ALPHA: u8 = 4;
const RGBA: u8 = 6;

#[track_caller]
fn close(bytes: &[u8], want: &[&[f32]]) {
    match grey_from_png(bytes, "x.png") {
        Err(error) => panic!("{error}"),
        Ok(got) => {
            assert_eq!(got.dims(), [want.len(), want[0].len()]);
            for (got, want) in got.to_vec().iter().zip(want.concat()) {
                assert!((got - want).abs() < 1e-6, "{got} instead of {want}");
            }
        }
    }
}

#[test]
fn every_colour_type_and_depth_becomes_grey() {
    let none: &[Vec<u8>] = &[];
    close(
        &image(3, 8, GREY, none, &[&[0, 51, 255], &[102, 153, 204]]),
        &[&[0.0, 0.2, 1.0], &[0.4, 0.6, 0.8]],
    );
    close(&image(9, 1, GREY, none, &[&[0b1010_0001, 0b1000_0000]]), &[&[1., 0., 1., 0., 0., 0., 0., 1., 1.]]);
    close(&image(4, 2, GREY, none, &[&[0b00_01_10_11]]), &[&[0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0]]);
    close(&image(2, 4, GREY, none, &[&[0x3C]]), &[&[0.2, 0.8]]);
    // 0x0101 of 0xFFFF is 257 / 65535 = 1 / 255; the next step is finer than 8 bits could be.
    close(&image(2, 16, GREY, none, &[&[1, 1, 1, 2]]), &[&[1.0 / 255.0, 258.0 / 65535.0]]);
    let rgb: &[u8] = &[255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255];
    close(&image(4, 8, RGB, none, &[rgb]), &[&[0.299, 0.587, 0.114, 1.0]]);
    close(&image(1, 16, RGB, none, &[&[0xFF, 0xFF, 0, 0, 0, 0]]), &[&[0.299]]);
    // Black, half opaque over white paper, is grey; fully transparent black is paper.
    close(&image(3, 8, GREY_ALPHA, none, &[&[0, 255, 0, 51, 0, 0]]), &[&[0.0, 0.8, 1.0]]);
    close(&image(2, 8, RGBA, none, &[&[255, 0, 0, 255, 255, 0, 0, 0]]), &[&[0.299, 1.0]]);
    let palette = [chunk(b"PLTE", &[0, 0, 0, 255, 255, 255, 0, 255, 0]), chunk(b"tRNS", &[255, 255, 0])];
    close(&image(3, 8, INDEXED, &palette[..1], &[&[0, 1, 2]]), &[&[0.0, 1.0, 0.587]]);
    close(&image(3, 2, INDEXED, &palette, &[&[0b10_00_01_00]]), &[&[1.0, 0.0, 1.0]]);
}

#[test]
fn interlaced_rows_find_their_places() {
    // Adam7 of 3 × 3: pass 1 holds (0,0); pass 6 (row 0, column 1), (2,1); pass 5 row 2: columns 0, 2; pass 4
    // row 0: column 2; pass 7 row 1 whole.
    let passes: &[&[u8]] = &[&[0, 10], &[0, 30], &[0, 70, 90], &[0, 20], &[0, 80], &[0, 40, 50, 60]];
    let bytes = png(&[chunk(b"IHDR", &header(3, 3, 8, GREY, true)), chunk(b"IDAT", &zlib(&passes.concat()))]);
    let want: Vec<Vec<f32>> =
        (0..3).map(|r| (1..4).map(|c| (30 * r + 10 * c) as f32 / 255.0).collect()).collect();
    close(&bytes, &want.iter().map(Vec::as_slice).collect::<Vec<_>>());
}

#[test]
fn what_is_no_sound_image_is_refused_in_one_sentence() {
    let good = image(3, 8, GREY, &[], &[&[0, 51, 255]]);
    let claim = |width, height| {
        png(&[chunk(b"IHDR", &header(width, height, 8, GREY, false)), chunk(b"IDAT", &zlib(&[0; 100]))])
    };
    let mut flipped = good.clone();
    flipped[20] ^= 1;
    let cases = [
        (Vec::new(), "is not a sound PNG image"),
        (b"Dear reader, this is a text.\n".to_vec(), "is not a sound PNG image"),
        (good[..good.len() - 1].to_vec(), "is not a sound PNG image"),
        (good[..good.len() - 12].to_vec(), "is not a sound PNG image"),
        (good[..45].to_vec(), "is not a sound PNG image"),
        (good[..20].to_vec(), "is not a sound PNG image"),
        (flipped, "CRC"),
        (claim(0, 5), "is not a sound PNG image"),
        (claim(100_000, 100_000), "100000 × 100000 pixels are more than 67108864"),
        (claim(u32::MAX >> 1, u32::MAX >> 1), "pixels are more than"),
        (claim(8000, 8000), "claims 8000 × 8000 pixels, which its 168 bytes cannot hold"),
        (claim(20, 20), "is not a sound PNG image"),
    ];
    for (bytes, want) in cases {
        match grey_from_png(&bytes, "x.png") {
            Ok(image) => panic!("{want}: read as {:?}", image.shape()),
            Err(error) => {
                let text = error.to_string();
                assert!(
                    text.starts_with("x.png: ") && text.contains(want) && !text.contains('\n'),
                    "{want}: {text}"
                );
            }
        }
    }
}

#[test]
fn files_are_read_and_named() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("digit.png");
    let missing = read_grey(&path).map_err(|e| e.to_string());
    assert!(missing.is_err_and(|e| e.starts_with(&format!("{}: cannot open: ", path.display()))));
    std::fs::write(&path, "a text")?;
    let text = read_grey(&path).map_err(|e| e.to_string());
    assert!(text.is_err_and(|e| e.starts_with(&format!("{}: is not a sound PNG image", path.display()))));
    std::fs::write(&path, image(2, 8, GREY, &[], &[&[0, 255]]))?;
    assert_eq!(read_grey(&path)?, Tensor::from([[0.0, 1.0]]));
    assert!(read_grey(folder.path()).is_err());
    Ok(())
}
