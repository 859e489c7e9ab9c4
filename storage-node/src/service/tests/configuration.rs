//! Uploads, groups, single components, history, variables.

use super::*;

#[tokio::test]
async fn an_upload_replaces_its_group_and_leaves_the_others_alone() {
    let hub = Hub::new();
    hub.upload("default", &[PIPE, SYSTEM]).await;
    hub.upload("geo", &[OTHER]).await;
    assert_eq!(
        hub.components(),
        [
            "pipe/people@default",
            "pipe/places@geo",
            "system/crm@default"
        ]
    );
    hub.upload("default", &[PIPE]).await;
    assert_eq!(hub.components(), ["pipe/people@default", "pipe/places@geo"]);
    hub.upload_with(Scope::All, &[SYSTEM], false).await;
    assert_eq!(hub.components(), ["system/crm@default"]);
}

#[tokio::test]
async fn an_upload_of_everything_takes_groups_from_the_components() {
    let hub = Hub::new();
    hub.upload("geo", &[OTHER]).await;
    let tagged = r#"{"_id":"people","type":"pipe","source":{"type":"empty"},"metadata":{"$config-group":"crm"}}"#;
    hub.upload_with(Scope::All, &[OTHER, tagged, SYSTEM], false)
        .await;
    assert_eq!(
        hub.components(),
        ["pipe/people@crm", "pipe/places@geo", "system/crm@default"]
    );
}

#[tokio::test]
async fn a_component_of_another_group_is_not_taken_from_it() {
    let hub = Hub::new();
    hub.upload("geo", &[OTHER]).await;
    let refused = hub.upload("default", &[OTHER]).await;
    assert!(!refused.applied);
    assert_eq!(
        refused.rejected[0].diagnostics[0].code,
        "held-by-another-group"
    );
    assert_eq!(hub.components(), ["pipe/places@geo"]);
    assert!(
        hub.upload_with(Scope::Group("default".into()), &[OTHER], true)
            .await
            .applied
    );
    assert_eq!(hub.components(), ["pipe/places@default"]);
}

#[tokio::test]
async fn the_address_of_an_upload_counts_more_than_the_group_in_a_component_and_this_is_said() {
    let hub = Hub::new();
    let tagged = r#"{"_id":"people","type":"pipe","source":{"type":"empty"},"metadata":{"$config-group":"crm"}}"#;
    let outcome = hub.upload("default", &[tagged]).await;
    assert!(outcome.applied);
    assert_eq!(
        outcome.rejected[0].diagnostics[0].code,
        "other-config-group"
    );
    assert_eq!(hub.components(), ["pipe/people@default"]);
}

#[tokio::test]
async fn one_error_refuses_the_whole_upload_unless_it_is_forced() {
    let hub = Hub::new();
    hub.upload("default", &[PIPE]).await;
    let before = hub.snapshot().revision;
    let refused = hub.upload("default", &[OTHER, INVALID]).await;
    assert!(!refused.applied);
    assert_eq!((refused.revision, refused.rejected.len()), (before, 1));
    let problem = &refused.rejected[0].diagnostics[0];
    assert_eq!(problem.level, Level::Error);
    let place = [
        sluice_protocol::PathElement::Key("source".into()),
        sluice_protocol::PathElement::Key("type".into()),
    ];
    assert_eq!(problem.elements, place);
    assert_eq!(hub.components(), ["pipe/people@default"]);

    let forced = hub
        .upload_with(Scope::Group("default".into()), &[OTHER, INVALID], true)
        .await;
    assert!(forced.applied);
    assert_eq!(
        hub.components(),
        ["pipe/broken@default", "pipe/places@default"]
    );
    let all = hub.snapshot();
    assert!(!all.components[&(ComponentKind::Pipe, "broken".to_owned())].is_valid());
    assert!(all.components[&(ComponentKind::Pipe, "places".to_owned())].is_valid());
}

#[tokio::test]
async fn what_has_no_usable_id_or_type_is_reported_and_cannot_be_forced() {
    let hub = Hub::new();
    let odd = [
        "{\"type\":\"pipe\"}",
        "[1]",
        "{\"_id\":\"x\",\"type\":\"pie\"}",
        PIPE,
        PIPE,
    ];
    assert_eq!(
        hub.upload("default", &odd)
            .await
            .rejected
            .iter()
            .filter(|one| !one.diagnostics.is_empty())
            .count(),
        4
    );
    let forced = hub
        .upload_with(Scope::Group("default".into()), &odd, true)
        .await;
    assert!(forced.applied);
    assert_eq!(hub.components(), ["pipe/people@default"]);
    let single = hub
        .node
        .put_component(
            ComponentKind::Pipe,
            json("{\"type\":\"pipe\"}"),
            true,
            "ann",
        )
        .await
        .unwrap();
    assert!(!single.applied);
}

