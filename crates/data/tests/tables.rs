//! Tables: what is read, and that errors name file, line and column.
#![cfg(feature = "csv")]

use gradus_data::{Cell, DataError, Table, TableOptions, read_table, read_table_from};

fn parse(text: &str, delimiter: u8, header: bool) -> Result<Table, DataError> {
    read_table_from(text.as_bytes(), "x.csv", &TableOptions { delimiter, header, ..TableOptions::default() })
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
        assert_eq!(table.to_tensor::<f64>()?.to_vec(), want, "{text:?}");
        let names: &[&str] = if header { &["a", "b"] } else { &[] };
        assert_eq!(table.header(), names, "{text:?}");
        assert_eq!(table.numbers(0)?, [1.0, 3e4, 7.0]);
    }
    Ok(())
}

#[test]
fn columns_are_found_and_taken() -> Result<(), DataError> {
    let table = parse("x,y,class\n1,2,0\n3,4,2\n", b',', true)?;
    assert_eq!(table.column("class")?, 2);
    assert_eq!(table.select::<f32>(&[1, 0])?.to_vec(), [2.0, 1.0, 4.0, 3.0]);
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
        ("a,b\n1,2\n\n\n,4\n", true, "x.csv: line 5, column 1 (\"a\"): the value is missing; "),
        ("a,b\r\n\r\n1,2\r\n\r\n3,x\r\n", true, "x.csv: line 5, column 2 (\"b\"): \"x\" "),
        ("\n\na,b\n\"1\",\"2\n\"\n3,x\n", true, "x.csv: line 6, column 2 (\"b\"): \"x\" "),
        ("a,b\r\n1,2\r\n3,x\r\n", true, "x.csv: line 3, column 2 (\"b\"): \"x\" "),
        ("a,b\n1,nan\n", true, "x.csv: line 2, column 2 (\"b\"): the value is missing; "),
        ("a,b\nx,1\n1,y\n", true, "x.csv: line 2, column 1 (\"a\"): \"x\" is not"),
        ("a,b\n1,y\nx,1\n", true, "x.csv: line 2, column 2 (\"b\"): \"y\" is not"),
        ("a,b\n1,\nx,1\n", true, "x.csv: line 2, column 2 (\"b\"): the value is missing"),
        ("a,b\n1,inf\n", true, "\"inf\" is not a finite number"),
        ("a,b\n1,1e999\n", true, "\"1e999\" is not a finite number"),
        ("a,a\n1,2\n", true, "x.csv: line 1, column 2: the name \"a\" appears twice; "),
        (
            "size,price\n1,2\n",
            false,
            "x.csv: line 1, column 1: \"size\" is not a finite number; correct it, or read",
        ),
        (
            "1,2\n3,0x10\n",
            false,
            "x.csv: line 2, column 2: \"0x10\" is not a finite number; correct it, take",
        ),
        ("a,b\n\"1,2\n3,4\n", true, "x.csv: line 2: 1 cells instead of 2"),
    ];
    for (text, header, want) in cases {
        match parse(text, b',', header).and_then(|table| table.to_tensor::<f64>()) {
            Ok(table) => panic!("{text:?} read as {table:?}"),
            Err(error) => assert!(error.to_string().contains(want), "{text:?}: {error}"),
        }
    }
    let bytes = read_table_from(&b"a,b\n1,\xFF\n"[..], "x.csv", &TableOptions::default());
    assert!(bytes.as_ref().is_err_and(|e| e.to_string().contains("is not UTF-8; save the file as UTF-8")));
    assert!(bytes.is_err_and(|e| e.to_string().starts_with("x.csv: line 2, column 2")));
    let header = read_table_from(&b"a,\xFF\n1,2\n"[..], "x.csv", &TableOptions::default());
    assert!(header.is_err_and(|e| e.to_string().contains("not UTF-8")));
}

