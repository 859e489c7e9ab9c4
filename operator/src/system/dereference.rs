//! The Secrets that a system names: read by name, never listed. Their values go to the storage node and nowhere else.

use crate::crd::System;
use crate::{Error, Result};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt};
use sluice_protocol::ReferencedSecret;
use std::collections::BTreeMap;

/// What the Secrets of a system hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dereferenced {
    /// By name; of a name in several Secrets the last one counts.
    pub(crate) secrets: BTreeMap<String, ReferencedSecret>,
    /// Secrets that are not there, and keys that hold no text.
    pub(crate) problems: Vec<String>,
}

/// Reads the Secrets that a system names.
pub(crate) async fn secrets(api: &Api<Secret>, system: &System) -> Result<Dereferenced> {
    let mut found = Dereferenced::default();
    for reference in &system.spec.secret_refs {
        let secret = api.get_opt(&reference.name).await;
        match secret.map_err(Error::api("read", "Secret", &reference.name))? {
            Some(secret) => found.add(&secret),
            None => {
                let problem = format!("there is no Secret \"{}\"", reference.name);
                found.problems.push(problem);
            }
        }
    }
    Ok(found)
}

impl Dereferenced {
    fn add(&mut self, secret: &Secret) {
        let kept_in = secret.name_any();
        for (name, bytes) in secret.data.iter().flatten() {
            match String::from_utf8(bytes.0.clone()) {
                Ok(value) => {
                    let kept_in = kept_in.clone();
                    let referenced = ReferencedSecret { value, kept_in };
                    self.secrets.insert(name.clone(), referenced);
                }
                Err(_) => {
                    let problem = format!("\"{name}\" of Secret \"{kept_in}\" is no text");
                    self.problems.push(problem);
                }
            }
        }
    }
}
