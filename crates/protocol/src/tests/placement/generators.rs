//! Any value of any type of placement.

use crate::tests::generators::text;
use crate::*;
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use std::time::Duration;

/// Names are not empty.
fn name() -> impl Strategy<Value = String> {
    ".{1,12}"
}

fn worker() -> impl Strategy<Value = WorkerId> {
    name().prop_map(WorkerId)
}

fn epoch() -> impl Strategy<Value = Epoch> {
    any::<u64>().prop_map(Epoch::from_number)
}

fn incarnation() -> impl Strategy<Value = Incarnation> {
    (0u32..1 << Incarnation::BITS).prop_map(|number| Incarnation::new(number).unwrap())
}

fn checkpoint() -> impl Strategy<Value = Checkpoint> {
    any::<(u64, u32)>().prop_map(|(number, format)| Checkpoint { number, format })
}

pub(super) fn open_session() -> impl Strategy<Value = OpenSession> {
    let range = any::<[u32; 2]>().prop_map(|[a, b]| FormatRange {
        oldest: a.min(b),
        newest: a.max(b),
    });
    let one = || of(range.clone());
    let formats =
        (one(), one(), one(), one()).prop_map(|(checkpoints, change_streams, replicas, hub)| {
            Formats {
                checkpoints,
                change_streams,
                replicas,
                hub,
            }
        });
    let pipe = (name(), epoch(), of(any::<u64>()), of(checkpoint()));
    let pipe = pipe.prop_map(|(pipe, epoch, offset, checkpoint)| HeldPipe {
        pipe,
        epoch,
        offset,
        checkpoint,
    });
    let names = (name(), name(), name(), text());
    let format = any::<u32>();
    (names, incarnation(), formats, format, vec(pipe, 0..4)).prop_map(
        |((worker, disk, boot, address), seen, formats, format, pipes)| OpenSession {
            worker: WorkerId(worker),
            disk: DiskId(disk),
            boot: BootId(boot),
            address,
            seen,
            formats,
            format,
            pipes,
        },
    )
}

pub(super) fn session() -> impl Strategy<Value = Session> {
    let time = || (1..=u64::MAX).prop_map(Duration::from_nanos);
    (any::<u64>(), incarnation(), time(), time()).prop_map(
        |(id, incarnation, lease, renew_every)| Session {
            id: SessionId(id),
            incarnation,
            lease,
            renew_every,
        },
    )
}

pub(super) fn renewal() -> impl Strategy<Value = Renewal> {
    let load = (name(), any::<[u64; 2]>()).prop_map(|(pipe, [weight, bytes])| PipeLoad {
        pipe,
        weight,
        bytes,
    });
    (any::<u64>(), vec(load, 0..4)).prop_map(|(session, loads)| Renewal {
        session: SessionId(session),
        loads,
    })
}

fn start() -> impl Strategy<Value = Start> {
    let hand_over = (worker(), text(), of(any::<u64>()));
    prop_oneof![
        Just(Start::Fresh),
        Just(Start::Local),
        Just(Start::StartOver),
        checkpoint().prop_map(|checkpoint| Start::Restore { checkpoint }),
        hand_over.prop_map(|(from, address, offset)| Start::HandOver {
            from,
            address,
            offset,
        }),
    ]
}

pub(super) fn assigned() -> impl Strategy<Value = Assigned> {
    let duty = prop_oneof![
        (epoch(), start()).prop_map(|(epoch, start)| Duty::Own { epoch, start }),
        (worker(), text()).prop_map(|(from, address)| Duty::Follow { from, address }),
        (epoch(), worker()).prop_map(|(epoch, to)| Duty::Release { epoch, to }),
    ];
    let pipes = btree_map(name(), duty, 0..8);
    let numbers = any::<(u64, u32)>();
    (numbers, any::<bool>(), pipes).prop_map(|((revision, format), is_filling, pipes)| Assigned {
        revision,
        is_filling,
        format,
        pipes,
    })
}