#[test]
fn columns_are_typed_by_what_they_hold() -> Result<(), DataError> {
    let text = "n,town,gap,word,none\n 1 ,Ulm,,NA,\n-2e1,\"Bad Tölz, Ost\",NA,x7,\n3, Ulm ,4.5,,?\n";
    let table = parse(text, b',', true)?;
    let is_text: Vec<bool> = (0..5).map(|column| table.is_text(column)).collect();
    assert_eq!(is_text, [false, true, false, true, false]);
    assert_eq!(table.numbers(0)?, [1.0, -20.0, 3.0]);
    assert_eq!(table.cell(1, 1), Cell::Text("Bad Tölz, Ost"));
    let gap: Vec<Cell<'_>> = (0..3).map(|row| table.cell(row, 2)).collect();
    assert_eq!(gap, [Cell::Missing, Cell::Missing, Cell::Number(4.5)]);
    // `NA` is a word among words; the empty cell is missing everywhere.
    assert_eq!((table.cell(0, 3), table.cell(2, 3)), (Cell::Text("NA"), Cell::Missing));
    assert_eq!((0..5).map(|column| table.missing(column)).collect::<Vec<_>>(), [0, 0, 2, 1, 3]);
    assert!(table.select_or_nan::<f32>(&[1, 4]).to_vec().iter().all(|value| value.is_nan()));
    assert_eq!(table.select_or_nan::<f64>(&[2, 0]).to_vec()[4..], [4.5, 3.0]);
    assert_eq!((table.name(3), table.columns()), ("word".to_owned(), 5));
    Ok(())
}

#[test]
fn columns_may_be_declared_as_text() -> Result<(), DataError> {
    let read = |text: &[&str], header| {
        let text = text.iter().map(ToString::to_string).collect();
        let options = TableOptions { header, text, ..TableOptions::default() };
        read_table_from("zip,n\n01,2\n1,3\n".as_bytes(), "x.csv", &options)
    };
    let table = read(&["zip"], true)?;
    assert_eq!((table.cell(0, 0), table.cell(1, 0)), (Cell::Text("01"), Cell::Text("1")));
    let error = table.to_tensor::<f32>().map_err(|error| error.to_string());
    assert!(
        error.is_err_and(|e| e.starts_with("x.csv: column \"zip\" is read as text; take it out of the list"))
    );
    let error = read(&["zap"], true).map_err(|error| error.to_string());
    assert!(error.is_err_and(|e| e == "x.csv: there is no column \"zap\"; it has zip, n; name one of these"));
    assert!(read(&["2"], false)?.is_text(1));
    let error = read(&["3"], false).map_err(|error| error.to_string());
    assert!(error.is_err_and(|e| e.contains("no column \"3\"; it has no names but the numbers 1 to 2")));
    Ok(())
}

#[test]
fn categories_do_not_depend_on_the_order_of_rows() -> Result<(), DataError> {
    let table = parse("town,class\nUlm,10\nBonn,-0\n,2\nUlm,\nAu,2.5\n", b',', true)?;
    assert_eq!(table.categories(0), ["Au", "Bonn", "Ulm"]);
    assert_eq!(table.categories(1), ["0", "2", "2.5", "10"]);
    assert_eq!(table.encode(0, &table.categories(0))?.to_vec(), [2, 1, -1, 2, 0]);
    assert_eq!(table.encode(1, &table.categories(1))?.to_vec(), [3, 0, 1, -1, 2]);
    let part = table.take(&[3, 1]);
    assert_eq!((part.categories(0), part.line(0), part.rows()), (vec!["Bonn".into(), "Ulm".into()], 5, 2));
    let error = table.encode(0, &part.categories(0)).map_err(|error| error.to_string());
    let want = "x.csv: line 6, column 1 (\"town\"): \"Au\" is none of Bonn, Ulm; correct it, or fit the categories anew";
    assert_eq!(error, Err(want.to_owned()));
    assert!(
        table
            .complete(0)
            .is_err_and(|e| e.to_string().starts_with("x.csv: line 4, column 1 (\"town\"): the"))
    );
    assert!(part.complete(0).is_ok() && part.complete(1).is_err());
    assert!(
        table
            .labels(1)
            .is_err_and(|e| e.to_string().contains("line 5, column 2 (\"class\"): the value is missing"))
    );
    Ok(())
}

#[test]
fn files_are_read_and_named() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("t.csv");
    let missing = read_table(&path, &TableOptions::default()).map_err(|e| e.to_string());
    assert!(missing.is_err_and(|e| e.starts_with(&format!("{}: cannot open: ", path.display()))));
    std::fs::write(&path, "a\n1\n2\n")?;
    assert_eq!(read_table(&path, &TableOptions::default())?.to_tensor::<f32>()?.to_vec(), [1.0, 2.0]);
    assert!(read_table(folder.path(), &TableOptions::default()).is_err());
    Ok(())
}
