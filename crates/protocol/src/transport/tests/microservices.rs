//! Who may hear what containers are given: the operator, by its certificate.

use super::*;
use crate::client::RemoteMicroserviceControl;
use crate::server::{ServerSettings, add_microservice_control};
use crate::tests::line::{bounds, settings, soon};
use crate::tests::microservices::FakeMicroservices;
use crate::{Code, MicroserviceAnswer, MicroserviceControl, RequestId};

/// Everything that may be asked.
async fn ask(control: &dyn MicroserviceControl) -> Vec<crate::Result<()>> {
    let request = RequestId("r".into());
    let answer = Ok(MicroserviceAnswer::Reloading);
    vec![
        control.container(1, "a").await.map(drop),
        control.watch_questions(1).await.map(drop),
        control.answer_question(1, &request, answer).await,
    ]
}

#[tokio::test]
async fn what_containers_are_given_is_told_to_the_operator_alone() {
    let hub = Arc::new(Hub::day("hub"));
    let far = Arc::new(FakeMicroservices::default());
    let role = hub.role(Role::StorageNode, "s");
    let admission = Admission::of([Role::Worker, Role::Aggregator, Role::Operator]);
    let port = Port::mutual(&role, admission, Limits::default()).unwrap();
    let serving = ServerSettings {
        bounds: bounds(),
        ..ServerSettings::default()
    };
    let mut routes = Routes::builder();
    add_microservice_control(&mut routes, far.clone(), serving);
    let running = Running::start(port, routes.routes()).await;
    let control = |role: Role| {
        let channel = running.channel(&hub.role(role, "x"));
        RemoteMicroserviceControl::new(channel, settings())
    };
    for role in [Role::Worker, Role::Aggregator] {
        for answer in soon(ask(&control(role))).await {
            let error = answer.unwrap_err();
            let told = (error.code, &*error.reason);
            assert_eq!(told, (Code::PermissionDenied, "operator-only"));
        }
    }
    assert!(far.told.lock().is_empty());
    let answers = soon(ask(&control(Role::Operator))).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(far.told.lock().len(), 3);
}
