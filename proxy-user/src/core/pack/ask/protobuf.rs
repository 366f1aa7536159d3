//! A protobuf message as a rule asks of it: one field's value, and that no strange field stands
//! beside it. Walks the wire format (protobuf.dev, "Encoding") without knowing a schema.
//!
//! Every occurrence of the field must fit: which of them a parser takes is its own affair. Groups
//! (wire types 3 and 4) are in no message that is asked for, and do not fit.

/// Longest path to a field.
pub const MAX_PATH: usize = 8;

/// A message in which this holds.
#[derive(Clone, Debug)]
pub struct ProtobufAsk {
    /// Field numbers from the outside in; at least one.
    path: Box<[u32]>,
    /// The integer that the field is; `None` = it is there.
    value: Option<u64>,
    /// The other fields that the outermost message may have; `None` = any.
    others: Option<Box<[u32]>>,
    /// Paths to fields that must not be there, each as `path`.
    without: Box<[Box<[u32]>]>,
}

impl ProtobufAsk {
    /// A message whose field at `path`, of which [`MAX_PATH`] steps are looked at, is `value`, and
    /// which has no top-level fields but its first step and `others`, where those are given.
    #[must_use]
    pub fn new(mut path: Vec<u32>, value: Option<u64>, others: Option<Vec<u32>>) -> ProtobufAsk {
        path.truncate(MAX_PATH);
        let others = others.map(Into::into);
        ProtobufAsk { path: path.into(), value, others, without: Box::default() }
    }

    /// And that has none of the fields at these paths, of which [`MAX_PATH`] steps are looked at.
    #[must_use]
    pub fn without(mut self, paths: Vec<Box<[u32]>>) -> ProtobufAsk {
        self.without = paths.into_iter().filter(|path| !path.is_empty()).collect();
        self
    }

    /// Whether the whole of `bytes` is such a message.
    #[must_use]
    pub fn fits(&self, bytes: &[u8]) -> bool {
        let Some((&first, _)) = self.path.split_first() else { return false };
        if let Some(others) = &self.others {
            let known = |number: u32| number == first || others.contains(&number);
            let mut fields = Fields(bytes);
            if !fields.by_ref().all(|(number, _)| known(number)) {
                return false;
            }
        }
        self.holds(&self.path, bytes) && !self.without.iter().any(|path| has(path, bytes))
    }

    /// Recursion is as deep as the path is long.
    fn holds(&self, path: &[u32], bytes: &[u8]) -> bool {
        let Some((&step, deeper)) = path.split_first() else { return false };
        let mut fields = Fields(bytes);
        let mut found = false;
        for (number, value) in fields.by_ref() {
            if number != step {
                continue;
            }
            found = match value {
                Value::Bytes(inner) if !deeper.is_empty() => self.holds(deeper, inner),
                Value::Integer(value) if deeper.is_empty() => {
                    self.value.is_none_or(|wanted| wanted == value)
                }
                _ => deeper.is_empty() && self.value.is_none(),
            };
            if !found {
                return false;
            }
        }
        found && fields.0.is_empty()
    }
}

/// Whether any field stands at this path. What cannot be walked to its end may hide one.
fn has(path: &[u32], bytes: &[u8]) -> bool {
    let Some((&step, deeper)) = path.split_first() else { return true };
    let mut fields = Fields(bytes);
    let found =
        fields.by_ref().filter(|(number, _)| *number == step).any(|(_, value)| match value {
            Value::Bytes(inner) if !deeper.is_empty() => has(deeper, inner),
            _ => deeper.is_empty(),
        });
    found || !fields.0.is_empty()
}

/// A field's value as far as the wire tells.
enum Value<'a> {
    Integer(u64),
    Bytes(&'a [u8]),
    Fixed,
}

