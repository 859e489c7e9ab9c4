//! Another image, under load, and back.

use super::hub::{Failing, test};
use super::load::Load;
use serde_json::Value;
use sluice_tests::kubernetes::{Helm, chart, until};
use std::time::{Duration, Instant};

/// Every pod is exchanged once, one after the other.
const LIMIT: Duration = Duration::from_secs(240);
/// Refused in all, for each pipe, whatever else the machine does. On two cores with nothing else running it is less than five seconds,
/// which is what is wanted: a pipe moves two or three times meanwhile. What it was is printed.
const REFUSED: Duration = Duration::from_secs(15);

#[test]
fn upgrade_path_to_a_second_image_and_back() {
    test(|failing| async move {
        let next = std::env::var("SLUICE_NEXT_IMAGE").expect("SLUICE_NEXT_IMAGE names an image");
        let present = failing.image();
        for (image, newest) in [(next, 2), (present, 1)] {
            let load = Load::begin(failing, "upgrade");
            let begun = Instant::now();
            failing.upgrade_to(&image).await;
            println!(
                "{image}: everything runs it after {:.1} s",
                begun.elapsed().as_secs_f64()
            );
            // It can come back: nothing is written yet that only one of them reads.
            let format = failing.hub.get("/format").await.unwrap();
            assert_eq!(format["format"], 1, "{format}");
            let workers = format["workers"].as_object().unwrap().values();
            let mut present = workers.filter(|worker| worker["is-present"] == true);
            assert!(
                present.all(|worker| worker["reads"]["newest"] == newest),
                "{format}"
            );
            assert_eq!(format["reads"]["newest"], newest, "{format}");
            let seen = load.end(failing).await;
            println!("refused: {:?}", seen.refused);
            assert_eq!(seen.reads.keys().collect::<Vec<_>>(), [&200]);
            assert!(
                seen.refused.iter().all(|refused| *refused < REFUSED),
                "{:?}",
                seen.refused
            );
        }
    });
}

impl Failing {
    /// The image that the hub is to run.
    fn image(&self) -> String {
        let hub = self.hub.place.get("datahub/hub").unwrap();
        hub["spec"]["image"].as_str().unwrap().to_owned()
    }

    /// As a user does it; until every pod runs it and everything is level.
    async fn upgrade_to(&self, image: &str) {
        let (repository, tag) = image.rsplit_once(':').unwrap();
        let path = chart("sluice");
        let upgrade = [
            "upgrade",
            "hub",
            path.to_str().unwrap(),
            "--namespace",
            &self.hub.place.name,
            "--reuse-values",
            "--set",
            &format!("image.repository={repository},image.tag={tag}"),
        ];
        Helm(self.hub.cluster()).run(&upgrade).unwrap();
        let exchanged = until("every pod runs the image", LIMIT, || async {
            let selector = "app.kubernetes.io/name=sluice";
            let pods = self.hub.place.kubectl(&[
                "get",
                "pods",
                "--selector",
                selector,
                "--output",
                "json",
            ]);
            let pods: Value = serde_json::from_str(&pods.unwrap()).unwrap();
            let pods = pods["items"].as_array().unwrap().iter();
            let others = pods.filter(|pod| pod["spec"]["containers"][0]["image"] != image);
            let others: Vec<&str> = others
                .filter_map(|pod| pod["metadata"]["name"].as_str())
                .collect();
            (!others.is_empty()).then(|| others.join(", "))
        });
        let report = || self.hub.cluster().report(&self.hub.place.name);
        exchanged
            .await
            .unwrap_or_else(|error| panic!("{error:#}\n{}", report()));
        self.until_whole().await;
    }
}
