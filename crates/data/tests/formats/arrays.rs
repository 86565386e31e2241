//! Arrays: NumPy's files, IDX, and what is read of them and of tokens by place.

use gradus_data::{
    ArrayFile, DataError, FilePairs, Loader, Npz, Source, TokenFile, TokenWidth, idx_from_bytes,
    npy_from_bytes, read_idx, read_npy, write_tokens,
};
use gradus_tensor::{AnyTensor, DType};
use serde_json::Value;

use crate::{expected, file, refused};

#[track_caller]
fn agree(name: &str, got: &AnyTensor, want: &Value) {
    let shape: Vec<usize> = serde_json::from_value(want["shape"].clone()).unwrap();
    assert_eq!(got.shape().to_vec(), shape, "{name}");
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| value.as_str().unwrap().parse().unwrap());
    let want: Vec<f64> = want["values"].as_array().unwrap().iter().map(number).collect();
    let got = got.cast::<f64>().to_vec();
    let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
    assert!(got.len() == want.len() && got.iter().zip(&want).all(same), "{name}: {got:?}, not {want:?}");
}

#[test]
fn numpy_arrays_of_every_type_order_and_version_are_read() -> Result<(), DataError> {
    let expected = expected();
    for archive in ["stored.npz", "packed.npz"] {
        let arrays = Npz::open(file(archive))?;
        for (name, want) in expected["arrays"].as_object().unwrap() {
            let got = arrays.read(name)?;
            agree(name, &got, want);
            let want = match name.rsplit('_').next().unwrap() {
                "b1" => DType::Bool,
                "u1" => DType::U8,
                "i1" | "u2" | "i2" | "i4" | "cube" => DType::I32,
                "u4" | "u8" | "i8" => DType::I64,
                "f2" | "f4" | "empty" => DType::F32,
                _ => DType::F64,
            };
            assert_eq!(got.dtype(), want, "{name}");
        }
    }
    let long = Npz::open(file("packed.npz"))?.read("long")?.cast::<i64>().to_vec();
    assert!(long.len() == 20_000 && (0..).zip(&long).all(|(place, &value)| value == place / 100));
    for version in 1..=3 {
        let array = read_npy(file(&format!("version{version}.npy")))?;
        assert_eq!((array.shape().to_vec(), array.cast::<f32>().to_vec()[5]), (vec![2, 3], 5.0));
    }
    Ok(())
}

#[test]
fn numpy_files_without_numbers_are_refused_by_what_they_hold() {
    let cases = [
        ("object", "\"|O\" is not known: it holds Python objects, and reading those would run their code"),
        ("text", "\"<U2\" is not known: texts; save texts as CSV or JSONL"),
        ("complex", "\"<c16\" is not known: complex numbers; save real and imaginary parts"),
        ("record", "its descr is no text: it holds records; save each field as an array of its own"),
        (
            "beyond",
            "its number 1 (from 0) is 9223372036854775808, more than an i64 can hold; store the array",
        ),
    ];
    for (name, want) in cases {
        let error = refused(read_npy(file(&format!("refused_{name}.npy"))));
        assert!(error.contains(want) && error.contains(&format!("refused_{name}.npy: ")), "{error}");
    }
    let error = refused(Npz::open(file("small.npz")).and_then(|arrays| arrays.read("c")));
    assert!(
        error.ends_with("small.npz: there is no array \"c\"; it has \"a\", \"b\"; name one of these"),
        "{error}"
    );
}

fn npy(header: &str, numbers: &[u8]) -> Vec<u8> {
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), numbers].concat()
}

