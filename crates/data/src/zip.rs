//! The part of the zip format that `.npz` files use (feature `gz`): members stored or deflated, with 32- or 64-bit places, not
//! encrypted, in one piece. Every claim is held against the file's length before it is used. It must never know what members hold.
//!
//! Own code, for the crates of the whole format bring indexes, paths and random numbers along, and an error could not name the member.

use std::io::Read;

use crate::error::{DataError, quoted};
use crate::positioned::{Cursor, Positioned};

/// What each record begins with.
const LOCAL: [u8; 4] = *b"PK\x03\x04";
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
const END_64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR_64: [u8; 4] = *b"PK\x06\x07";
/// Lengths of the records without what varies.
const LOCAL_LENGTH: usize = 30;
const CENTRAL_LENGTH: usize = 46;
const END_LENGTH: usize = 22;
const END_64_LENGTH: usize = 56;
const LOCATOR_64_LENGTH: u64 = 20;
/// The longest comment behind the end record.
const LONGEST_COMMENT: u64 = 0xFFFF;
/// A 32-bit number that stands for one in the 64-bit extra field.
const IN_EXTRA: u64 = 0xFFFF_FFFF;
/// That field's kind.
const EXTRA_64: u16 = 1;
pub(crate) const DAMAGED: &str = "it is damaged or no .npz file: save it again with numpy.savez";

/// One member.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    deflated: bool,
    crc: u32,
    pub(crate) packed: u64,
    pub(crate) unpacked: u64,
    /// Where its local record begins.
    at: u64,
}

fn u16_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> u64 {
    u16_at(bytes, at) | u16_at(bytes, at + 2) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u32_at(bytes, at) | u32_at(bytes, at + 4) << 32
}

fn wrong(content: &Positioned, what: impl Into<String>) -> DataError {
    DataError::file(content.name(), what.into(), DAMAGED)
}

/// The members, in the order of the directory.
pub(crate) fn members(content: &Positioned) -> Result<Vec<Member>, DataError> {
    let (count, length, at) = directory(content)?;
    // INVARIANT of the casts below: within the file, and the directory is read in one piece.
    let end = at.checked_add(length).filter(|&end| end <= content.length());
    if end.is_none() || count.saturating_mul(CENTRAL_LENGTH as u64) > length {
        let file = content.length();
        let what = format!(
            "its end claims a directory of {count} members in {length} bytes from byte {at}, the file has {file}"
        );
        return Err(wrong(content, what));
    }
    let mut directory = vec![0; length as usize];
    content.read(at, &mut directory)?;
    let mut members = Vec::with_capacity(count as usize);
    let mut rest = &directory[..];
    for index in 0..count {
        let (member, length) = member(rest).map_err(|what| {
            let place = content.length().min(at + (directory.len() - rest.len()) as u64);
            wrong(content, format!("member {index} (from 0), listed at byte {place}, {what}"))
        })?;
        rest = &rest[length..];
        if member.packed > content.length() {
            let what = format!(
                "member {} claims {} bytes of {}",
                quoted(&member.name),
                member.packed,
                content.length()
            );
            return Err(wrong(content, what));
        }
        members.push(member);
    }
    Ok(members)
}

/// The directory's count of members, length and place, from the record at the end.
fn directory(content: &Positioned) -> Result<(u64, u64, u64), DataError> {
    let length = content.length();
    let tail = length.min(END_LENGTH as u64 + LONGEST_COMMENT);
    let mut bytes = vec![0; tail as usize];
    content.read(length - tail, &mut bytes)?;
    let is_end = |at: &usize| {
        bytes[*at..].starts_with(&END) && u16_at(&bytes, at + 20) as usize == bytes.len() - at - END_LENGTH
    };
    let place = (0..(bytes.len() + 1).saturating_sub(END_LENGTH)).rev().find(is_end);
    let place = place.ok_or_else(|| wrong(content, "has no end record: it is cut off or no zip file"))?;
    let end = &bytes[place..];
    if u16_at(end, 4) != 0 && u16_at(end, 4) != 0xFFFF {
        return Err(wrong(content, "is one part of several"));
    }
    let plain = (u16_at(end, 10), u32_at(end, 12), u32_at(end, 16));
    let locator_at = (length - tail + place as u64).checked_sub(LOCATOR_64_LENGTH);
    let Some(locator_at) = locator_at else { return Ok(plain) };
    let mut locator = [0; LOCATOR_64_LENGTH as usize];
    content.read(locator_at, &mut locator)?;
    if locator[..4] != LOCATOR_64 {
        return Ok(plain);
    }
    let at = u64_at(&locator, 8);
    if at.checked_add(END_64_LENGTH as u64).is_none_or(|end| end > length) {
        return Err(wrong(content, format!("its 64-bit end record would lie at byte {at} of {length}")));
    }
    let mut end = [0; END_64_LENGTH];
    content.read(at, &mut end)?;
    if end[..4] != END_64 {
        return Err(wrong(content, format!("has no 64-bit end record at byte {at}")));
    }
    Ok((u64_at(&end, 32), u64_at(&end, 40), u64_at(&end, 48)))
}

