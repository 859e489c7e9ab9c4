//! Every message, as bytes and back.

use super::generators;
use crate::wire::{self, Gather, proto};
use crate::*;
use proptest::prelude::*;
use prost::Message;
use std::fmt::Debug;

/// Through the bytes of the wire.
pub(super) fn through<M: Message + Default>(message: M) -> M {
    M::decode(&*message.encode_to_vec()).unwrap()
}

/// Out as one message, in as another value, which must be equal.
#[track_caller]
pub(super) fn returns<T, M>(value: T)
where
    T: Clone + PartialEq + Debug + Into<M> + TryFrom<M, Error: Debug>,
    M: Message + Default,
{
    let message: M = value.clone().into();
    assert_eq!(T::try_from(through(message)).unwrap(), value);
}

/// The same for what is encoded where it lies.
#[track_caller]
fn returns_by_reference<T, M>(value: &T)
where
    T: PartialEq + Debug + TryFrom<M, Error: Debug>,
    M: Message + Default + for<'a> From<&'a T>,
{
    assert_eq!(&T::try_from(through(M::from(value))).unwrap(), value);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_travels_by_itself(
        pipe in generators::pipe_report(),
        dataset in generators::dataset_report(),
        system in generators::system_report(),
        headers in generators::headers(),
        reply in generators::push_reply(),
        status in generators::runner_status(),
        line in generators::log_line(),
        secrets in generators::secret_values(),
    ) {
        returns::<_, proto::PipeReport>(pipe);
        returns::<_, proto::DatasetReport>(dataset);
        returns::<_, proto::SystemReport>(system);
        returns::<_, proto::FeedHeaders>(headers);
        returns::<_, proto::PushReply>(reply);
        returns::<_, proto::RunnerStatus>(status);
        returns::<_, proto::RunnerLogLine>(line);
        returns::<_, proto::SecretValues>(secrets);
    }

    #[test]
    fn configuration(
        put in generators::put_configuration(),
        outcome in generators::put_outcome(),
        entry in generators::history_entry(),
        variables in generators::variables(),
        scope in generators::scope(),
    ) {
        returns_by_reference::<_, proto::PutConfigurationRequest>(&put);
        returns_by_reference::<_, proto::PutOutcome>(&outcome);
        returns_by_reference::<_, proto::HistoryEntry>(&entry);
        let sent = wire::to_variables(&variables);
        prop_assert_eq!(wire::variables(sent).unwrap(), variables);
        prop_assert_eq!(wire::scope(wire::to_scope(scope.clone())).unwrap(), scope);
    }

    #[test]
    fn snapshots_in_parts_of_any_size(
        snapshot in generators::snapshot(),
        page_bytes in prop_oneof![Just(1usize), 1..400usize, Just(1 << 20)],
    ) {
        let parts = wire::snapshot_parts(&snapshot, None, page_bytes);
        let mut gathered = wire::Gathered::default();
        let mut whole = Vec::new();
        for part in parts {
            whole.extend(gathered.take(through(part)).unwrap());
        }
        prop_assert_eq!(whole, [snapshot]);
    }

    #[test]
    fn requests_with_a_name(
        name in generators::text(),
        read in generators::read_request(),
        stage in generators::stage(),
        publish in generators::publish_request(),
        push in generators::push_request(),
        pump in generators::pump_request(),
        run in generators::run_all(),
    ) {
        let sent = through(proto::ReadRequest::from(read.clone()));
        prop_assert_eq!(wire::read(Some(sent)).unwrap(), read);
        prop_assert_eq!(wire::stage(proto::EntityStage::from(stage).into()).unwrap(), stage);
        let sent = through(wire::to_publish(&name, publish.clone()));
        prop_assert_eq!(wire::publish(sent).unwrap(), (name.clone(), publish));
        for target in [wire::Target::Pipe(name.clone()), wire::Target::Dataset(name.clone())] {
            let sent = through(wire::to_open_push(target.clone(), push.clone()));
            prop_assert_eq!(wire::open_push(sent).unwrap(), (target, push.clone()));
        }
        let sent = through(wire::to_operate_pump(&name, pump.clone()));
        prop_assert_eq!(wire::operate_pump(sent).unwrap(), (name.clone(), pump));
        let sent = through(wire::to_run_all(run.clone(), &name));
        prop_assert_eq!(wire::run_all(sent).unwrap(), (run, name));
    }

    #[test]
    fn entities(entity in generators::any_entity()) {
        let back = wire::checked_entity(through(wire::entity(&entity))).unwrap();
        prop_assert_eq!(back.body_buf().encoded(), entity.body_buf().encoded());
        prop_assert_eq!(back.generated(), entity.generated());
    }
}

#[test]
fn messages_with_secrets_print_names_only() {
    let values = SecretValues {
        global: [("name".to_owned(), "hush".to_owned())].into(),
        systems: [(
            "crm".to_owned(),
            [("key".to_owned(), "hush".to_owned())].into(),
        )]
        .into(),
    };
    let put = proto::PutSecretsRequest {
        scope: wire::to_scope(SecretScope::Global),
        secrets: values.global.clone(),
        replace: true,
        user: "ann".to_owned(),
    };
    let printed = format!("{put:?} {:?}", proto::SecretValues::from(values));
    assert!(!printed.contains("hush"), "{printed}");
    assert!(printed.contains("name") && printed.contains("crm") && printed.contains("key"));
}
