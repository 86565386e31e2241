//! Records in text: tables, JSON lines, columns of tags, annotations.

use gradus_data::{
    Cell, ConllOptions, DataError, JsonLines, Table, TableOptions, TagScheme, conll_from_bytes, read_conll,
    read_jsonl_table, read_table, read_text, read_voc, table_from_jsonl, text_from_bytes, voc_from_bytes,
};
use serde_json::{Value, json};

use crate::{expected, file, refused};

/// A column against its values, null where one is missing.
#[track_caller]
fn agree(table: &Table, name: &str, want: &Value) {
    let column = table.column(name).unwrap();
    let got: Vec<Value> = (0..table.rows())
        .map(|row| match table.cell(row, column) {
            Cell::Missing => Value::Null,
            Cell::Number(value) => json!(value),
            Cell::Text(text) => json!(text),
        })
        .collect();
    assert_eq!(&json!(got), want, "{name}");
}

#[test]
fn tables_agree_with_pandas() -> Result<(), DataError> {
    let want = &expected()["table"];
    let table = read_table(file("table.csv"), &TableOptions::default())?;
    assert_eq!(&json!(table.header()), &want["names"]);
    let numbers = want["numbers"].as_object().unwrap();
    for (column, name) in table.header().iter().enumerate() {
        assert_eq!(table.is_text(column), !numbers.contains_key(name), "{name}");
    }
    numbers.iter().for_each(|(name, want)| agree(&table, name, want));
    agree(&table, "town", &want["towns"]);

    let want = &expected()["jsonl"];
    let table = read_jsonl_table(file("table.jsonl"))?;
    assert_eq!((table.header().join(" "), table.line(2)), ("size town new late".to_owned(), 4));
    want.as_object().unwrap().iter().for_each(|(name, want)| agree(&table, name, want));
    Ok(())
}

#[test]
fn json_lines_that_are_no_table_are_refused_with_their_line() {
    let sparse: String = (0..2000).map(|i| format!("{{\"{i}\":1}}\n")).collect();
    let deep = format!("{{\"a\":{}", "[".repeat(10_000));
    let cases = [
        (
            "{\"a\": 1}\n{\"a\": [1]}\n",
            "x.jsonl: line 2: \"a\" is a list, not a number, a text or a truth value; flatten",
        ),
        ("{\"a\": {}}", "x.jsonl: line 1: \"a\" is an object, not"),
        ("{\"a\": 1}\n[1]\n", "x.jsonl: line 2: invalid type: sequence, expected an object"),
        ("{\"a\": 1, \"a\": 2}", "the name \"a\" appears twice"),
        ("{\"a\": 1e999}", "x.jsonl: line 1, column 11: number out of range"),
        ("{\"a\": 1}\n\n{\"a\" 1}", "x.jsonl: line 3, column 6: expected `:`"),
        ("{\"a\": \"\u{1}\"}", "x.jsonl: line 1, column 8: control character"),
        ("\n\n", "x.jsonl: holds no records with names; "),
        (&sparse, "2000 lines with 2000 different names make 4000000 cells, more than 16 for each"),
        (&deep, "recursion limit exceeded"),
    ];
    for (text, want) in cases {
        let error = refused(table_from_jsonl(text.as_bytes(), "x.jsonl"));
        assert!(error.contains(want), "{want}: {error}");
    }
    let mut lines = JsonLines::<Vec<u8>, _>::new("[1, 2]\n[300]\n".as_bytes(), "x.jsonl");
    assert_eq!(lines.next().unwrap().unwrap(), (1, vec![1, 2]));
    let error = refused(lines.next().unwrap());
    assert!(error.contains("line 2, column 4: invalid value: integer `300`, expected u8"), "{error}");
    assert!(lines.next().is_none());
}

#[test]
fn columns_of_words_and_tags_are_read_and_checked() {
    let options = ConllOptions::default();
    let text = b"-DOCSTART- -X- O\n\n# NN O\nU.N. NNP I-ORG\nEkeus NNP B-ORG\n\n\t\n-DOCSTART-\na b\n";
    let sentences = conll_from_bytes(text, "x", &options).unwrap();
    let sizes: Vec<_> = sentences.iter().map(|s| (s.len(), s.columns(), s.document())).collect();
    assert_eq!(sizes, [(3, 3, 1), (1, 2, 2)]);
    assert_eq!((sentences[0].line(1), sentences[1].line(0)), (4, 9));
    assert_eq!(sentences[0].to_iob2(2).unwrap(), ["O", "B-ORG", "B-ORG"]);
    assert!(sentences[0].check_tags(2, TagScheme::Iob1).is_ok());
    let error = refused(sentences[1].column(2).map(drop));
    assert_eq!(
        error,
        "x: line 9: there is no column 3 in this sentence of 2; name a column that all sentences have"
    );
    let cases = [
        (
            "a O\nb B-X\nc I-Y\n",
            TagScheme::Iob2,
            "line 3, column 2: the tag \"I-Y\" continues nothing, \"B-X\" stands",
        ),
        ("a B-X\n", TagScheme::Iob1, "line 1, column 2: the tag \"B-X\" parts nothing, \"O\" stands"),
        ("a B-X\nb S-X\n", TagScheme::Iob2, "line 2, column 2: \"S-X\" is no tag; give O, B-TYPE or I-TYPE"),
        ("a B-\n", TagScheme::Iob2, "\"B-\" is no tag"),
    ];
    for (text, scheme, want) in cases {
        let sentences = conll_from_bytes(text.as_bytes(), "x", &options).unwrap();
        let error = refused(sentences[0].check_tags(1, scheme));
        assert!(error.contains(want), "{want}: {error}");
    }
    let error = refused(conll_from_bytes(b"a b\nc d e\n", "x", &options));
    assert!(error.starts_with("x: line 2: 3 columns instead of the sentence's 2; "), "{error}");
    let universal = ConllOptions { tabs: true, comments: true };
    let sentences = conll_from_bytes(b"# id = 1\n1\tNew York\n# inside\n2\t\n", "x", &universal).unwrap();
    assert_eq!(sentences[0].column(1).unwrap().collect::<Vec<_>>(), ["New York", ""]);
    assert!(refused(read_conll(file("no-such-file"), &options)).contains("cannot open"));
}

