//! Tables: what is read, and that errors name file, line and column.
#![cfg(feature = "csv")]

use gradus_data::{DataError, Table, TableOptions, read_table, read_table_from};

fn parse(text: &str, delimiter: u8, header: bool) -> Result<Table, DataError> {
    read_table_from(text.as_bytes(), "x.csv", &TableOptions { delimiter, header })
}

#[test]
fn tables_are_read_in_their_usual_forms() -> Result<(), DataError> {
    let want = [1.0, -2.5, 3e4, 0.0, 7.0, 1e-3];
    let forms: [(&str, u8, bool); 7] = [
        ("a,b\n1,-2.5\n3e4,0\n7,0.001\n", b',', true),
        ("a,b\r\n1,-2.5\r\n3e4,0\r\n7,0.001", b',', true),
        ("\u{FEFF}a,b\n1,-2.5\n3e4,0\n7,0.001\n", b',', true),
        ("\"a\",\"b\"\n\"1\",-2.5\n 3e4 ,0\n7,\"0.001\"\n", b',', true),
        ("a;b\n1;-2.5\n\n3e4;0\n\n\n7;0.001\n", b';', true),
        ("1\t-2.5\n3e4\t0\n7\t0.001\n", b'\t', false),
        ("1 -2.5\n3e4 0\n7 0.001\n", b' ', false),
    ];
    for (text, delimiter, header) in forms {
        let table = parse(text, delimiter, header)?;
        assert_eq!((table.rows(), table.columns()), (3, 2), "{text:?}");
        assert_eq!(table.to_tensor::<f64>().to_vec(), want, "{text:?}");
        let names: &[&str] = if header { &["a", "b"] } else { &[] };
        assert_eq!(table.header(), names, "{text:?}");
        assert_eq!(table.row(1), [3e4, 0.0]);
    }
    Ok(())
}

#[test]
fn columns_are_found_and_taken() -> Result<(), DataError> {
    let table = parse("x,y,class\n1,2,0\n3,4,2\n", b',', true)?;
    assert_eq!(table.column("class")?, 2);
    assert_eq!(table.select::<f32>(&[1, 0]).to_vec(), [2.0, 1.0, 4.0, 3.0]);
    assert_eq!(table.labels(2)?.to_vec(), [0, 2]);
    let error = table.column("z").map_err(|e| e.to_string());
    assert_eq!(
        error,
        Err("x.csv: there is no column \"z\"; it has x, y, class; name one of these".to_owned())
    );
    let fraction = parse("a,b\n1,2\n\n1,2.5\n", b',', true)?.labels(1).map_err(|e| e.to_string());
    assert!(
        fraction.is_err_and(|e| e.starts_with("x.csv: line 4, column 2 (\"b\"): 2.5 is not a whole number"))
    );
    Ok(())
}

#[test]
fn errors_name_file_line_and_column() {
    let cases = [
        ("", true, "x.csv: is empty; "),
        ("\n\n", true, "x.csv: is empty; "),
        ("a,b\n", true, "x.csv: has a header but no rows; "),
        ("a,b\n1,2\n3\n", true, "x.csv: line 3: 1 cells instead of 2; "),
        ("a,b\n1,2,3\n", true, "x.csv: line 2: 3 cells instead of 2; "),
        ("a,b\n1,2\n3,four\n", true, "x.csv: line 3, column 2 (\"b\"): \"four\" is not a finite number; "),
        ("a,b\n1,2\n\n\n,4\n", true, "x.csv: line 5, column 1 (\"a\"): the cell is empty; "),
        ("a,b\r\n\r\n1,2\r\n\r\n3,x\r\n", true, "x.csv: line 5, column 2 (\"b\"): \"x\" "),
        ("\n\na,b\n\"1\",\"2\n\"\n3,x\n", true, "x.csv: line 6, column 2 (\"b\"): \"x\" "),
        ("a,b\r\n1,2\r\n3,x\r\n", true, "x.csv: line 3, column 2 (\"b\"): \"x\" "),
        ("a,b\n1,nan\n", true, "x.csv: line 2, column 2 (\"b\"): \"nan\" is not a finite number; "),
        ("a,b\n1,inf\n", true, "\"inf\" is not a finite number"),
        ("a,b\n1,1e999\n", true, "\"1e999\" is not a finite number"),
        ("a,a\n1,2\n", true, "x.csv: line 1, column 2: the name \"a\" appears twice; "),
        (
            "size,price\n1,2\n",
            false,
            "x.csv: line 1, column 1: \"size\" is not a finite number; correct it, or read",
        ),
        ("1,2\n3,0x10\n", false, "x.csv: line 2, column 2: \"0x10\" is not a finite number; fill"),
        ("a,b\n\"1,2\n3,4\n", true, "x.csv: line 2: 1 cells instead of 2"),
    ];
    for (text, header, want) in cases {
        match parse(text, b',', header) {
            Ok(table) => panic!("{text:?} read as {table:?}"),
            Err(error) => assert!(error.to_string().contains(want), "{text:?}: {error}"),
        }
    }
    let bytes = read_table_from(&b"a,b\n1,\xFF\n"[..], "x.csv", &TableOptions::default());
    assert!(bytes.is_err_and(|e| e.to_string().starts_with("x.csv: line 2, column 2")));
    let header = read_table_from(&b"a,\xFF\n1,2\n"[..], "x.csv", &TableOptions::default());
    assert!(header.is_err_and(|e| e.to_string().contains("not UTF-8")));
}

#[test]
fn files_are_read_and_named() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("t.csv");
    let missing = read_table(&path, &TableOptions::default()).map_err(|e| e.to_string());
    assert!(missing.is_err_and(|e| e.starts_with(&format!("{}: cannot open: ", path.display()))));
    std::fs::write(&path, "a\n1\n2\n")?;
    assert_eq!(read_table(&path, &TableOptions::default())?.to_tensor::<f32>().to_vec(), [1.0, 2.0]);
    assert!(read_table(folder.path(), &TableOptions::default()).is_err());
    Ok(())
}
