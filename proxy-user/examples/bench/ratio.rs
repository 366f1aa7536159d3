//! A ratio that was measured several times, and how far it can be trusted.

use crate::median::median;

/// The probability with which the true median may lie outside the spread.
const DOUBT: f64 = 0.02;

/// With fewer ratios than these the spread is no such interval.
pub(crate) const FEWEST: usize = 7;

/// The median of some ratios, and the interval that holds the true median with 98 % confidence; with fewer
/// than [`FEWEST`] ratios, which do not allow that, the least and the greatest of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ratio {
    pub(crate) low: f64,
    pub(crate) middle: f64,
    pub(crate) high: f64,
}

impl Ratio {
    /// Of each pair, the second to the first. There is at least one pair.
    pub(crate) fn of(pairs: &[[f64; 2]]) -> Ratio {
        let mut ratios: Vec<f64> = pairs.iter().map(|[old, new]| new / old).collect();
        ratios.sort_by(f64::total_cmp);
        let outside = outside(ratios.len());
        Ratio {
            low: ratios[outside],
            middle: median(ratios.iter().copied()),
            high: ratios[ratios.len() - 1 - outside],
        }
    }
}

/// How many of the sorted figures may be left out on each side. Each lies below the true median with
/// probability one half, so how many do is binomial, whatever the figures' own distribution.
fn outside(count: usize) -> usize {
    let (mut least, mut below) = (0.5_f64.powi(i32::try_from(count).unwrap()), 0.0);
    for dropped in 0..count {
        below += least;
        if 2.0 * below > DOUBT {
            return dropped.saturating_sub(1);
        }
        least *= (count - dropped) as f64 / (dropped + 1) as f64;
    }
    0
}