/// The fields of a message; what is left over where one is malformed stays in it.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = (u32, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (tag, rest) = varint(self.0)?;
        let number = u32::try_from(tag >> 3).ok().filter(|&number| number > 0)?;
        let (value, rest) = match tag & 7 {
            0 => varint(rest).map(|(value, rest)| (Value::Integer(value), rest))?,
            1 => (Value::Fixed, rest.get(8..)?),
            2 => {
                let (length, rest) = varint(rest)?;
                let (inner, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
                (Value::Bytes(inner), rest)
            }
            5 => (Value::Fixed, rest.get(4..)?),
            _ => return None,
        };
        self.0 = rest;
        Some((number, value))
    }
}

/// A base-128 integer and what follows it; at most ten bytes.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (index, &byte) in bytes.iter().enumerate().take(10) {
        let part = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit.
        if index == 9 && part > 1 {
            return None;
        }
        value |= part << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn streamlits_heartbeat_and_rerun() {
        let heartbeat = ProtobufAsk::new(vec![17], Some(1), Some(vec![13]));
        assert!(heartbeat.fits(&[0x88, 0x01, 0x01]));
        assert!(heartbeat.fits(&[0x6a, 0x01, b'x', 0x88, 0x01, 0x01]), "13 may stand beside it");
        assert!(!heartbeat.fits(&[0x88, 0x01, 0x00]));
        assert!(!heartbeat.fits(&[0x88, 0x01, 0x01, 0x5a, 0x00]), "11 may not");
        assert!(!heartbeat.fits(&[0x6a, 0x01, b'x']) && !heartbeat.fits(&[]));
        let timer = ProtobufAsk::new(vec![11, 6], Some(1), None);
        assert!(timer.fits(&[0x5a, 0x05, 0x0a, 0x01, b'q', 0x30, 0x01]));
        assert!(!timer.fits(&[0x5a, 0x03, 0x0a, 0x01, b'q']));
        assert!(!timer.fits(&[0x5a, 0x02, 0x30, 0x01, 0x5a, 0x02, 0x30, 0x00]), "not both");
        let any = ProtobufAsk::new(vec![11], None, None);
        assert!(any.fits(&[0x5a, 0x00]) && any.fits(&[0x58, 0x07]));
    }

    /// A list of widgets, of which one was pressed.
    #[test]
    fn what_must_not_be_there_is_looked_for_in_every_occurrence() {
        let ask = ProtobufAsk::new(vec![11], None, None)
            .without(vec![[11, 5].into(), [11, 2, 1, 2].into()]);
        let (slider, button) = ([0x0a, 3, 0x0a, 1, b'a'], [0x0a, 5, 0x0a, 1, b'b', 0x10, 1]);
        let rerun = |widgets: &[&[u8]]| {
            let widgets = widgets.concat();
            let state = [&[0x12, u8::try_from(widgets.len()).unwrap()], &widgets[..]].concat();
            [&[0x5a, u8::try_from(state.len()).unwrap()], &state[..]].concat()
        };
        assert!(ask.fits(&rerun(&[])) && ask.fits(&rerun(&[&slider, &slider])));
        assert!(!ask.fits(&rerun(&[&slider, &button])) && !ask.fits(&rerun(&[&button, &slider])));
        assert!(!ask.fits(&[0x5a, 0x03, 0x2a, 0x01, b'f']), "the other path");
        assert!(!ask.fits(&[0x5a, 0x02, 0x12, 0x05]), "malformed inside");
    }

    #[test]
    fn a_malformed_message_does_not_fit() {
        let ask = ProtobufAsk::new(vec![17], Some(1), None);
        for tail in [&[0x88][..], &[0x5a, 0x05, 1], &[0x0b], &[0x00, 0x00], &[0xff; 11], &[0x09, 1]]
        {
            assert!(!ask.fits(&[&[0x88, 0x01, 0x01], tail].concat()), "{tail:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_walked(bytes: Vec<u8>, path in prop::collection::vec(0_u32..40, 0..12)) {
            let without = vec![path.clone().into()];
            let ask = ProtobufAsk::new(path, None, Some(vec![1, 2])).without(without);
            prop_assert!(!ask.fits(&bytes), "it asks for what must not be there");
        }
    }
}
