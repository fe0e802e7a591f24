//! Where the fields of an event lie: its `format` file, which the kernel keeps for every tracepoint.

use std::path::Path;

/// A field's place in a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field {
    pub offset: usize,
    pub size: usize,
}

impl Field {
    /// An unsigned number of 1, 2, 4 or 8 bytes, in the machine's order.
    pub fn number(self, record: &[u8]) -> Option<u64> {
        let bytes = self.bytes(record)?;
        match self.size {
            1 => bytes.first().map(|&byte| u64::from(byte)),
            2 => Some(u64::from(u16::from_ne_bytes(bytes.try_into().ok()?))),
            4 => Some(u64::from(u32::from_ne_bytes(bytes.try_into().ok()?))),
            8 => Some(u64::from_ne_bytes(bytes.try_into().ok()?)),
            _ => None,
        }
    }

    /// As it stands.
    pub fn bytes(self, record: &[u8]) -> Option<&[u8]> {
        record.get(self.offset..self.offset.checked_add(self.size)?)
    }
}

/// One event.
#[derive(Clone, Debug)]
pub struct Format {
    pub id: u64,
    fields: Vec<(String, Field)>,
}

impl Format {
    /// Of an event's directory.
    pub fn read(directory: &Path) -> Result<Format, std::io::Error> {
        let text = std::fs::read_to_string(directory.join("format"))?;
        Format::parse(&text).ok_or_else(|| std::io::Error::other("its format is not understood"))
    }

    fn parse(text: &str) -> Option<Format> {
        let id = text.lines().find_map(|line| line.strip_prefix("ID:"))?.trim().parse().ok()?;
        let mut fields = Vec::new();
        for line in text.lines().filter_map(|line| line.trim().strip_prefix("field:")) {
            // `unsigned char saddr[4];	offset:32;	size:4;	signed:0;`
            let mut parts = line.split(';').map(str::trim);
            let name = parts.next()?.rsplit(|c: char| c.is_whitespace() || c == '*').next()?;
            let name = name.split('[').next()?.to_owned();
            let mut number = |key: &str| parts.next()?.strip_prefix(key)?.parse().ok();
            fields.push((name, Field { offset: number("offset:")?, size: number("size:")? }));
        }
        Some(Format { id, fields })
    }

    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<Field> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, field)| *field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_name_whatever_their_type() {
        let text = "name: x\nID: 2287\nformat:\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n\
                    \tfield:const void * skaddr;\toffset:8;\tsize:8;\tsigned:0;\n\
                    \tfield:__u8 saddr[4];\toffset:32;\tsize:4;\tsigned:0;\n\nprint fmt: \"\"\n";
        let format = Format::parse(text).expect("a format");
        assert_eq!(format.id, 2287);
        assert_eq!(format.field("skaddr"), Some(Field { offset: 8, size: 8 }));
        assert_eq!(format.field("saddr"), Some(Field { offset: 32, size: 4 }));
        assert_eq!(format.field("absent"), None);
        assert_eq!(Field { offset: 6, size: 8 }.number(&[0; 8]), None);
    }
}
