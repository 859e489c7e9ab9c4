//! Pushing: what the protocol's parameters become (JP3), and what comes back (PB2).

use super::Hub;
use axum::body::Body;
use bytes::Bytes;
use sluice_protocol::PushRequest;

#[tokio::test]
async fn parameters_become_a_push_request() {
    let hub = Hub::new();
    let path = "/api/receivers/bl%C3%A5b%C3%A6r%3Ax/entities?sequence_id=s&is_full=True&request_id=r2&previous_request_id=r1\
                &is_first=False&is_last=true&allow-mass-delete=true&own=1";
    let request = hub
        .request("POST", path)
        .header("x-dataset-completeness", "1234")
        .header("content-length", "13");
    let answer = hub
        .send(request.body(Body::from(r#"[{"_id":"a"}]"#)).unwrap())
        .await
        .problem_free();
    assert_eq!(answer.text, "{}");
    let (pushed, body) = hub.worker.pushes.lock().pop().unwrap();
    assert_eq!(body, r#"[{"_id":"a"}]"#);
    let expected = PushRequest {
        sequence_id: Some("s".into()),
        is_full: true,
        request_id: Some("r2".into()),
        previous_request_id: Some("r1".into()),
        is_first: false,
        is_last: true,
        allow_mass_delete: true,
        content_length: Some(13),
        completeness: Some(1234),
        parameters: [("own".to_owned(), "1".to_owned())].into(),
        user: "tester".into(),
    };
    assert_eq!(format!("{pushed:?}"), format!("{expected:?}"));
}

#[tokio::test]
async fn a_body_in_pieces_arrives_whole() {
    let hub = Hub::new();
    let pieces = [r#"[{"_id""#, "", r#": "a"}"#, "]"]
        .map(|piece| Ok::<_, std::io::Error>(Bytes::from(piece)));
    hub.post(
        "/api/receivers/in/entities",
        Body::from_stream(futures::stream::iter(pieces)),
    )
    .await
    .problem_free();
    assert_eq!(
        hub.worker.pushes.lock().pop().unwrap().1,
        r#"[{"_id": "a"}]"#
    );
}

#[tokio::test]
async fn a_completeness_that_is_no_number_is_refused() {
    let hub = Hub::new();
    let request = hub
        .request("POST", "/api/receivers/in/entities")
        .header("x-dataset-completeness", "soon");
    let answer = hub.send(request.body(Body::from("[]")).unwrap()).await;
    assert_eq!(answer.problem(400), "invalid-parameter");
    assert!(hub.worker.pushes.lock().is_empty());
}