#[tokio::test]
async fn components_come_back_exactly_as_they_were_posted() {
    let text = r#"{"type":"pipe","z":1.0,"a":100000000000000000000000000001,"_id":"exact","source":{"type":"embedded","entities":[{"_id":"1","e":1e400,"f":1.50}]}}"#;
    let hub = Hub::new();
    hub.upload_with(Scope::All, &[text], true).await;
    let hub = hub.reopen();
    let all = hub.snapshot();
    assert_eq!(
        all.components[&(ComponentKind::Pipe, "exact".to_owned())]
            .original
            .to_string(),
        text
    );
}

#[tokio::test]
async fn history_keeps_every_version_and_an_upload_without_change_adds_none() {
    let hub = Hub::new();
    hub.upload("default", &[PIPE]).await;
    let first = hub.snapshot().revision;
    assert_eq!(hub.upload("default", &[PIPE]).await.revision, first);
    let changed = PIPE.replace("1.0", "2.0");
    hub.upload("default", &[&changed, SYSTEM]).await;
    hub.node
        .delete_component(ComponentKind::Pipe, "people", "bob")
        .await
        .unwrap();
    let hub = hub.reopen();
    let of_people = hub
        .node
        .history(
            Some(ComponentKind::Pipe),
            Some("people"),
            &ReadOptions::default(),
        )
        .await
        .unwrap();
    let texts: Vec<_> = of_people
        .iter()
        .map(|one| one.original.as_ref().map(|json| json.to_string()))
        .collect();
    assert_eq!(texts, [Some(PIPE.to_owned()), Some(changed), None]);
    assert_eq!(of_people[2].user, "bob");
    let all = hub
        .node
        .history(None, None, &ReadOptions::default())
        .await
        .unwrap();
    assert_eq!(
        all.iter().map(|one| one.offset).collect::<Vec<_>>(),
        [0, 1, 2, 3]
    );
    assert!(
        all.windows(2)
            .all(|pair| pair[0].timestamp <= pair[1].timestamp)
    );
}

#[tokio::test]
async fn single_components_are_put_added_and_deleted() {
    let hub = Hub::new();
    hub.upload("geo", &[OTHER]).await;
    let node = &hub.node;
    assert!(
        node.put_component(ComponentKind::Pipe, json(OTHER), false, "ann")
            .await
            .unwrap()
            .applied
    );
    assert_eq!(
        hub.components(),
        ["pipe/places@geo"],
        "a component stays in its group"
    );
    let wrong = node
        .put_component(ComponentKind::System, json(PIPE), false, "ann")
        .await
        .unwrap_err();
    assert_eq!(wrong.reason, "wrong-kind-of-component");
    let taken = node
        .add_components(
            ComponentKind::Pipe,
            vec![json(PIPE), json(OTHER)],
            true,
            "ann",
        )
        .await
        .unwrap_err();
    assert_eq!(
        (taken.code, &*taken.reason),
        (Code::Conflict, "already-exists")
    );
    assert_eq!(hub.components(), ["pipe/places@geo"], "all or none");
    node.add_components(ComponentKind::Pipe, vec![json(PIPE)], false, "ann")
        .await
        .unwrap();
    node.delete_component(ComponentKind::Pipe, "places", "ann")
        .await
        .unwrap();
    assert_eq!(hub.components(), ["pipe/people@default"]);
    let gone = node
        .delete_component(ComponentKind::Pipe, "places", "ann")
        .await
        .unwrap_err();
    assert_eq!((gone.code, &*gone.reason), (Code::NotFound, "unknown-pipe"));
}

