//! Pascal-VOC annotations (feature `voc`): an XML file per image with its size and the boxes in it. It must never know pixels.

use std::path::Path;

use gradus_tensor::Tensor;
use quick_xml::Reader;
use quick_xml::events::Event;

use crate::error::{DataError, quoted};
use crate::text::{read_text, text_from_bytes};

/// The deepest nesting: VOC's parts of objects need 5.
const DEEPEST: usize = 32;
const MEND: &str = "correct the annotation";

/// What a file says about an image.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Annotation {
    /// The image's folder, as the file names it.
    pub folder: String,
    /// The image's file name.
    pub filename: String,
    /// Width, height and channels; 0 where the file does not tell.
    pub size: [usize; 3],
    /// Whether a segmentation exists.
    pub segmented: bool,
    /// The objects, in their order.
    pub objects: Vec<VocObject>,
}

/// One object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VocObject {
    /// Its class.
    pub name: String,
    /// From where it is seen; empty if the file does not tell.
    pub pose: String,
    /// Whether it reaches beyond its box.
    pub truncated: bool,
    /// Whether something hides a part of it.
    pub occluded: bool,
    /// Whether it does not count in the challenge.
    pub difficult: bool,
    /// xmin, ymin, xmax, ymax as the file says; VOC counts pixels from 1.
    pub bounds: [f64; 4],
}

/// Reads an annotation.
///
/// # Errors
/// If the file cannot be read, is not UTF-8 or no sound XML, or an object lacks its name or a side of its box, has one twice, or
/// sides that are no numbers or the wrong way round. Elements that are not known are passed over.
///
/// ```
/// let error = gradus_data::read_voc("no/such.xml").unwrap_err().to_string();
/// assert!(error.starts_with("no/such.xml: cannot open: "));
/// ```
pub fn read_voc(path: impl AsRef<Path>) -> Result<Annotation, DataError> {
    let text = read_text(path.as_ref())?;
    parse(&text, &path.as_ref().display().to_string())
}

/// [`read_voc`] for bytes at hand; errors call them `name`.
///
/// ```
/// use gradus_data::{Annotation, VocObject, voc_from_bytes};
/// let text = "<annotation><filename>a.jpg</filename><size><width>60</width><height>40</height></size>
///   <object><name>cat</name><difficult>1</difficult>
///     <bndbox><xmin>1</xmin><ymin>2.5</ymin><xmax>30</xmax><ymax>40</ymax></bndbox></object></annotation>";
/// let annotation: Annotation = voc_from_bytes(text.as_bytes(), "a.xml")?;
/// let VocObject { name, bounds, difficult, .. } = &annotation.objects[0];
/// assert_eq!((name.as_str(), bounds, difficult), ("cat", &[1.0, 2.5, 30.0, 40.0], &true));
/// assert_eq!(annotation.boxes().dims(), [1, 4]);
/// assert_eq!(annotation.labels(&["cat".to_owned()], "a.xml")?.to_vec(), [0]);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
///
/// # Errors
/// As [`read_voc`].
pub fn voc_from_bytes(bytes: &[u8], name: &str) -> Result<Annotation, DataError> {
    parse(text_from_bytes(bytes, name)?, name)
}

impl Annotation {
    /// The boxes `[N, 4]`: xmin, ymin, xmax, ymax.
    #[must_use]
    pub fn boxes(&self) -> Tensor<f32> {
        let sides: Vec<f32> =
            self.objects.iter().flat_map(|object| object.bounds.map(|side| side as f32)).collect();
        Tensor::new([self.objects.len(), 4], &sides)
    }

    /// Each object's place among the classes, `[N]`; errors call the file `name`.
    ///
    /// # Errors
    /// If a class is not among them.
    pub fn labels(&self, classes: &[String], name: &str) -> Result<Tensor<i64>, DataError> {
        let label = |object: &VocObject| {
            let place = classes.iter().position(|class| *class == object.name);
            place.map(|place| place as i64).ok_or_else(|| {
                let what = format!(
                    "the class {} is none of the {} that are known",
                    quoted(&object.name),
                    classes.len()
                );
                DataError::file(name, what, "add it to the classes, or correct the annotation")
            })
        };
        self.objects.iter().map(label).collect::<Result<Vec<i64>, _>>().map(Tensor::from)
    }
}

fn parse(text: &str, file: &str) -> Result<Annotation, DataError> {
    let mut parser = Parser { text, file, at: 0, annotation: Annotation::default(), object: None };
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut path: Vec<String> = Vec::new();
    let mut content = String::new();
    let mut roots = 0;
    loop {
        parser.at = reader.buffer_position();
        let event = reader.read_event();
        match event.map_err(|error| parser.wrong(format!("is no sound XML: {error}")))? {
            Event::Start(start) => {
                path.push(start.name().as_ref().to_owned());
                content.clear();
                roots += usize::from(path.len() == 1);
                if path.len() > DEEPEST || roots > 1 {
                    let what =
                        if roots > 1 { "a second root element begins" } else { "the elements nest too deep" };
                    return Err(parser.wrong(what.to_owned()));
                }
                parser.start(&path)?;
            }
            Event::End(_) => {
                parser.end(&path, content.trim())?;
                content.clear();
                path.pop();
            }
            Event::Text(text) => content.push_str(&text),
            Event::CData(text) => content.push_str(&text),
            Event::GeneralRef(name) => content.push(parser.reference(&name)?),
            Event::Eof => break,
            _ => {}
        }
    }
    match path.last() {
        Some(open) => Err(parser.wrong(format!("the element {} has no end", quoted(open)))),
        None if roots == 0 => Err(parser.wrong("there is no element <annotation>".to_owned())),
        None => Ok(parser.annotation),
    }
}

