//! What happens to the tree and to the model, drawn at random.

use proptest::prelude::*;

use super::model::{Selected, Wish};
use crate::signal::Disposition;

#[derive(Clone, Debug)]
pub(super) enum Step {
    Spawn { parent: usize, alternative: bool, held: bool, new_group: bool },
    Die { who: usize, code: i32 },
    Wait { who: usize, wish: Wish, target: usize },
    Event { who: usize, stopped: bool },
    Regroup { caller: usize, target: usize, group: usize },
    Ignore { who: usize, how: Disposition },
    Subreaper { who: usize, on: bool },
    Release { who: usize },
    Attach { tracer: usize, target: usize },
    Detach { who: usize },
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let who = 0_usize..64;
    let disposition =
        prop_oneof![Just(Disposition::Default), Just(Disposition::Ignore), Just(Disposition::NoChildWait)];
    let wish = (0..3_u8, any::<[bool; 6]>()).prop_map(
        |(who, [alternative, all_classes, no_zombie, stopped, continued, take])| {
            let who = match who {
                0 => Selected::Any,
                1 => Selected::Pid(0),
                _ => Selected::Group(0),
            };
            Wish { who, alternative, all_classes, no_zombie, stopped, continued, take }
        },
    );
    prop_oneof![
        6 => (who.clone(), any::<bool>(), prop::bool::weighted(0.2), prop::bool::weighted(0.3))
            .prop_map(|(parent, alternative, held, new_group)| Step::Spawn { parent, alternative, held, new_group }),
        4 => (who.clone(), 0..16_i32).prop_map(|(who, code)| Step::Die { who, code }),
        6 => (who.clone(), wish, who.clone()).prop_map(|(who, wish, target)| Step::Wait { who, wish, target }),
        2 => (who.clone(), any::<bool>()).prop_map(|(who, stopped)| Step::Event { who, stopped }),
        2 => (who.clone(), who.clone(), who.clone())
            .prop_map(|(caller, target, group)| Step::Regroup { caller, target, group }),
        1 => (who.clone(), disposition).prop_map(|(who, how)| Step::Ignore { who, how }),
        1 => (who.clone(), any::<bool>()).prop_map(|(who, on)| Step::Subreaper { who, on }),
        1 => who.clone().prop_map(|who| Step::Release { who }),
        3 => (who.clone(), who.clone()).prop_map(|(tracer, target)| Step::Attach { tracer, target }),
        1 => who.prop_map(|who| Step::Detach { who }),
    ]
}
