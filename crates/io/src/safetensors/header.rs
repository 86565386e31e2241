//! What a header claims, checked in full before anything is done with it: known types, shapes that fill their ranges
//! exactly, ranges that fill the data exactly. It must never read the data.

use std::collections::BTreeMap;

use gradus_tensor::{MAX_RANK, Shape};

use super::element::Element;
use super::json::Json;
use super::{DAMAGED, METADATA};
use crate::error::{Claimed, IoError, quoted};

/// One tensor: where its bytes lie and how they are read.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) element: Element,
    pub(super) shape: Shape,
    begin: u64,
    end: u64,
}

/// A checked header: the tensors in the order of their bytes, without gaps.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) entries: Vec<Entry>,
    pub(super) metadata: BTreeMap<String, String>,
}

impl Header {
    /// Checks `text` against `data`, the number of bytes behind the header.
    pub(super) fn parse(file: &str, text: &[u8], data: u64) -> Result<Self, IoError> {
        let wrong = |what: String| IoError::Format { file: file.to_owned(), what, mend: DAMAGED };
        if text.first() != Some(&b'{') {
            let mend = "only safetensors files can be read, give another file or convert this one";
            let what = "the header does not begin with {".to_owned();
            return Err(IoError::Format { file: file.to_owned(), what, mend });
        }
        let text = std::str::from_utf8(text)
            .map_err(|error| wrong(format!("the header is not UTF-8 at byte {}", 8 + error.valid_up_to())))?;
        let json = serde_json::from_str(text)
            .map_err(|error| wrong(format!("the header is not sound JSON: {error}")))?;
        let Json::Object(mut names) = json else {
            return Err(wrong(format!("the header is {}, not an object", json.kind())));
        };
        let metadata = match names.remove(METADATA) {
            None => BTreeMap::new(),
            Some(json) => texts(json).map_err(wrong)?,
        };
        let mut entries = Vec::with_capacity(names.len());
        for (name, json) in names {
            match Claim::of(json).and_then(|claim| claim.check(data)) {
                Ok((element, shape, [begin, end])) => {
                    entries.push(Entry { name, element, shape, begin, end });
                }
                Err(Flaw { what, mend }) => {
                    let (file, tensor) = (file.to_owned(), quoted(&name));
                    return Err(IoError::Tensor { file, tensor, what, mend });
                }
            }
        }
        entries.sort_by_key(|entry| (entry.begin, entry.end));
        check_cover(file, &entries, data)?;
        Ok(Self { entries, metadata })
    }
}

/// The map of texts.
fn texts(json: Json) -> Result<BTreeMap<String, String>, String> {
    let Json::Object(map) = json else {
        return Err(format!("{METADATA} is {}, not an object of texts", json.kind()));
    };
    let text = |(name, json): (String, Json)| match json {
        Json::Text(text) => Ok((name, text)),
        other => Err(format!("{METADATA} has {} under {}, not a text", other.kind(), quoted(&name))),
    };
    map.into_iter().map(text).collect()
}

/// What is wrong with one tensor, and the mend.
struct Flaw {
    what: String,
    mend: &'static str,
}

fn damaged(what: String) -> Flaw {
    Flaw { what, mend: DAMAGED }
}

/// One tensor's claims, well formed but not yet compared with anything.
struct Claim {
    element: Element,
    shape: Vec<u64>,
    range: [u64; 2],
}

impl Claim {
    fn of(json: Json) -> Result<Self, Flaw> {
        let Json::Object(mut fields) = json else {
            return Err(damaged(format!("its entry is {}, not an object", json.kind())));
        };
        let mut take =
            |name: &str| fields.remove(name).ok_or_else(|| damaged(format!("its entry has no {name}")));
        let (dtype, shape, range) = (take("dtype")?, take("shape")?, take("data_offsets")?);
        if let Some(name) = fields.keys().next() {
            return Err(damaged(format!("its entry has an unknown field {}", quoted(name))));
        }
        let Json::Text(dtype) = dtype else {
            return Err(damaged(format!("its dtype is {}, not a text", dtype.kind())));
        };
        let element = Element::named(&dtype).ok_or_else(|| {
            let what = format!("its dtype {} is not known", quoted(&dtype));
            Flaw { what, mend: Element::KNOWN }
        })?;
        let shape = numbers("shape", shape)?;
        let range = numbers("data_offsets", range)?;
        let range = <[u64; 2]>::try_from(range)
            .map_err(|range| damaged(format!("its data_offsets are {} numbers, not 2", range.len())))?;
        Ok(Self { element, shape, range })
    }

    /// The claims against each other and against the data.
    fn check(self, data: u64) -> Result<(Element, Shape, [u64; 2]), Flaw> {
        let Self { element, shape, range: [begin, end] } = self;
        let claimed = Claimed(&shape);
        if begin > end {
            return Err(damaged(format!("its data_offsets run backwards, from {begin} to {end}")));
        }
        if end > data {
            return Err(damaged(format!("its data_offsets end at byte {end} of only {data}")));
        }
        let dims = dims(&shape, element)
            .ok_or_else(|| damaged(format!("its shape {claimed} is more than memory can address")))?;
        let shape = Shape::new(&dims);
        let needed = shape.count() as u64 * element.size();
        if needed != end - begin {
            let has = end - begin;
            return Err(damaged(format!(
                "its shape {claimed} takes {needed} bytes but its data_offsets hold {has}"
            )));
        }
        Ok((element, shape, [begin, end]))
    }
}

/// The axis lengths, if they and their strides can be counted in bytes of 32 or 64 bits, empty axes counted as 1.
fn dims(shape: &[u64], element: Element) -> Option<Vec<usize>> {
    let bytes =
        shape.iter().try_fold(element.size().max(8), |product, &dim| product.checked_mul(dim.max(1)))?;
    isize::try_from(bytes).ok()?;
    shape.iter().map(|&dim| usize::try_from(dim).ok()).collect()
}

fn numbers(field: &str, json: Json) -> Result<Vec<u64>, Flaw> {
    let Json::Array(items) = json else {
        let what = format!("its {field} is {}, not an array of at most {MAX_RANK} numbers", json.kind());
        return Err(damaged(what));
    };
    let number = |item| match item {
        Json::Whole(number) => Ok(number),
        other => Err(damaged(format!("its {field} holds {}, not a whole number", other.kind()))),
    };
    items.into_iter().map(number).collect()
}

/// Sorted by their first byte, the ranges must follow one upon the other and end with the data.
fn check_cover(file: &str, entries: &[Entry], data: u64) -> Result<(), IoError> {
    let mut done = 0;
    let mut last = "";
    for Entry { name, begin, end, .. } in entries {
        let what = if *begin < done {
            format!("its bytes overlap with those of tensor {}", quoted(last))
        } else if *begin > done {
            format!("the {} bytes before it belong to no tensor", begin - done)
        } else {
            (done, last) = (*end, name);
            continue;
        };
        return Err(IoError::Tensor { file: file.to_owned(), tensor: quoted(name), what, mend: DAMAGED });
    }
    if done < data {
        let what = format!("the last {} bytes belong to no tensor", data - done);
        return Err(IoError::Format { file: file.to_owned(), what, mend: DAMAGED });
    }
    Ok(())
}
