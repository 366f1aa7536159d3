//! The middle of several figures: a disturbed round does not move it.

/// The quarter points: a quarter of the figures lie below the first, half below the second, a quarter
/// above the third.
pub(crate) fn quartiles(figures: impl IntoIterator<Item = f64>) -> [f64; 3] {
    let mut sorted: Vec<f64> = figures.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| sorted[(sorted.len() - 1) * quarter / 4])
}

/// The median; of an even number the lower one of the two.
pub(crate) fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    quartiles(figures)[1]
}
