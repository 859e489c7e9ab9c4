//! From a URL and the environment to a store.

use crate::{Error, Result};
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectStore, ObjectStoreScheme, RetryConfig};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How long one call is tried again by the store's client.
const TRIED_FOR: Duration = Duration::from_secs(20);

pub(crate) fn open(
    text: &str,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<(Arc<dyn ObjectStore>, Path)> {
    let unknown = || Error::Url { url: shown(text) };
    let url = Url::parse(text).map_err(|_| unknown())?;
    let (scheme, root) = ObjectStoreScheme::parse(&url).map_err(|_| unknown())?;
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Open {
        url: shown(text),
        source,
    };
    // Only names that say whose they are: `TOKEN` or `BUCKET` may mean anything.
    let of = |prefix: &'static str| {
        let all = environment.into_iter();
        let named = all.map(|(name, value)| (name.to_ascii_lowercase(), value));
        named.filter(move |(name, _)| name.starts_with(prefix))
    };
    let store: Arc<dyn ObjectStore> = match scheme {
        ObjectStoreScheme::Local => {
            let folder = url.to_file_path().map_err(|()| unknown())?;
            std::fs::create_dir_all(&folder).map_err(|error| failed(error.into()))?;
            let local = LocalFileSystem::new_with_prefix(folder);
            let local = local.map_err(|error| failed(error.into()))?;
            return Ok((Arc::new(local.with_fsync(true)), Path::default()));
        }
        ObjectStoreScheme::Memory => Arc::new(InMemory::new()),
        ObjectStoreScheme::AmazonS3 => {
            let mut builder = AmazonS3Builder::new().with_url(text).with_retry(retry());
            for (name, value) in of("aws_") {
                if let Ok(key) = name.parse() {
                    builder = builder.with_config(key, value);
                }
            }
            Arc::new(builder.build().map_err(|error| failed(error.into()))?)
        }
        ObjectStoreScheme::GoogleCloudStorage => {
            let mut builder = GoogleCloudStorageBuilder::new();
            builder = builder.with_url(text).with_retry(retry());
            for (name, value) in of("google_") {
                if let Ok(key) = name.parse() {
                    builder = builder.with_config(key, value);
                }
            }
            Arc::new(builder.build().map_err(|error| failed(error.into()))?)
        }
        ObjectStoreScheme::MicrosoftAzure => {
            let mut builder = MicrosoftAzureBuilder::new();
            builder = builder.with_url(text).with_retry(retry());
            for (name, value) in of("azure_") {
                if let Ok(key) = name.parse() {
                    builder = builder.with_config(key, value);
                }
            }
            Arc::new(builder.build().map_err(|error| failed(error.into()))?)
        }
        _ => return Err(unknown()),
    };
    Ok((store, root))
}

fn retry() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(50),
            max_backoff: Duration::from_secs(5),
            base: 2.,
        },
        max_retries: 8,
        retry_timeout: TRIED_FOR,
    }
}

/// A URL as it may be printed: without user and password. Of other text nobody knows where in it a password is.
pub(crate) fn shown(text: &str) -> String {
    let url = Url::parse(text).ok();
    let Some(mut url) = url.filter(|url| !url.cannot_be_a_base()) else {
        return "(text that is no URL)".into();
    };
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open_with(url: &str, environment: &[(&str, &str)]) -> Result<(Arc<dyn ObjectStore>, Path)> {
        let pairs = environment.iter();
        open(
            url,
            pairs.map(|(name, value)| (name.to_string(), value.to_string())),
        )
    }

    #[test]
    fn a_url_says_which_store_and_where_in_it() {
        let keys = [
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "very secret"),
        ];
        let (store, root) = open_with("s3://bucket/hubs/one", &keys).unwrap();
        assert_eq!(root.as_ref(), "hubs/one");
        assert!(!format!("{store:?}").contains("very secret"), "{store:?}");
        let (_, root) = open_with("gs://bucket/x", &[("GOOGLE_SKIP_SIGNATURE", "true")]).unwrap();
        assert_eq!(root.as_ref(), "x");
        let azure = [
            ("AZURE_STORAGE_ACCOUNT_NAME", "a"),
            ("AZURE_SKIP_SIGNATURE", "true"),
        ];
        assert!(open_with("az://container/x", &azure).is_ok());
    }

    #[test]
    fn what_is_no_store_is_refused_without_its_password() {
        for url in [
            "nowhere",
            "ftp://a/b",
            "http://user:hidden@host/x",
            "user:hidden@host",
            "//user:hidden@host/x",
            "s3:user:hidden@host",
            "ftp://host/#hidden",
        ] {
            let Err(error) = open_with(url, &[]) else {
                panic!("{url} was opened");
            };
            assert!(matches!(error, Error::Url { .. }), "{error}");
            assert!(!error.to_string().contains("hidden"), "{error}");
        }
    }

    #[test]
    fn names_that_belong_to_nobody_are_not_read() {
        let (store, _) =
            open_with("s3://mine", &[("BUCKET", "yours"), ("REGION", "moon")]).unwrap();
        let shown = format!("{store:?}");
        assert!(
            !shown.contains("yours") && !shown.contains("moon"),
            "{shown}"
        );
    }
}
