//! Quantiles: on a machine shared with others a mean says what the others did.

/// The value below which the share `q` (0 to 1) of the values lies, between neighbours in proportion.
///
/// # Panics
/// If there is no value.
pub(crate) fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1).expect("a quantile of at least one value");
    let place = q * last as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * place.fract()
}

/// The value in the middle.
///
/// # Panics
/// If there is no value.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}
