//! Values that exist as long as somebody holds them: what several requests have in common.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Deref;
use std::sync::Arc;

use parking_lot::Mutex;

/// The values, with how many hold them.
type Values<K, V> = Arc<Mutex<HashMap<K, (usize, Arc<V>)>>>;

/// All values that somebody holds.
#[derive(Debug)]
pub(super) struct Shared<K, V>(Values<K, V>);

impl<K, V> Default for Shared<K, V> {
    fn default() -> Shared<K, V> {
        Shared(Arc::default())
    }
}

impl<K: Eq + Hash + Clone, V> Shared<K, V> {
    /// The value that others hold under this key, or a new one.
    pub(super) fn hold(&self, key: K, new: impl FnOnce() -> V) -> Held<K, V> {
        let mut values = self.0.lock();
        let (holders, value) = values.entry(key.clone()).or_insert_with(|| (0, Arc::new(new())));
        *holders += 1;
        Held { values: Arc::clone(&self.0), key, value: Arc::clone(value) }
    }
}

/// A value that is held.
#[derive(Debug)]
pub(super) struct Held<K: Eq + Hash, V> {
    values: Values<K, V>,
    key: K,
    value: Arc<V>,
}

impl<K: Eq + Hash, V> Deref for Held<K, V> {
    type Target = V;

    fn deref(&self) -> &V {
        &self.value
    }
}

impl<K: Eq + Hash, V> Drop for Held<K, V> {
    fn drop(&mut self) {
        let mut values = self.values.lock();
        if let Some((holders, _)) = values.get_mut(&self.key) {
            *holders -= 1;
            if *holders == 0 {
                values.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_lasts_until_nobody_holds_it() {
        let shared = Shared::default();
        let one = shared.hold("a", || 1);
        let same = shared.hold("a", || 2);
        assert_eq!((*one, *same, *shared.hold("b", || 3)), (1, 1, 3));
        drop(one);
        assert_eq!(*shared.hold("a", || 4), 1);
        drop(same);
        assert!(shared.0.lock().is_empty());
        assert_eq!(*shared.hold("a", || 5), 5);
    }
}
