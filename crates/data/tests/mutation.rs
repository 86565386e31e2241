//! Thousands of damaged files: every reader answers, none panics, and tensors stay in proportion to the file. One test
//! per reader in one process: what tensors hold is measured under a lock.
#![cfg(all(
    feature = "csv",
    feature = "gz",
    feature = "jpeg",
    feature = "jsonl",
    feature = "png",
    feature = "voc"
))]

mod support;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use gradus_data::{
    ArrayFile, Channels, ConllOptions, DataError, Npz, TableOptions, TagScheme, TokenFile, TokenWidth,
    conll_from_bytes, grey_from_png, idx_from_bytes, image_from_bytes, npy_from_bytes, read_table_from,
    table_from_jsonl, voc_from_bytes,
};
use gradus_tensor::{Rng, memory, reset_peak_memory};

use support::{chunk, damage, header, image, png, zlib};

static MEASURED: Mutex<()> = Mutex::new(());

/// The most bytes that tensors held during `f`, and its result.
fn measured<R>(f: impl FnOnce() -> R) -> (usize, R) {
    let _guard = MEASURED.lock().unwrap_or_else(PoisonError::into_inner);
    // In this order: the other test may drop a tensor in between.
    let before = memory().live;
    reset_peak_memory();
    let result = f();
    (memory().peak.saturating_sub(before), result)
}

#[test]
fn damaged_tables_are_answered() {
    let mut rng = Rng::seed(77);
    let (mut read, mut refused, mut tables) = (0, 0, 0);
    for _ in 0..20_000 {
        let mut text = String::from("\"a\",b,c\n");
        for _ in 0..rng.below(6) {
            text +=
                &format!("{},{},\"{}\"\r\n", rng.below(100), rng.uniform01::<f64>(), rng.next_u32() as i32);
        }
        let mut bytes = text.into_bytes();
        let header = rng.below(4) > 0;
        damage(&mut bytes, b"0123456789.,-e\"\n\r; ", &mut rng);
        let options = TableOptions { delimiter: b",,,,,;"[rng.below(6)], header, text: Vec::new() };
        let (most, result) = measured(|| {
            let table = read_table_from(&bytes[..], "x.csv", &options)?;
            tables += 1;
            Ok::<_, DataError>((table.to_tensor::<f64>()?, table))
        });
        assert!(most <= 8 * bytes.len() + 64, "{most} bytes for {}", bytes.len());
        match result {
            Ok((tensor, table)) => {
                read += 1;
                assert_eq!(tensor.dims(), [table.rows(), table.columns()]);
                assert!(tensor.to_vec().iter().all(|v| v.is_finite()));
            }
            Err(error) => {
                refused += 1;
                let text = error.to_string();
                assert!(text.starts_with("x.csv: ") && text.len() < 300 && !text.contains('\n'), "{text}");
            }
        }
    }
    let sides = format!("{read} read, {refused} refused, {tables} tables");
    assert!(read > 200 && refused > 5000 && tables > 2 * read, "the damage is one-sided: {sides}");
}

#[test]
fn damaged_images_are_answered() {
    let mut rng = Rng::seed(78);
    let (mut read, mut refused) = (0, 0);
    for round in 0..6000 {
        let raw: Vec<u8> = (0..60).map(|_| rng.next_u32() as u8).collect();
        let bytes = if round % 3 == 0 {
            // Damage that the checksums see.
            let mut bytes = image(20, 8, 0, &[], &[&raw[..20], &raw[20..40], &raw[40..]]);
            damage(&mut bytes, b"\0\x01\xFF", &mut rng);
            bytes
        } else {
            // Damage below the checksums: claims, palettes and compressed bytes that lie.
            let depth = [1, 2, 4, 8, 16, rng.next_u32() as u8][rng.below(6)];
            let color = [0, 2, 3, 4, 6, rng.next_u32() as u8][rng.below(6)];
            let size = |rng: &mut Rng| [1, 2, 5, rng.next_u32() >> rng.below(32)][rng.below(4)];
            let content = header(size(&mut rng), size(&mut rng), depth, color, rng.below(2) == 0);
            let mut stream = zlib(&raw[..rng.below(60)]);
            if rng.below(2) == 0 {
                damage(&mut stream, b"\0\x01\xFF", &mut rng);
            }
            let palette = chunk(b"PLTE", &raw[..rng.below(8) * 3]);
            png(&[
                chunk(b"IHDR", &content),
                palette,
                chunk(b"tRNS", &raw[..rng.below(7)]),
                chunk(b"IDAT", &stream),
            ])
        };
        let (most, result) = measured(|| grey_from_png(&bytes, "x.png"));
        assert!(most <= 8 * 4 * 1032 * bytes.len(), "{most} bytes for {}", bytes.len());
        match result {
            Ok(image) => {
                read += 1;
                assert!(image.rank() == 2 && image.to_vec().iter().all(|v| (0.0..=1.0).contains(v)));
            }
            Err(error) => {
                refused += 1;
                let text = error.to_string();
                assert!(text.starts_with("x.png: ") && text.len() < 300 && !text.contains('\n'), "{text}");
            }
        }
    }
    assert!(read > 50 && refused > 1000, "the damage is one-sided: {read} read, {refused} refused");
}

