//! In which order children start: as the file has them, but each after those it comes after.

/// Why there is no order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cycle(pub(super) Vec<usize>);

/// The order, as places in `after`; `after[child]` are those that come before it. Children keep their places as far as
/// they can.
pub(super) fn order(after: &[Vec<usize>]) -> Result<Vec<usize>, Cycle> {
    let mut placed = vec![false; after.len()];
    let mut order = Vec::with_capacity(after.len());
    while order.len() < after.len() {
        let next =
            (0..after.len()).find(|&child| !placed[child] && after[child].iter().all(|&one| placed[one]));
        let Some(next) = next else { return Err(cycle(after, &placed)) };
        placed[next] = true;
        order.push(next);
    }
    Ok(order)
}

/// A cycle among those that could not be placed: each of them comes after another one of them.
fn cycle(after: &[Vec<usize>], placed: &[bool]) -> Cycle {
    let mut path: Vec<usize> = placed.iter().position(|placed| !placed).into_iter().collect();
    while let Some(&last) = path.last() {
        let Some(before) = after[last].iter().copied().find(|&one| !placed[one]) else { break };
        if let Some(start) = path.iter().position(|&seen| seen == before) {
            path.drain(..start);
            path.push(before);
            break;
        }
        path.push(before);
    }
    Cycle(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn children_keep_their_places_as_far_as_they_can() {
        assert_eq!(order(&[vec![], vec![], vec![]]), Ok(vec![0, 1, 2]));
        assert_eq!(order(&[vec![2], vec![], vec![]]), Ok(vec![1, 2, 0]));
        assert_eq!(order(&[vec![1, 2], vec![2], vec![]]), Ok(vec![2, 1, 0]));
        assert_eq!(order(&[]), Ok(vec![]));
    }

    #[test]
    fn a_cycle_is_told_as_a_way_round() {
        assert_eq!(order(&[vec![0]]), Err(Cycle(vec![0, 0])));
        assert_eq!(order(&[vec![1], vec![2], vec![1]]), Err(Cycle(vec![1, 2, 1])));
        assert_eq!(order(&[vec![], vec![0, 2], vec![1]]), Err(Cycle(vec![1, 2, 1])));
    }

    proptest! {
        #[test]
        fn each_comes_after_what_it_comes_after(
            edges in prop::collection::vec((0..12_usize, 0..12_usize), 0..30),
        ) {
            let mut after = vec![Vec::new(); 12];
            for (child, before) in edges {
                after[child].push(before);
            }
            match order(&after) {
                Ok(order) => {
                    let place = |child| order.iter().position(|&one| one == child).expect("all are placed");
                    for (child, before) in after.iter().enumerate() {
                        prop_assert!(before.iter().all(|&before| place(before) < place(child)));
                    }
                }
                Err(Cycle(path)) => {
                    prop_assert!(path.len() > 1 && path.first() == path.last());
                    prop_assert!(path.windows(2).all(|pair| after[pair[0]].contains(&pair[1])));
                }
            }
        }
    }
}
