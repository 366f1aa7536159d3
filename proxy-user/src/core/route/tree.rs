//! The paths of one host: a tree of decoded path segments.

use std::borrow::Cow;
use std::collections::HashMap;

use super::Source;

/// A node: the routes that end here, and its children by segment.
#[derive(Debug)]
pub(super) struct Tree<T> {
    /// Sorted by source.
    here: Vec<(Source, T)>,
    next: HashMap<Box<str>, Tree<T>>,
}

impl<T> Default for Tree<T> {
    fn default() -> Tree<T> {
        Tree { here: Vec::new(), next: HashMap::new() }
    }
}

impl<T> Tree<T> {
    pub(super) fn insert(&mut self, path: &str, source: Source, value: T) -> Option<T> {
        let mut node = self;
        for segment in segments(prefix(path)) {
            node = node.next.entry(segment.into()).or_default();
        }
        match node.here.binary_search_by_key(&source, |(source, _)| *source) {
            Ok(at) => Some(std::mem::replace(&mut node.here[at].1, value)),
            Err(at) => {
                node.here.insert(at, (source, value));
                None
            }
        }
    }

    pub(super) fn remove(&mut self, path: &str, source: Source) -> Option<T> {
        self.remove_below(segments(prefix(path)), source)
    }

    /// Nodes that lead nowhere are removed with the last route below them.
    fn remove_below<'a>(
        &mut self,
        mut path: impl Iterator<Item = Cow<'a, str>>,
        source: Source,
    ) -> Option<T> {
        let Some(segment) = path.next() else {
            let at = self.here.binary_search_by_key(&source, |(source, _)| *source).ok()?;
            return Some(self.here.remove(at).1);
        };
        // A trait object, because generics would create a new type at every depth, without end.
        let path: &mut dyn Iterator<Item = Cow<'a, str>> = &mut path;
        let node = self.next.get_mut(&*segment)?;
        let removed = node.remove_below(path, source);
        if node.is_empty() {
            self.next.remove(&*segment);
        }
        removed
    }

    /// The value of the longest matching prefix.
    pub(super) fn find(&self, path: &str) -> Option<&T> {
        let (mut node, mut found) = (self, self.here.first());
        for segment in segments(path) {
            let Some(next) = node.next.get(&*segment) else { break };
            node = next;
            found = node.here.first().or(found);
        }
        found.map(|(_, value)| value)
    }

    /// The value for the segments `sure`, and all those that some of the segments after them lead to.
    pub(super) fn along(&self, sure: &[String], open: &[String]) -> (Option<&T>, Vec<&T>) {
        let (mut node, mut least, mut further) = (self, self.here.first(), Vec::new());
        for (at, segment) in sure.iter().chain(open).enumerate() {
            let Some(next) = node.next.get(&**segment) else { break };
            node = next;
            match node.here.first() {
                Some((_, value)) if at >= sure.len() => further.push(value),
                found => least = found.or(least),
            }
        }
        (least.map(|(_, value)| value), further)
    }

    /// Whether `test` holds for all values.
    pub(super) fn all(&self, test: &impl Fn(&T) -> bool) -> bool {
        let mut nodes = vec![self];
        while let Some(node) = nodes.pop() {
            if !node.here.first().is_none_or(|(_, value)| test(value)) {
                return false;
            }
            nodes.extend(node.next.values());
        }
        true
    }

    /// Whether there is a value for every path.
    pub(super) fn has_root(&self) -> bool {
        !self.here.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.here.is_empty() && self.next.is_empty()
    }
}

/// A route's path without its trailing slash.
fn prefix(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}

/// The segments of a path (RFC 3986 section 3.3), decoded one by one, so that `%2F` does not separate
/// segments. The root has none; a trailing slash is followed by an empty one.
fn segments(path: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let parts = (!path.is_empty()).then(|| path.split('/'));
    parts.into_iter().flatten().map(decode)
}

/// A percent-decoded segment. Invalid escapes are left as they are.
fn decode(segment: &str) -> Cow<'_, str> {
    if !segment.contains('%') {
        return segment.into();
    }
    let digit =
        |at: usize| segment.as_bytes().get(at).and_then(|byte| (*byte as char).to_digit(16));
    let (mut bytes, mut at) = (Vec::with_capacity(segment.len()), 0);
    while let Some(&byte) = segment.as_bytes().get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                // Two hexadecimal digits fit a byte.
                bytes.push(u8::try_from(high << 4 | low).unwrap_or_default());
                at += 3;
            }
            (b'%', ..) => return segment.into(),
            _ => {
                bytes.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(bytes).map_or(segment.into(), Cow::from)
}