/// Every reader on small files that the reference implementations wrote, cut at every byte and with every bit flipped.
#[test]
fn files_that_are_cut_or_flipped_are_answered() {
    type Reader = fn(&[u8]) -> Result<(), DataError>;
    let arrays: Reader = |bytes| {
        let arrays = Npz::from_bytes(bytes, "x")?;
        arrays.names().try_for_each(|name| arrays.read(name).map(drop))
    };
    let rows: Reader = |bytes| {
        let file = ArrayFile::from_bytes(bytes, "x")?;
        file.rows::<f32>(&[file.len().saturating_sub(1), 0]).map(drop)
    };
    let image: Reader = |bytes| image_from_bytes(bytes, "x", Channels::Rgb).map(drop);
    let idx: Reader = |bytes| idx_from_bytes(bytes, "x").map(drop);
    let csv: Reader = |bytes| read_table_from(bytes, "x", &TableOptions::default()).map(drop);
    let conll: Reader = |bytes| {
        let sentences = conll_from_bytes(bytes, "x", &ConllOptions::default())?;
        sentences.iter().try_for_each(|sentence| sentence.check_tags(sentence.columns() - 1, TagScheme::Iob2))
    };
    let tokens: Reader = |bytes| {
        let tokens = TokenFile::from_bytes(bytes, "x", TokenWidth::U16, 3)?.vocabulary(60_000);
        tokens.read(&[0, tokens.windows() - 1]).map(drop)
    };
    let readers: [(&str, Reader); 15] = [
        ("version1.npy", |bytes| npy_from_bytes(bytes, "x").map(drop)),
        ("version3.npy", rows),
        ("small.npz", arrays),
        ("small_packed.npz", arrays),
        ("i2.idx", idx),
        ("u1.idx", rows),
        ("u1.idx.gz", idx),
        ("table.csv", csv),
        ("table.jsonl", |bytes| table_from_jsonl(bytes, "x").map(drop)),
        ("voc.xml", |bytes| voc_from_bytes(bytes, "x").map(drop)),
        ("table.jsonl", conll),
        ("u1.idx", tokens),
        ("tiny_progressive.jpg", image),
        ("tiny_grey.jpg", image),
        ("rgb.png", image),
    ];
    for (name, reader) in readers {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name);
        let whole = std::fs::read(path).unwrap();
        let cuts = (0..whole.len()).map(|length| whole[..length].to_vec());
        let flips = (0..8 * whole.len()).map(|bit| {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            flipped
        });
        for (case, bytes) in cuts.chain(flips).enumerate() {
            let (most, result) = measured(|| reader(&bytes));
            // The widest growth: 512 pixels of a JPEG byte, three channels of f32, rounded up to blocks; some 1,032 packed bytes that become i32 are less.
            assert!(most <= 16 * 512 * bytes.len().max(64), "{name}, case {case}: {most} bytes");
            if let Err(error) = result {
                let text = error.to_string();
                assert!(text.starts_with('x') && text.len() < 500 && !text.contains('\n'), "{name}: {text}");
            }
        }
    }
}
