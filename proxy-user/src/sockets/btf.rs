//! Finds the offsets of structure members in a kernel's BTF (Documentation/bpf/btf.rst).
//!
//! Pure: bytes in, offsets out. The bytes come from the kernel, but every length is checked: a truncated file
//! or a newer format is an error, never a panic.

/// Why a member's offset was not found.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum Error {
    /// Not BTF in this machine's byte order, or a later version of it.
    #[error("not BTF version 1")]
    Header,
    /// A section or type extends past the end.
    #[error("BTF is truncated")]
    Short,
    /// A kind of type whose length is unknown.
    #[error("BTF type of unknown kind {0}")]
    Kind(u32),
    /// No structure with this name has all the members.
    #[error("BTF has no structure with these members")]
    Missing,
}

const MAGIC: u16 = 0xeb9f;
const STRUCT: u32 = 4;

/// The byte offsets of `members` in the first structure called `name` that has all of them as direct members.
///
/// # Errors
/// See [`Error`].
pub(super) fn offsets<const N: usize>(
    btf: &[u8],
    name: &str,
    members: [&str; N],
) -> Result<[u32; N], Error> {
    let magic = btf.first_chunk().map(|bytes| u16::from_ne_bytes(*bytes));
    if magic != Some(MAGIC) || btf.get(2) != Some(&1) {
        return Err(Error::Header);
    }
    let header = word(btf, 4)?;
    let section = |at: usize| -> Result<&[u8], Error> {
        let start = header.checked_add(word(btf, at)?).ok_or(Error::Short)?;
        let end = start.checked_add(word(btf, at + 4)?).ok_or(Error::Short)?;
        btf.get(start as usize..end as usize).ok_or(Error::Short)
    };
    let (types, strings) = (section(8)?, section(16)?);

    let mut at = 0;
    while at < types.len() {
        // struct btf_type: name_off, info (vlen 0-15, kind 24-28, kind_flag 31), size or type.
        let (name_at, info) = (word(types, at)?, word(types, at + 4)?);
        let (count, kind) = ((info & 0xffff) as usize, info >> 24 & 0x1f);
        let body = at + 12;
        at = body + body_length(kind, count)?;
        if kind == STRUCT && text(strings, name_at) == Some(name.as_bytes()) {
            let fields = types.get(body..at).ok_or(Error::Short)?;
            let bitfields = info >> 31 != 0;
            let found = members.map(|member| member_offset(fields, strings, member, bitfields));
            if found.iter().all(Option::is_some) {
                return Ok(found.map(Option::unwrap_or_default));
            }
        }
    }
    Err(Error::Missing)
}

/// How many bytes follow the first twelve of a type.
fn body_length(kind: u32, count: usize) -> Result<usize, Error> {
    Ok(match kind {
        // PTR, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT, FUNC, FLOAT, TYPE_TAG
        2 | 7..=12 | 16 | 18 => 0,
        // INT, VAR, DECL_TAG
        1 | 14 | 17 => 4,
        // ARRAY
        3 => 12,
        // ENUM, FUNC_PROTO
        6 | 13 => count * 8,
        // STRUCT, UNION, DATASEC, ENUM64
        4 | 5 | 15 | 19 => count * 12,
        _ => return Err(Error::Kind(kind)),
    })
}

/// The offset in bytes of a member among `fields` (struct btf_member: name_off, type, offset in bits).
fn member_offset(fields: &[u8], strings: &[u8], name: &str, bitfields: bool) -> Option<u32> {
    fields.chunks_exact(12).find_map(|field| {
        if text(strings, word(field, 0).ok()?)? != name.as_bytes() {
            return None;
        }
        let offset = word(field, 8).ok()?;
        let (bits, size) = if bitfields { (offset & 0xff_ffff, offset >> 24) } else { (offset, 0) };
        (size == 0 && bits % 8 == 0).then_some(bits / 8)
    })
}

fn word(bytes: &[u8], at: usize) -> Result<u32, Error> {
    let word = bytes.get(at..).and_then(|rest| rest.first_chunk()).ok_or(Error::Short)?;
    Ok(u32::from_ne_bytes(*word))
}

/// The string from `at` to the next zero byte.
fn text(strings: &[u8], at: u32) -> Option<&[u8]> {
    strings.get(at as usize..)?.split(|byte| *byte == 0).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An int, then `struct tcp_sock { …; write_seq at bit 128; snd_wnd at bit 160 }`.
    fn example() -> Vec<u8> {
        let strings = b"\0int\0tcp_sock\0write_seq\0snd_wnd\0";
        let types: Vec<u32> = vec![
            1,
            1 << 24,
            4,
            32, // int, with the word that describes its bits
            5,
            4 << 24 | 2,
            32, // struct with two members
            14,
            1,
            128, //
            24,
            1,
            160,
        ];
        let type_length = u32::try_from(types.len() * 4).unwrap();
        let string_length = u32::try_from(strings.len()).unwrap();
        let mut btf = Vec::new();
        btf.extend(MAGIC.to_ne_bytes());
        btf.extend([1, 0]);
        for word in [24, 0, type_length, type_length, string_length].into_iter().chain(types) {
            btf.extend(word.to_ne_bytes());
        }
        btf.extend(strings);
        btf
    }

    #[test]
    fn finds_members_by_name() {
        assert_eq!(offsets(&example(), "tcp_sock", ["write_seq", "snd_wnd"]), Ok([16, 20]));
        assert_eq!(offsets(&example(), "tcp_sock", ["snd_una"]), Err(Error::Missing));
        assert_eq!(offsets(&example(), "sock", ["snd_wnd"]), Err(Error::Missing));
    }

    #[test]
    fn every_cut_is_an_error_and_no_panic() {
        let whole = example();
        for length in 0..whole.len() {
            assert!(offsets(&whole[..length], "tcp_sock", ["write_seq", "snd_wnd"]).is_err());
        }
    }

    #[test]
    fn every_flipped_byte_is_survived() {
        let whole = example();
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut broken = whole.clone();
                broken[at] ^= 1 << bit;
                let _ = offsets(&broken, "tcp_sock", ["write_seq", "snd_wnd"]);
            }
        }
    }
}