#[test]
fn headers_of_numpy_that_lie_are_refused() {
    let shape = |shape: &str| format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
    let cases = [
        (npy(&shape("(1152921504606846976,)"), &[0; 4]), "is more than memory can address"),
        (npy(&shape("(4611686018427387904, 4611686018427387904)"), &[0; 4]), "more than memory can address"),
        (npy(&shape("(0, 9223372036854775807)"), &[]), "more than memory can address"),
        (npy(&shape("(1099511627776,)"), &[0; 4]), "claims 4398046511104 bytes of numbers, there are 4"),
        (npy(&shape("(1,1,1,1,1,1,1,1,1)"), &[0; 4]), "9 axes are more than 8"),
        (npy(&shape("(1,)"), &[0; 5]), "claims 4 bytes of numbers, there are 5"),
        (npy(&shape("1"), &[0; 4]), "its shape is no tuple"),
        (npy(&shape("(True,)"), &[0; 4]), "its shape holds something else than lengths"),
        (npy("{'descr': '<f4'}", &[]), "its header lacks descr, fortran_order or shape"),
        (npy("{'descr': '<f4', 'x': 1}", &[]), "its header has an unknown entry \"x\""),
        (npy("{'descr': '<f4', 'descr': '<f4'}", &[]), "its header has two entries \"descr\""),
        (npy("[]", &[]), "its header is no Python dictionary"),
        (npy("{'descr'", &[]), "its header is no Python dictionary: no colon at byte 18"),
        (npy(&shape("(1,)").replace("<f4", "=f4"), &[0; 4]), "its type \"=f4\" has no known byte order"),
        (npy(&shape("(2,)").replace("<f4", "|b1"), &[1, 2]), "its number 1 (from 0) is the byte 2"),
        (b"\x93NUMPY\x04\x00\x00\x00".to_vec(), "is of version 4.0, not 1.0 to 3.0"),
        (
            [&b"\x93NUMPY\x02\x00"[..], &[0xFF; 4]].concat(),
            "claims a header of 4294967295 bytes, more than 65536",
        ),
        (b"\x93NUMPY\x01\x00\x02\x00\xFF\xFF".to_vec(), "its header is not UTF-8 at byte 10"),
        (b"PK\x03\x04    ".to_vec(), "does not begin as a .npy file"),
        (Vec::new(), "ends within its header"),
    ];
    for (bytes, want) in cases {
        let error = refused(npy_from_bytes(&bytes, "x.npy"));
        assert!(error.starts_with("x.npy: ") && error.contains(want), "{want}: {error}");
    }
}

#[test]
fn headers_of_idx_that_lie_are_refused() {
    let cases = [
        ([&[0, 0, 8, 2][..], &[255; 8]].concat(), "more than memory can address"),
        (vec![0, 0, 8, 1, 0, 0, 1, 0, 7], "claims 256 bytes of numbers, there are 1"),
        (vec![0, 0, 8, 255], "ends within its length of axis 0"),
        ([&[0, 0, 8, 9][..], &[0, 0, 0, 1].repeat(9), &[1]].concat(), "9 axes are more than 8"),
        (vec![0, 0, 7, 1, 0, 0, 0, 0], "byte 2 is the type 0x07"),
        (vec![1, 0, 8, 1], "begins with the bytes [1, 0, 8, 1]"),
        (vec![0], "ends within its first 4 bytes"),
    ];
    for (bytes, want) in cases {
        let error = refused(idx_from_bytes(&bytes, "x.idx"));
        assert!(error.starts_with("x.idx: ") && error.contains(want), "{want}: {error}");
    }
}