#[test]
fn annotations_agree_with_pythons_reader() -> Result<(), DataError> {
    let want = &expected()["voc"];
    let got = read_voc(file("voc.xml"))?;
    assert_eq!(
        json!([got.folder, got.filename, got.size]),
        json!([want["folder"], want["filename"], want["size"]])
    );
    let objects: Vec<Value> = got
        .objects
        .iter()
        .map(|object| {
            let flags = [object.truncated, object.occluded, object.difficult].map(u8::from);
            json!({"name": object.name, "pose": object.pose, "flags": flags, "bounds": object.bounds})
        })
        .collect();
    assert_eq!(&json!(objects), &want["objects"]);
    let error = refused(got.labels(&["dog".to_owned()], "voc.xml"));
    assert!(
        error.starts_with("voc.xml: the class \"dog d<\" is none of the 1 that are known; add it"),
        "{error}"
    );
    Ok(())
}

#[test]
fn annotations_that_are_wrong_are_refused_with_their_place() {
    let object = |inner: &str| format!("<annotation>\n<object>{inner}</object></annotation>");
    let sides = |[a, b, c, d]: [&str; 4]| {
        let bounds = format!("<xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax><ymax>{d}</ymax>");
        object(&format!("<name>n</name><bndbox>{bounds}</bndbox>"))
    };
    let bomb = "<!DOCTYPE a [<!ENTITY b \"bb\">]><annotation><folder>&b;</folder></annotation>".to_owned();
    let cases = [
        (
            sides(["1", "2", "x", "4"]),
            "x.xml: line 2: byte 78: xmax \"x\" is no finite number; correct the annotation",
        ),
        (sides(["1", "2", "nan", "4"]), "xmax \"nan\" is no finite number"),
        (sides(["5", "2", "3", "4"]), "the box of \"n\" is the wrong way round: 5, 2, 3, 4"),
        (object("<name>n</name>"), "the object \"n\" lacks a side of its box"),
        (object(""), "an object has no name"),
        (object("<name>a</name><name>b</name>"), "an object has two names"),
        (object("<difficult>2</difficult>"), "difficult is \"2\", not 0 or 1"),
        (
            "<annotation><size><width>-1</width></size></annotation>".to_owned(),
            "the width \"-1\" is no whole number",
        ),
        ("<annotation>".to_owned(), "the element \"annotation\" has no end"),
        ("<annotation/><annotation/>".to_owned(), "a second root element begins"),
        ("<html/>".to_owned(), "the root is \"html\", not annotation"),
        (String::new(), "there is no element <annotation>"),
        ("<annotation></object>".to_owned(), "is no sound XML"),
        (format!("<annotation>{}", "<a>".repeat(1000)), "the elements nest too deep"),
        (bomb, "the entity \"b\" is not known"),
    ];
    for (text, want) in cases {
        let error = refused(voc_from_bytes(text.as_bytes(), "x.xml"));
        assert!(error.starts_with("x.xml: line ") && error.contains(want), "{want}: {error}");
    }
}

#[test]
fn text_that_is_not_utf8_is_named_by_its_place() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("x.txt");
    std::fs::write(&path, b"\xEF\xBB\xBFa\nb\nc\xC3")?;
    let error = refused(read_text(&path));
    assert!(
        error.ends_with("line 3: the character at byte 8 of the file is cut off; save the file as UTF-8"),
        "{error}"
    );
    std::fs::write(&path, b"\xEF\xBB\xBFa\nb")?;
    assert_eq!(read_text(&path)?, "a\nb");
    assert!(refused(read_text(folder.path())).contains("is a folder; give a file"));
    let error = refused(text_from_bytes(b"a\n\n\xE9t\xE9", "x").map(str::to_owned));
    assert!(error.contains("line 3: byte 3 of the file (0xe9) is not UTF-8"), "{error}");
    Ok(())
}
