//! Who may hand configuration over: the operator, by its certificate.

use super::*;
use crate::client::RemoteConfigurationControl;
use crate::server::{ServerSettings, add_configuration_control};
use crate::tests::control::FakeControl;
use crate::tests::line::{bounds, settings, soon};
use crate::{Code, ConfigurationControl, HandOver, HandedSecrets, RequestId, WriteAnswer};
use std::collections::BTreeMap;

/// Everything that may be asked.
async fn ask(control: &dyn ConfigurationControl) -> Vec<crate::Result<()>> {
    let handed = HandOver {
        operator_epoch: 1,
        ..HandOver::default()
    };
    let secrets = HandedSecrets {
        operator_epoch: 1,
        system: "crm".into(),
        secrets: BTreeMap::new(),
    };
    let request = RequestId("r".into());
    vec![
        control.hand_over(handed).await.map(drop),
        control.hand_over_secrets(secrets).await,
        control.watch_writes(1).await.map(drop),
        control.begin_write(1, &request).await,
        control
            .answer_write(1, &request, WriteAnswer::Applied)
            .await,
    ]
}

#[tokio::test]
async fn configuration_is_handed_over_by_the_operator_alone() {
    let hub = Arc::new(Hub::day("hub"));
    let far = Arc::new(FakeControl::new());
    let role = hub.role(Role::StorageNode, "s");
    let admission = Admission::of([Role::Worker, Role::Aggregator, Role::Operator]);
    let port = Port::mutual(&role, admission, Limits::default()).unwrap();
    let serving = ServerSettings {
        bounds: bounds(),
        ..ServerSettings::default()
    };
    let mut routes = Routes::builder();
    add_configuration_control(&mut routes, far.clone(), serving);
    let running = Running::start(port, routes.routes()).await;
    let control = |role: Role| {
        let channel = running.channel(&hub.role(role, "x"));
        RemoteConfigurationControl::new(channel, settings())
    };
    for role in [Role::Worker, Role::Aggregator] {
        for answer in soon(ask(&control(role))).await {
            let error = answer.unwrap_err();
            let told = (error.code, &*error.reason);
            assert_eq!(told, (Code::PermissionDenied, "operator-only"));
        }
    }
    assert!(far.asked.lock().is_empty());
    let answers = soon(ask(&control(Role::Operator))).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(far.asked.lock().len(), 5);
}