#[tokio::test]
async fn variables_keep_their_types_and_change_what_refers_to_them() {
    let hub = Hub::new();
    let pipe =
        r#"{"_id":"people","type":"pipe","batch_size":"$ENV(size)","source":{"type":"empty"}}"#;
    let variables = |text: &str| match json(text) {
        Json::Object(members) => members.into_iter().collect::<BTreeMap<_, _>>(),
        _ => BTreeMap::new(),
    };
    hub.node
        .put_variables(
            variables(r#"{"size":7,"list":[1,{"a":1.0}],"gone":null}"#),
            true,
            "ann",
        )
        .await
        .unwrap();
    assert!(hub.upload("default", &[pipe]).await.applied);
    hub.node
        .put_variables(variables(r#"{"more":"x"}"#), false, "ann")
        .await
        .unwrap();
    hub.node.delete_variable("gone", "ann").await.unwrap();
    assert!(hub.node.delete_variable("gone", "ann").await.is_err());
    let hub = hub.reopen();
    let all = hub.snapshot();
    assert_eq!(
        all.variables,
        variables(r#"{"size":7,"list":[1,{"a":1.0}],"more":"x"}"#)
    );
    let effective = &all.components[&(ComponentKind::Pipe, "people".to_owned())].effective;
    assert_eq!(effective.get("batch_size").and_then(Json::as_i64), Some(7));
    hub.node
        .put_variables(variables("{}"), true, "ann")
        .await
        .unwrap();
    assert!(!hub.snapshot().components[&(ComponentKind::Pipe, "people".to_owned())].is_valid());
}

#[tokio::test]
async fn who_watches_sees_the_newest_revision() {
    let hub = Hub::new();
    let mut watching = hub.node.watch();
    let before = watching.borrow_and_update().revision;
    hub.upload("default", &[PIPE]).await;
    hub.upload("default", &[PIPE, SYSTEM]).await;
    watching.changed().await.unwrap();
    let seen = watching.borrow_and_update().clone();
    assert_eq!((seen.revision, seen.components.len()), (before + 2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_at_the_same_time_all_take_place() {
    let hub = Hub::new();
    let changes = (0..30).map(|number| {
        let node = hub.node.clone();
        let variables = BTreeMap::from([(format!("v{number}"), Json::Null)]);
        tokio::spawn(async move { node.put_variables(variables, false, "ann").await })
    });
    for change in changes.collect::<Vec<_>>() {
        change.await.unwrap().unwrap();
    }
    assert_eq!(hub.snapshot().variables.len(), 30);
    assert_eq!(hub.reopen().snapshot().variables.len(), 30);
}

#[tokio::test]
async fn the_history_is_read_page_by_page_and_counted_without_reading_it() {
    let hub = Hub::new();
    for n in 0..250 {
        hub.upload("default", &[&PIPE.replace("1.0", &format!("{n}.5"))])
            .await;
    }
    let remembered = hub.node.history_summary().await.unwrap();
    let hub = hub.reopen();
    assert_eq!(hub.node.history_summary().await.unwrap(), remembered);
    let numbers = (
        remembered.versions,
        remembered.components,
        remembered.newest,
    );
    assert_eq!(numbers, (250, 1, Some(249)));
    let mut options = ReadOptions::default();
    let mut sizes = Vec::new();
    loop {
        let page = hub.node.history(None, None, &options).await.unwrap();
        sizes.push(page.len());
        let Some(last) = page.last() else { break };
        let previous = last.offset.checked_sub(1);
        assert_eq!(last.previous, previous);
        options.since = Some(last.offset);
    }
    assert_eq!(sizes, [200, 50, 0]);
}

#[tokio::test]
async fn an_upload_that_takes_away_too_much_is_refused_where_the_metadata_asks_for_it() {
    const METADATA: &str =
        r#"{"_id":"node","type":"metadata","global_defaults":{"use_config_circuit_breaker":true}}"#;
    let hub = Hub::new();
    let pipes: Vec<String> = (0..119)
        .map(|n| OTHER.replace("places", &format!("p{n}")))
        .collect();
    let put = async |metadata: &str, left: usize, force: bool| {
        let components = pipes[..left].iter().map(String::as_str).chain([metadata]);
        let components = components.map(json).collect();
        let put = PutConfiguration {
            scope: Scope::Group("default".into()),
            components,
            force,
            user: "ann".into(),
        };
        hub.node.put_configuration(put).await
    };
    put(METADATA, 119, false).await.unwrap();
    // 120 components: 12 of them are no more than a tenth.
    put(METADATA, 107, false).await.unwrap();
    put(METADATA, 119, false).await.unwrap();
    let refused = put(METADATA, 106, false).await.unwrap_err();
    assert_eq!(refused.reason, "config-circuit-breaker");
    assert_eq!(hub.components().len(), 120, "nothing changed");
    put(METADATA, 106, true).await.unwrap();
    assert_eq!(hub.components().len(), 107);
    // At most ten may go whatever part of it all they are.
    put(METADATA, 15, true).await.unwrap();
    put(METADATA, 5, false).await.unwrap();
    // And what is not asked for refuses nothing.
    put(METADATA, 119, true).await.unwrap();
    let other = METADATA.replace("true", "false");
    put(&other, 119, false).await.unwrap();
    put(&other, 1, false).await.unwrap();
}