pub(super) fn report() -> impl Strategy<Value = Report> {
    let numbers = any::<[u64; 2]>();
    (
        0..6,
        name(),
        epoch(),
        of(any::<u64>()),
        numbers,
        text(),
        checkpoint(),
    )
        .prop_map(
            |(kind, pipe, epoch, offset, [fetched, total], reason, checkpoint)| match kind {
                0 => Report::Committed { pipe, epoch },
                1 => Report::Released {
                    pipe,
                    epoch,
                    offset,
                },
                2 => Report::Level { pipe },
                3 => Report::Restoring {
                    pipe,
                    epoch,
                    fetched,
                    total,
                },
                4 => Report::CannotStart {
                    pipe,
                    epoch,
                    reason,
                },
                _ => Report::Checkpointed {
                    pipe,
                    epoch,
                    checkpoint,
                },
            },
        )
}

fn placement() -> impl Strategy<Value = Placement> {
    let why = select(&[
        Unplaced::NoWorker,
        Unplaced::OwnerMayWrite,
        Unplaced::DiskAway,
        Unplaced::StateLost,
    ]);
    let restoring = of(any::<(u64, u64)>());
    let owned = (worker(), epoch(), text(), of(worker()), restoring);
    prop_oneof![
        why.prop_map(Placement::Unplaced),
        owned.prop_map(|(worker, epoch, address, moves_to, restoring)| {
            Placement::Owned {
                worker,
                epoch,
                address,
                moves_to,
                restoring,
            }
        }),
    ]
}

fn flow() -> impl Strategy<Value = Flow> {
    let durable = select(&[
        Durable::NotSaid,
        Durable::NoCheckpoint,
        Durable::Checkpointed,
        Durable::Failing,
    ]);
    (text(), any::<bool>(), durable).prop_map(|(configuration, is_failing, durable)| Flow {
        configuration,
        is_failing,
        durable,
    })
}

pub(super) fn flowing() -> impl Strategy<Value = Report> {
    let flow = (name(), epoch(), flow());
    let flow = flow.prop_map(|(pipe, epoch, flow)| PipeFlow { pipe, epoch, flow });
    vec(flow, 0..4).prop_map(|flows| Report::Flowing { flows })
}

pub(super) fn topology() -> impl Strategy<Value = Topology> {
    let liveness = select(&[Liveness::Live, Liveness::Suspect, Liveness::Lost]);
    let standing = select(&[
        Standing::Active,
        Standing::Cordoned,
        Standing::Draining,
        Standing::Retired,
    ]);
    let facts = (text(), name(), liveness, standing);
    let facts = facts.prop_map(|(address, disk, liveness, standing)| WorkerFacts {
        address,
        disk: DiskId(disk),
        liveness,
        standing,
    });
    let pipes = btree_map(name(), placement(), 0..8);
    let workers = btree_map(worker(), facts, 0..4);
    let flows = btree_map(name(), flow(), 0..4);
    let numbers = any::<(u64, u32)>();
    (incarnation(), numbers, pipes, workers, flows).prop_map(
        |(incarnation, (revision, format), pipes, workers, flows)| Topology {
            incarnation,
            revision,
            format,
            pipes,
            workers,
            flows,
        },
    )
}

fn act() -> impl Strategy<Value = Act> {
    let give_up = (name(), any::<bool>()).prop_map(|(disk, even_if_lost)| Act::GiveUpDisk {
        disk: DiskId(disk),
        even_if_lost,
    });
    prop_oneof![worker().prop_map(Act::RetireWorker), give_up]
}

pub(super) fn permit_request() -> impl Strategy<Value = PermitRequest> {
    (any::<u64>(), act()).prop_map(|(operator_epoch, act)| PermitRequest {
        operator_epoch,
        act,
    })
}

pub(super) fn permit() -> impl Strategy<Value = Permit> {
    (any::<u64>(), act()).prop_map(|(operator_epoch, act)| Permit {
        operator_epoch,
        act,
    })
}
