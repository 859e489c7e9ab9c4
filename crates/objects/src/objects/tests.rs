//! The same behaviour in memory and in a folder; creations whose answers get lost.

use super::*;
use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    PutMultipartOptions, PutPayload, PutResult,
};
use std::sync::atomic::{AtomicU32, Ordering};

fn folder() -> (tempfile::TempDir, Objects) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}/objects", folder.path().display());
    let objects = Objects::open(&url, []).unwrap();
    (folder, objects)
}

async fn behaves(objects: &Objects) {
    let bytes = |text: &'static str| Bytes::from_static(text.as_bytes());
    assert_eq!(objects.get("a/1").await.unwrap(), None);
    assert_eq!(
        objects.create("a/1", bytes("one")).await.unwrap(),
        Created::Ours
    );
    assert_eq!(
        objects.create("a/1", bytes("one")).await.unwrap(),
        Created::Ours,
        "the same once more"
    );
    let taken = objects.create("a/1", bytes("other")).await.unwrap();
    assert_eq!(taken, Created::Taken(bytes("one")));
    objects.put("a/2", bytes("two")).await.unwrap();
    objects.put("a/2", bytes("two again")).await.unwrap();
    objects.put("ab/3", bytes("elsewhere")).await.unwrap();
    assert_eq!(objects.get("a/2").await.unwrap(), Some(bytes("two again")));
    let refused = objects.get_at_most("a/2", 3).await;
    assert!(matches!(refused, Err(Error::TooLarge { bytes: 9, .. })));
    let listed = objects.list("a").await.unwrap();
    let names: Vec<_> = listed.iter().map(|one| (&*one.name, one.bytes)).collect();
    assert_eq!(names, [("1", 3), ("2", 9)]);
    objects.put("n/10", bytes("x")).await.unwrap();
    objects.put("n/9", bytes("x")).await.unwrap();
    objects.put("n/no-number", bytes("x")).await.unwrap();
    assert_eq!(objects.numbers("n").await.unwrap(), [9, 10]);
    objects
        .delete(&["a/1".into(), "a/nothing".into(), "a/2".into()])
        .await
        .unwrap();
    assert_eq!(objects.list("a").await.unwrap(), []);
    assert_eq!(objects.list("nowhere").await.unwrap(), []);
}

#[tokio::test]
async fn a_store_in_memory_behaves() {
    behaves(&Objects::in_memory()).await;
}

#[tokio::test]
async fn a_folder_behaves_and_keeps_what_it_has() {
    let (folder, objects) = folder();
    behaves(&objects).await;
    objects.put("kept", Bytes::from_static(b"x")).await.unwrap();
    let url = format!("file://{}/objects", folder.path().display());
    let again = Objects::open(&url, []).unwrap();
    assert_eq!(again.get("kept").await.unwrap().as_deref(), Some(&b"x"[..]));
}

#[tokio::test]
async fn one_of_many_creators_wins_and_the_others_see_its_object() {
    let (_folder, objects) = folder();
    let contents: Vec<Bytes> = (0..20)
        .map(|number| Bytes::from(format!("by {number}")))
        .collect();
    let creating = contents
        .iter()
        .map(|content| objects.create("one", content.clone()));
    let outcomes = futures::future::join_all(creating).await;
    let there = objects.get("one").await.unwrap().unwrap();
    for (content, outcome) in contents.iter().zip(outcomes) {
        let expected = if *content == there {
            Created::Ours
        } else {
            Created::Taken(there.clone())
        };
        assert_eq!(outcome.unwrap(), expected);
    }
}

/// Does what it is asked and then says that it failed, or fails, the first few times.
#[derive(Debug)]
struct Flaky {
    inner: InMemory,
    left: AtomicU32,
    writes: bool,
}

impl std::fmt::Display for Flaky {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("flaky")
    }
}

#[async_trait]
impl ObjectStore for Flaky {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> object_store::Result<PutResult> {
        let fails = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            })
            .is_ok();
        if !fails {
            return self.inner.put_opts(location, payload, options).await;
        }
        if self.writes {
            self.inner.put_opts(location, payload, options).await?;
        }
        Err(StoreError::Generic {
            store: "flaky",
            source: "no answer".into(),
        })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(
        &self,
        location: &Path,
        options: GetOptions,
    ) -> object_store::Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(
        &self,
        from: &Path,
        to: &Path,
        options: CopyOptions,
    ) -> object_store::Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

fn flaky(failures: u32, writes: bool) -> Objects {
    let store = Flaky {
        inner: InMemory::new(),
        left: AtomicU32::new(failures),
        writes,
    };
    Objects::of(Arc::new(store), Path::default(), "flaky")
}

#[tokio::test(start_paused = true)]
async fn a_creation_whose_answer_got_lost_is_found_out_by_looking() {
    let (ours, other) = (Bytes::from_static(b"ours"), Bytes::from_static(b"other"));
    let objects = flaky(1, true);
    assert_eq!(
        objects.create("n", ours.clone()).await.unwrap(),
        Created::Ours
    );
    assert_eq!(
        objects.create("n", other.clone()).await.unwrap(),
        Created::Taken(ours.clone())
    );
    let objects = flaky(2, false);
    assert_eq!(
        objects.create("n", ours.clone()).await.unwrap(),
        Created::Ours
    );
    let objects = flaky(100, false);
    assert!(matches!(
        objects.create("n", ours).await,
        Err(Error::Request { .. })
    ));
    assert_eq!(objects.metrics.failures.get(), u64::from(LOOKS));
}
