//! Protobuf's wire format, as much of it as event files need: variable-length integers, fixed floats, lengths. Writing
//! only, so a schema compiler would bring more crates than this has functions. It must never know what a field means.

/// A message in the making; fields are to be added in the order of their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Message(Vec<u8>);

/// How a field's value is laid out.
#[derive(Clone, Copy)]
enum Wire {
    Varint = 0,
    Fixed64 = 1,
    Length = 2,
    Fixed32 = 5,
}

impl Message {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn key(&mut self, field: u32, wire: Wire) {
        self.varint(u64::from(field << 3 | wire as u32));
    }

    /// A whole number; 0 is what a reader takes for granted and is left out.
    pub(super) fn whole(mut self, field: u32, value: u64) -> Self {
        if value != 0 {
            self.key(field, Wire::Varint);
            self.varint(value);
        }
        self
    }

    /// A double of a field that knows no absence; 0 is left out.
    pub(super) fn double(self, field: u32, value: f64) -> Self {
        if value.to_bits() == 0 { self } else { self.chosen_double(field, value) }
    }

    /// A double that tells by being there that it was chosen (a member of a `oneof`).
    pub(super) fn chosen_double(mut self, field: u32, value: f64) -> Self {
        self.key(field, Wire::Fixed64);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// A float that tells by being there that it was chosen.
    pub(super) fn chosen_float(mut self, field: u32, value: f32) -> Self {
        self.key(field, Wire::Fixed32);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// A truth value that tells by being there that it was chosen.
    pub(super) fn chosen_truth(mut self, field: u32, value: bool) -> Self {
        self.key(field, Wire::Varint);
        self.varint(value.into());
        self
    }

    /// Bytes, also none.
    pub(super) fn bytes(mut self, field: u32, bytes: &[u8]) -> Self {
        self.key(field, Wire::Length);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
        self
    }

    /// A text, also an empty one.
    pub(super) fn text(self, field: u32, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    /// A message within this one.
    pub(super) fn message(self, field: u32, inner: &Message) -> Self {
        self.bytes(field, &inner.0)
    }

    /// A list of doubles, packed; an empty one is left out.
    pub(super) fn doubles(self, field: u32, values: &[f64]) -> Self {
        if values.is_empty() {
            return self;
        }
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.bytes(field, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_format_s_description() {
        // From "Encoding" of protobuf's documentation: field 1 = 150; field 2 = "testing".
        assert_eq!(Message::new().whole(1, 150).into_bytes(), [0x08, 0x96, 0x01]);
        assert_eq!(Message::new().text(2, "testing").into_bytes(), b"\x12\x07testing");
        let inner = Message::new().whole(1, 150);
        assert_eq!(Message::new().message(3, &inner).into_bytes(), [0x1a, 0x03, 0x08, 0x96, 0x01]);
    }

    #[test]
    fn zero_is_left_out_only_where_it_goes_without_saying() {
        assert!(Message::new().whole(1, 0).double(2, 0.0).doubles(3, &[]).into_bytes().is_empty());
        assert_eq!(Message::new().chosen_float(2, 0.0).into_bytes(), [0x15, 0, 0, 0, 0]);
        assert_eq!(Message::new().double(1, -0.0).into_bytes().len(), 9);
        assert_eq!(Message::new().text(1, "").into_bytes(), [0x0a, 0]);
        let widest = Message::new().whole(1, u64::MAX).into_bytes();
        assert_eq!((widest.len(), widest.last()), (11, Some(&1)));
    }
}