struct Parser<'a> {
    text: &'a str,
    file: &'a str,
    /// Where the present piece of XML begins.
    at: u64,
    annotation: Annotation,
    /// The object under way, and the sides of its box that were seen.
    object: Option<(VocObject, [Option<f64>; 4])>,
}

impl Parser<'_> {
    fn wrong(&self, what: String) -> DataError {
        let before = usize::try_from(self.at).ok().and_then(|at| self.text.as_bytes().get(..at));
        let before = before.unwrap_or(self.text.as_bytes());
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count() as u64;
        let what: String = what.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
        DataError::line(self.file, line, None, format!("byte {}: {what}", self.at), MEND)
    }

    /// The character that `&name;` stands for.
    fn reference(&self, name: &quick_xml::events::BytesRef<'_>) -> Result<char, DataError> {
        if let Ok(Some(letter)) = name.resolve_char_ref() {
            return Ok(letter);
        }
        let known = [("lt", '<'), ("gt", '>'), ("amp", '&'), ("apos", '\''), ("quot", '"')];
        let found = known.iter().find(|(known, _)| *known == &**name);
        found
            .map(|&(_, letter)| letter)
            .ok_or_else(|| self.wrong(format!("the entity {} is not known", quoted(name))))
    }

    fn start(&mut self, path: &[String]) -> Result<(), DataError> {
        match path.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["annotation"] => {}
            [root] => return Err(self.wrong(format!("the root is {}, not annotation", quoted(root)))),
            ["annotation", "object"] => self.object = Some(Default::default()),
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, path: &[String], text: &str) -> Result<(), DataError> {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match path.as_slice() {
            ["annotation", "folder"] => text.clone_into(&mut self.annotation.folder),
            ["annotation", "filename"] => text.clone_into(&mut self.annotation.filename),
            ["annotation", "segmented"] => self.annotation.segmented = self.truth("segmented", text)?,
            ["annotation", "size", side @ ("width" | "height" | "depth")] => {
                let place = ["width", "height", "depth"].iter().position(|name| name == side).unwrap_or(0);
                self.annotation.size[place] = text
                    .parse()
                    .map_err(|_| self.wrong(format!("the {side} {} is no whole number", quoted(text))))?;
            }
            ["annotation", "object"] => self.finish()?,
            ["annotation", "object", rest @ ..] => self.of_object(rest, text)?,
            _ => {}
        }
        Ok(())
    }

    /// An element within an object.
    fn of_object(&mut self, path: &[&str], text: &str) -> Result<(), DataError> {
        let truth = match path {
            ["truncated" | "occluded" | "difficult"] => self.truth(path[0], text)?,
            _ => false,
        };
        let side = match path {
            ["bndbox", name] => ["xmin", "ymin", "xmax", "ymax"].iter().position(|side| side == name),
            _ => None,
        };
        let value =
            match side {
                Some(_) => {
                    let value = text.parse::<f64>().ok().filter(|value| value.is_finite());
                    Some(value.ok_or_else(|| {
                        self.wrong(format!("{} {} is no finite number", path[1], quoted(text)))
                    })?)
                }
                None => None,
            };
        let Some((object, sides)) = &mut self.object else { return Ok(()) };
        match path {
            ["name"] if !object.name.is_empty() => {
                return Err(self.wrong("an object has two names".to_owned()));
            }
            ["name"] => text.clone_into(&mut object.name),
            ["pose"] => text.clone_into(&mut object.pose),
            ["truncated"] => object.truncated = truth,
            ["occluded"] => object.occluded = truth,
            ["difficult"] => object.difficult = truth,
            _ => {}
        }
        if let Some(side) = side
            && std::mem::replace(&mut sides[side], value).is_some()
        {
            return Err(self.wrong(format!("an object has two values {}", path[1])));
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), DataError> {
        let Some((mut object, sides)) = self.object.take() else { return Ok(()) };
        if object.name.is_empty() {
            return Err(self.wrong("an object has no name".to_owned()));
        }
        let [Some(x0), Some(y0), Some(x1), Some(y1)] = sides else {
            return Err(self.wrong(format!("the object {} lacks a side of its box", quoted(&object.name))));
        };
        if x0 > x1 || y0 > y1 {
            let what =
                format!("the box of {} is the wrong way round: {x0}, {y0}, {x1}, {y1}", quoted(&object.name));
            return Err(self.wrong(what));
        }
        object.bounds = [x0, y0, x1, y1];
        self.annotation.objects.push(object);
        Ok(())
    }

    fn truth(&self, name: &str, text: &str) -> Result<bool, DataError> {
        match text {
            "0" | "" => Ok(false),
            "1" => Ok(true),
            other => match other.to_ascii_lowercase().as_str() {
                "true" => Ok(true),
                "false" | "unspecified" => Ok(false),
                _ => Err(self.wrong(format!("{name} is {}, not 0 or 1", quoted(other)))),
            },
        }
    }
}