/// A member, and the length of its record at the front of `record`.
fn member(record: &[u8]) -> Result<(Member, usize), String> {
    if record.len() < CENTRAL_LENGTH || record[..4] != CENTRAL {
        return Err("has no record".to_owned());
    }
    let (name, extra, comment) = (u16_at(record, 28), u16_at(record, 30), u16_at(record, 32));
    let name_end = CENTRAL_LENGTH + name as usize;
    let extra_end = name_end + extra as usize;
    let end = extra_end + comment as usize;
    if end > record.len() {
        return Err("reaches beyond the directory".to_owned());
    }
    let name = String::from_utf8_lossy(&record[CENTRAL_LENGTH..name_end]).into_owned();
    let mut sizes = [u32_at(record, 24), u32_at(record, 20), u32_at(record, 42)];
    in_extra(&record[name_end..extra_end], &mut sizes)?;
    let [unpacked, packed, at] = sizes;
    if u16_at(record, 8) & 1 == 1 {
        return Err(format!("{} is encrypted", quoted(&name)));
    }
    let deflated = match u16_at(record, 10) {
        0 if packed != unpacked => return Err(format!("{} is stored but has two sizes", quoted(&name))),
        0 => false,
        8 => true,
        other => return Err(format!("{} is compressed by method {other}, not 0 or 8", quoted(&name))),
    };
    Ok((Member { name, deflated, crc: u32_at(record, 16) as u32, packed, unpacked, at }, end))
}

/// Fills in those sizes that stand in the 64-bit extra field.
fn in_extra(mut extra: &[u8], sizes: &mut [u64; 3]) -> Result<(), String> {
    if sizes.iter().all(|&size| size != IN_EXTRA) {
        return Ok(());
    }
    while extra.len() >= 4 {
        let (kind, length) = (u16_at(extra, 0), u16_at(extra, 2) as usize);
        let Some(mut field) = extra.get(4..4 + length) else { break };
        extra = &extra[4 + length..];
        if kind != u64::from(EXTRA_64) {
            continue;
        }
        for size in sizes.iter_mut().filter(|size| **size == IN_EXTRA) {
            if field.len() < 8 {
                return Err("has a 64-bit field that is too short".to_owned());
            }
            *size = u64_at(field, 0);
            field = &field[8..];
        }
        return Ok(());
    }
    // A file of exactly this size is possible in theory.
    Ok(())
}

impl Member {
    /// The member's bytes, unpacked.
    pub(crate) fn open<'a>(&self, content: &'a Positioned) -> Result<Unpacked<'a>, DataError> {
        let cut = || wrong(content, format!("member {} lies beyond the end of the file", quoted(&self.name)));
        let length = content.length();
        if self.at.checked_add(LOCAL_LENGTH as u64).is_none_or(|end| end > length) {
            return Err(cut());
        }
        let mut local = [0; LOCAL_LENGTH];
        content.read(self.at, &mut local)?;
        if local[..4] != LOCAL {
            let what = format!("member {} is not at byte {}", quoted(&self.name), self.at);
            return Err(wrong(content, what));
        }
        let start = self.at + LOCAL_LENGTH as u64 + u16_at(&local, 26) + u16_at(&local, 28);
        let end = start.checked_add(self.packed).filter(|&end| end <= length).ok_or_else(cut)?;
        let stored = content.reader(start, end);
        let bytes = if self.deflated {
            Bytes::Deflated(flate2::read::DeflateDecoder::new(stored))
        } else {
            Bytes::Stored(stored)
        };
        Ok(Unpacked { bytes, crc: flate2::Crc::new() })
    }

    /// Makes sure that nothing is left to read, and that what was read has the checksum of the directory.
    pub(crate) fn check(&self, mut read: Unpacked<'_>) -> Result<(), String> {
        match read.read(&mut [0]) {
            Ok(0) if read.crc.sum() == self.crc => Ok(()),
            Ok(0) => Err("has another checksum than its bytes".to_owned()),
            Ok(_) => Err(format!("holds more than the {} bytes that it claims", self.unpacked)),
            Err(cause) => Err(format!("ends in damaged bytes: {cause}")),
        }
    }
}

/// A member's bytes, one after another, and their checksum so far.
pub(crate) struct Unpacked<'a> {
    bytes: Bytes<'a>,
    crc: flate2::Crc,
}

enum Bytes<'a> {
    Stored(Cursor<'a>),
    Deflated(flate2::read::DeflateDecoder<Cursor<'a>>),
}

impl Read for Unpacked<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = match &mut self.bytes {
            Bytes::Stored(bytes) => bytes.read(out),
            Bytes::Deflated(bytes) => bytes.read(out),
        }?;
        self.crc.update(&out[..count]);
        Ok(count)
    }
}
