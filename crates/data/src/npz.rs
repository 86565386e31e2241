//! NumPy's `.npz`, stored or compressed (feature `gz`): a zip file of `.npy` members. It must never know what the arrays mean.

use std::path::Path;

use gradus_tensor::AnyTensor;

use crate::error::{DataError, quoted};
use crate::npy::Header;
use crate::positioned::Positioned;
use crate::zip::{DAMAGED, Member, members};

/// An open `.npz` file: names first, arrays when asked for (NumPy: `numpy.load`).
///
/// ```
/// use gradus_data::Npz;
/// # let header = format!("{:117}\n", "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }");
/// # let npy = [b"\x93NUMPY\x01\x00\x76\x00", header.as_bytes(), &[7, 9]].concat();
/// # let mut crc = flate2::Crc::new();
/// # crc.update(&npy);
/// # let (crc, size) = (crc.sum().to_le_bytes(), (npy.len() as u32).to_le_bytes());
/// # let same = [&[0_u8; 6][..], &crc, &size, &size, &[5, 0, 0, 0]].concat();
/// # let local = [b"PK\x03\x04\x14\0\0\0", &same[..], b"a.npy", &npy].concat();
/// # let central = [b"PK\x01\x02\x14\0\x14\0\0\0", &same[..], &[0; 14], b"a.npy"].concat();
/// # let at = |x: usize| (x as u32).to_le_bytes();
/// # let end = [b"PK\x05\x06\0\0\0\0\x01\0\x01\0", &at(central.len())[..], &at(local.len()), &[0, 0]].concat();
/// # let bytes = [local, central, end].concat();
/// let arrays = Npz::from_bytes(&bytes, "arrays.npz")?; // numpy.savez(…, a=numpy.array([7, 9], "uint8"))
/// assert_eq!(arrays.names().collect::<Vec<_>>(), ["a"]);
/// assert_eq!(arrays.read("a")?.cast::<f32>().to_vec(), [7.0, 9.0]);
/// assert!(arrays.read("b").is_err() && Npz::open("no/such.npz").is_err());
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Npz {
    content: Positioned,
    members: Vec<Member>,
}

impl Npz {
    /// Opens a file and reads its directory.
    ///
    /// # Errors
    /// If the file cannot be read, is no zip file, or has members that are encrypted or compressed by another method than deflate.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, DataError> {
        Self::of(Positioned::open(path.as_ref())?)
    }

    /// [`Npz::open`] for bytes at hand; errors call them `name`.
    ///
    /// # Errors
    /// As [`Npz::open`].
    pub fn from_bytes(bytes: &[u8], name: &str) -> Result<Self, DataError> {
        Self::of(Positioned::of_bytes(bytes, name))
    }

    fn of(content: Positioned) -> Result<Self, DataError> {
        let members = members(&content)?;
        Ok(Self { content, members })
    }

    /// The arrays' names, in the order in which they were saved.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().filter_map(|member| member.name.strip_suffix(".npy"))
    }

    /// The array of that name, its numbers as [`read_npy`](crate::read_npy) reads them.
    ///
    /// # Errors
    /// If there is no such array, it is damaged, or its numbers take more than [`UNPACKED_LIMIT`](crate::UNPACKED_LIMIT) bytes.
    pub fn read(&self, name: &str) -> Result<AnyTensor, DataError> {
        let member = self.members.iter().find(|member| member.name.strip_suffix(".npy") == Some(name));
        let Some(member) = member else {
            const SHOWN: usize = 20;
            let names: Vec<String> = self.names().take(SHOWN).map(quoted).collect();
            let more = if self.names().count() > SHOWN { ", …" } else { "" };
            let what = format!("there is no array {}; it has {}{more}", quoted(name), names.join(", "));
            return Err(DataError::file(self.content.name(), what, "name one of these"));
        };
        let place = format!("{}: array {}", self.content.name(), quoted(name));
        let mut reader = member.open(&self.content)?;
        let (header, start) = Header::read_from(&mut reader, &place)?;
        let claimed = header.layout.bytes();
        if member.unpacked.checked_sub(start) != Some(claimed) {
            let there = member.unpacked.saturating_sub(start);
            let what = format!("its header claims {claimed} bytes of numbers, the directory {there}");
            return Err(DataError::file(&place, what, DAMAGED));
        }
        crate::gz::check_claim(claimed, member.packed, &place)?;
        let array = header.read(&mut reader, &place)?;
        member.check(reader).map_err(|what| DataError::file(&place, what, DAMAGED))?;
        Ok(array)
    }
}
