//! Random histories: nothing that must not be ever is, and in the end every pipe is somewhere again.

use super::world::{PIPES, Step, WORKERS, World};
use proptest::prelude::*;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let worker = 0..WORKERS;
    let pipe = 0..PIPES.len();
    let step = prop_oneof![
        6 => (1_u64..6_000).prop_map(Step::Pass),
        1 => (10_000_u64..40_000).prop_map(Step::Pass),
        4 => worker.clone().prop_map(Step::Open),
        6 => worker.clone().prop_map(Step::Renew),
        8 => worker.clone().prop_map(Step::Poll),
        8 => (worker.clone(), pipe.clone()).prop_map(|(worker, pipe)| Step::Write(worker, pipe)),
        2 => (worker.clone(), pipe.clone()).prop_map(|(worker, pipe)| Step::Level(worker, pipe)),
        3 => worker.clone().prop_map(Step::Release),
        2 => (worker.clone(), pipe).prop_map(|(worker, pipe)| Step::Checkpoint(worker, pipe)),
        40 => any::<usize>().prop_map(Step::Deliver),
        3 => any::<usize>().prop_map(Step::Lose),
        2 => (worker.clone(), prop::bool::weighted(0.3)).prop_map(|(worker, new)| Step::Restart(worker, new)),
        1 => Just(Step::StorageNodeEnds),
        2 => prop::bool::weighted(0.8).prop_map(Step::StorageNodeStarts),
        1 => (0_u8..16).prop_map(Step::Configure),
        2 => Just(Step::Configure(15)),
        1 => worker.clone().prop_map(Step::Leave),
        1 => (worker, any::<bool>()).prop_map(|(worker, drained)| Step::Drain(worker, drained)),
    ];
    prop::collection::vec(step, 1..300)
}

proptest! {
    // Half of the usual number, because a history is long; `PROPTEST_CASES` asks for more.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 2, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_pipe_ever_has_two_writers_and_every_pipe_comes_back(steps in steps(), last in 0..WORKERS) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        world.end(last);
    }
}
