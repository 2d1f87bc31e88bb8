//! Reads the fields of a GGUF file, none of them before it is known to be there.

use super::GgufError;

/// Reads little-endian fields one after another.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes have been read.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn truncated(&self, needed: u64, field: &str) -> GgufError {
        GgufError::Truncated { field: field.to_owned(), needed, left: self.left() as u64 }
    }

    /// Refuses `count` items of at least `least` bytes each where so many cannot follow.
    pub(super) fn check_count(&self, count: u64, least: u64, field: &str) -> Result<(), GgufError> {
        let needed = count.saturating_mul(least);
        if needed > self.left() as u64 { Err(self.truncated(needed, field)) } else { Ok(()) }
    }

    pub(super) fn take(&mut self, count: u64, field: &str) -> Result<&'a [u8], GgufError> {
        self.check_count(count, 1, field)?;
        let taken = &self.bytes[self.at..self.at + count as usize];
        self.at += count as usize;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self, field: &str) -> Result<[u8; N], GgufError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N as u64, field)?);
        Ok(array)
    }

    pub(super) fn u32(&mut self, field: &str) -> Result<u32, GgufError> {
        Ok(u32::from_le_bytes(self.array(field)?))
    }

    pub(super) fn u64(&mut self, field: &str) -> Result<u64, GgufError> {
        Ok(u64::from_le_bytes(self.array(field)?))
    }

    pub(super) fn string(&mut self, field: &str) -> Result<String, GgufError> {
        let length = self.u64(field)?;
        let bytes = self.take(length, field)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(GgufError::Utf8 { field: field.to_owned() }),
        }
    }

    pub(super) fn list<const N: usize, T>(
        &mut self,
        count: u64,
        field: &str,
        convert: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<T>, GgufError> {
        let bytes = self.take(count.saturating_mul(N as u64), field)?;
        Ok(bytes.as_chunks().0.iter().map(|chunk| convert(*chunk)).collect())
    }
}