#[test]
fn what_unpacks_to_more_than_it_can_is_refused() {
    let packed = |bytes: &[u8]| {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let header = |length: u32| [&[0, 0, 8, 1][..], &length.to_be_bytes()].concat();
    let long = [0, 0, 8, 2, 0, 0x10, 0, 0, 0, 0, 0x20, 0];
    let cases = [
        (packed(&header(1 << 30)), "claims 1073741824 bytes of numbers, which"),
        (packed(&long), "its numbers take 8589934592 bytes, more than the limit of 4294967296"),
        (packed(&[header(2), vec![1, 2, 3]].concat()), "more bytes follow than the 2 that its header claims"),
        (packed(&[header(3), vec![1, 2]].concat()), "ends before the 3 bytes of its numbers do"),
    ];
    for (bytes, want) in cases {
        let error = refused(idx_from_bytes(&bytes, "x.gz"));
        assert!(error.contains(want), "{want}: {error}");
    }
    // A member that the directory calls some 2²⁸ bytes long.
    let mut bytes = std::fs::read(file("small_packed.npz")).unwrap();
    let at = bytes.windows(4).position(|four| four == b"PK\x01\x02").unwrap() + 24;
    bytes[at + 3] = 0x10;
    let error = refused(Npz::from_bytes(&bytes, "x.npz").and_then(|arrays| arrays.read("a")));
    assert!(
        error.starts_with("x.npz: array \"a\": its header claims 12 bytes of numbers, the directory 2684"),
        "{error}"
    );
}

#[test]
fn a_number_that_changed_is_seen_by_its_checksum() {
    let mut bytes = std::fs::read(file("small.npz")).unwrap();
    let header = bytes.windows(6).position(|six| six == b"\x93NUMPY").unwrap();
    bytes[header + 128] ^= 1;
    let arrays = Npz::from_bytes(&bytes, "x.npz").unwrap();
    let error = refused(arrays.read("a"));
    assert!(error.starts_with("x.npz: array \"a\": has another checksum than its bytes; "), "{error}");
    assert!(arrays.read("b").is_ok());
}

#[test]
fn idx_files_are_read_packed_or_not() -> Result<(), DataError> {
    let expected = expected();
    for code in ["u1", "i1", "i2", "i4", "f4", "f8"] {
        agree(code, &read_idx(file(&format!("{code}.idx")))?, &expected[format!("idx_{code}")]);
    }
    agree("gz", &read_idx(file("u1.idx.gz"))?, &expected["idx_u1"]);
    let error = refused(ArrayFile::open(file("u1.idx.gz")));
    assert!(
        error.ends_with("is compressed, so its samples have no places; unpack it, or read it whole"),
        "{error}"
    );
    Ok(())
}

#[test]
fn files_are_read_by_place() -> Result<(), DataError> {
    let (x, y) = (ArrayFile::open(file("f4.idx"))?, ArrayFile::open(file("version2.npy"))?);
    let whole = read_idx(file("f4.idx"))?.cast::<f32>();
    let data = FilePairs::<f32, i64>::new(x.clone(), y)?;
    let mut seen = 0;
    for batch in Loader::new(&data, 1, 3) {
        let batch = batch?;
        let sample = batch.indices[0];
        assert_eq!(batch.inputs.to_vec(), whole.select(0, sample).to_vec());
        assert_eq!(batch.targets.to_vec(), [0, 1, 2].map(|i| i + 3 * sample as i64));
        seen += 1;
    }
    assert_eq!(seen, 2);
    assert_eq!(x.rows::<f32>(&[1, 0, 1])?.dims(), [3, 3, 2]);
    assert_eq!(x.rows::<f32>(&[])?.dims(), [0, 3, 2]);
    assert!(refused(data.fetch(&[2])).contains("there is no sample 2 of 2"));
    let one = ArrayFile::from_bytes(&[0, 0, 8, 1, 0, 0, 0, 1, 9], "one")?;
    let error = refused(FilePairs::<f32>::new(x, one));
    assert!(error.starts_with("file pairs: inputs [2, 3, 2] of "), "{error}");
    let fortran = npy("{'descr': '|u1', 'fortran_order': True, 'shape': (1, 2)}", &[1, 2]);
    assert!(refused(ArrayFile::from_bytes(&fortran, "f")).contains("is in Fortran order"));
    let scalar = npy("{'descr': '|u1', 'fortran_order': False, 'shape': ()}", &[1]);
    assert!(refused(ArrayFile::from_bytes(&scalar, "s")).contains("holds one number and no samples"));
    Ok(())
}

#[test]
fn a_file_that_becomes_shorter_is_an_error() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("tokens");
    write_tokens(&path, &(0..100).collect::<Vec<_>>(), TokenWidth::U32)?;
    let data = TokenFile::open(&path, TokenWidth::U32, 10)?;
    assert_eq!(data.read(&[8])?.1.to_vec()[9], 90);
    std::fs::OpenOptions::new().write(true).open(&path)?.set_len(200)?;
    assert!(
        refused(data.read(&[8])).contains("it ends before byte 364: it became shorter while it was open")
    );
    assert!(data.read(&[0]).is_ok());
    Ok(())
}

#[test]
fn windows_of_tokens_follow_one_another() -> Result<(), DataError> {
    let bytes: Vec<u8> = (0..11_u16).flat_map(|token| (token * 1000).to_le_bytes()).collect();
    let open = |length| TokenFile::from_bytes(&bytes, "t", TokenWidth::U16, length);
    assert_eq!((open(5)?.windows(), open(3)?.windows(), open(10)?.windows()), (2, 3, 1));
    assert_eq!((open(3)?.stride(2).windows(), open(3)?.stride(1).windows()), (4, 8));
    let (x, y) = open(3)?.stride(2).read(&[3, 0])?;
    assert_eq!((x.dims(), x.to_vec()), ([2, 3], vec![6000, 7000, 8000, 0, 1000, 2000]));
    assert_eq!(y.to_vec(), [7000, 8000, 9000, 1000, 2000, 3000]);
    let error = refused(open(3)?.vocabulary(5000).fetch(&[1]));
    assert!(error.starts_with("t: the token 5000 at byte 10 is outside the vocabulary of 5000; "), "{error}");
    assert!(refused(open(3)?.fetch(&[3])).contains("there is no window 3 of 3"));
    assert!(refused(open(11)).starts_with("t: 11 tokens are fewer than one window of 11 + 1; "));
    let odd = TokenFile::from_bytes(&bytes[..21], "t", TokenWidth::U16, 3);
    assert!(refused(odd).starts_with("t: 21 bytes are no whole number of tokens of 2 bytes; "));
    let wide = write_tokens(std::env::temp_dir().join("gradus-never"), &[1, 65536], TokenWidth::U16);
    assert!(refused(wide).contains("the token 65536 at place 1 (from 0) does not fit 16 bits"));
    Ok(())
}
