//! Reading and writing of little-endian fields, with every length checked before it is used.

use half::f16;

use crate::PackError;

/// Reads fields one after another from the bytes of an object.
pub(crate) struct Reader<'a> {
    object: &'static str,
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(object: &'static str, bytes: &'a [u8]) -> Self {
        Self { object, bytes }
    }

    /// Reads the magic and the version that every object begins with.
    pub(crate) fn header(&mut self, magic: [u8; 4], version: u32) -> Result<(), PackError> {
        if self.array::<4>("magic")? != magic {
            return Err(PackError::Magic { object: self.object });
        }
        match self.u32("version")? {
            found if found == version => Ok(()),
            found => Err(PackError::Version { object: self.object, version: found }),
        }
    }

    pub(crate) fn take(&mut self, count: usize, field: &'static str) -> Result<&'a [u8], PackError> {
        let (head, rest) =
            self.bytes.split_at_checked(count).ok_or(PackError::Truncated { object: self.object, field })?;
        self.bytes = rest;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], PackError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, field)?);
        Ok(array)
    }

    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, PackError> {
        self.array(field).map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, PackError> {
        self.array(field).map(u32::from_le_bytes)
    }

    /// A finite 16-bit float.
    pub(crate) fn f16(&mut self, field: &'static str) -> Result<f16, PackError> {
        let value = f16::from_bits(self.u16(field)?);
        if value.is_finite() { Ok(value) } else { Err(self.not_finite(field)) }
    }

    /// A finite 32-bit float.
    pub(crate) fn f32(&mut self, field: &'static str) -> Result<f32, PackError> {
        let value = f32::from_bits(self.u32(field)?);
        if value.is_finite() { Ok(value) } else { Err(self.not_finite(field)) }
    }

    /// `count` finite 32-bit floats.
    pub(crate) fn f32s(&mut self, count: usize, field: &'static str) -> Result<Vec<f32>, PackError> {
        self.expect(count, 4, field)?;
        (0..count).map(|_| self.f32(field)).collect()
    }

    /// A text of `length` bytes.
    pub(crate) fn text(&mut self, length: usize, field: &'static str) -> Result<String, PackError> {
        match std::str::from_utf8(self.take(length, field)?) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(PackError::field(self.object, field, "is not UTF-8")),
        }
    }

    /// Fails unless `count` items of at least `size` bytes can follow, so that a false count allocates nothing.
    pub(crate) fn expect(&self, count: usize, size: usize, field: &'static str) -> Result<(), PackError> {
        match count.checked_mul(size) {
            Some(needed) if needed <= self.bytes.len() => Ok(()),
            _ => Err(PackError::Truncated { object: self.object, field }),
        }
    }

    /// Fails unless all bytes have been read.
    pub(crate) fn finish(&self) -> Result<(), PackError> {
        match self.bytes.len() {
            0 => Ok(()),
            count => Err(PackError::Trailing { object: self.object, count }),
        }
    }

    fn not_finite(&self, field: &'static str) -> PackError {
        PackError::field(self.object, field, "holds a number that is not finite")
    }
}

/// An array of finite 32-bit floats.
pub(crate) fn floats<const N: usize>(
    reader: &mut Reader<'_>,
    field: &'static str,
) -> Result<[f32; N], PackError> {
    let mut values = [0.0; N];
    for value in &mut values {
        *value = reader.f32(field)?;
    }
    Ok(values)
}

/// Writes fields one after another.
pub(crate) struct Writer {
    object: &'static str,
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn new(object: &'static str) -> Self {
        Self { object, bytes: Vec::new() }
    }

    pub(crate) fn header(&mut self, magic: [u8; 4], version: u32) {
        self.raw(&magic);
        self.u32(version);
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.raw(&value.to_le_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.raw(&value.to_le_bytes());
    }

    pub(crate) fn f16(&mut self, value: f16) {
        self.raw(&value.to_le_bytes());
    }

    pub(crate) fn f32(&mut self, value: f32) {
        self.raw(&value.to_le_bytes());
    }

    pub(crate) fn f32s(&mut self, values: &[f32]) {
        values.iter().for_each(|&value| self.f32(value));
    }

    /// A count as 16 bits.
    pub(crate) fn count16(&mut self, count: usize, field: &'static str) -> Result<(), PackError> {
        self.u16(self.fit(count, field)?);
        Ok(())
    }

    /// A count as 32 bits.
    pub(crate) fn count32(&mut self, count: usize, field: &'static str) -> Result<(), PackError> {
        self.u32(self.fit(count, field)?);
        Ok(())
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }

    fn fit<T: TryFrom<usize>>(&self, count: usize, field: &'static str) -> Result<T, PackError> {
        T::try_from(count)
            .map_err(|_| PackError::field(self.object, field, format!("has {count} items: too many")))
    }
}
