//! What the piles' sizes make of a wait, measured side by side.

use crate::piles::kind::Kind;
use crate::piles::pile::Pile;
use crate::quantile::median;

/// The piles are visited in turn that often.
const ROUNDS: usize = 21;

/// Waits at each visit before those that count. A thousand zombies fit into the cache that the million before them has
/// just filled; the small pile must not be charged for that.
const WARM_UP: usize = 2048;

/// Waits that count at each visit.
const WAITS: usize = 1024;

/// The cost of a wait from a hundred thousand to a million zombies, and from a thousand to a million.
const BARS: [f64; 2] = [1.5, 5.0];

/// Measures and prints, if no filter has left a pile out. The piles come in ascending size.
pub(crate) fn print(piles: &mut [Pile; 3]) {
    if !piles.iter().all(Pile::is_piled_up) {
        return;
    }
    let sizes = piles.each_ref().map(|pile| format!("{} zombies", pile.size()));
    println!(
        "one wait, beside {:>11} {:>18} {:>18}   {:>9} {:>9}",
        sizes[0], sizes[1], sizes[2], "1M/100k", "1M/1k"
    );
    for kind in Kind::ALL {
        // One list per pile, in nanoseconds per wait; the same place in each is the same round.
        let mut costs: [Vec<f64>; 3] = Default::default();
        for _ in 0..ROUNDS {
            for (pile, costs) in piles.iter_mut().zip(&mut costs) {
                pile.measure(kind, WARM_UP);
                costs.push(pile.measure(kind, WAITS).as_nanos() as f64 / WAITS as f64);
            }
        }
        let [small, middle, large] = &costs;
        let ratios = [ratio(large, middle), ratio(large, small)];
        let [small, middle, large] = costs.each_ref().map(|costs| format!("{:.0} ns", median(costs)));
        println!(
            "  by {:<12} {small:>12} {middle:>18} {large:>18}   {:>9.2} {:>9.2}",
            kind.name(),
            ratios[0],
            ratios[1]
        );
    }
    println!("  at most {:>59.2} {:>9.2}", BARS[0], BARS[1]);
}

/// The median of the rounds' ratios.
fn ratio(over: &[f64], under: &[f64]) -> f64 {
    median(&over.iter().zip(under).map(|(over, under)| over / under).collect::<Vec<_>>())
}
