//! What the compatible API has and this version does not: each path answers 501 with the feature's name.
//!
//! The table may only shrink. A test holds it, together with the route table, against the list of all public paths.

use super::operation::Verb::{self, Delete, Get, Options, Post, Put};

/// Methods of a path that wait for a feature.
pub(crate) struct Missing {
    pub(crate) path: &'static str,
    pub(crate) verbs: &'static [Verb],
    pub(crate) feature: &'static str,
}

const fn missing(path: &'static str, verbs: &'static [Verb], feature: &'static str) -> Missing {
    Missing {
        path,
        verbs,
        feature,
    }
}

const MODELS: &str = "models";
const SCHEMAS: &str = "schema inference";
const SDSHARE: &str = "SDShare";
const EXCEL: &str = "Excel endpoints";
const XML: &str = "XML endpoints";
const LINKS: &str = "shareable links";
const INDEXES: &str = "managing indexes";

#[rustfmt::skip]
pub(crate) static NOT_IN_THIS_VERSION: &[Missing] = &[
    // Methods of paths that are otherwise served.
    missing("/api", &[Post], "operations on the node"),
    missing("/api/license", &[Put], "licence keys"),
    missing("/api/datasets/{dataset_id}", &[Post], "circuit breakers"),
    // Whole paths.
    missing("/api/models", &[Get, Post], MODELS),
    missing("/api/models/{model_id}", &[Get, Delete], MODELS),
    missing("/api/models/{model_id}/{entity_type_id}", &[Get], MODELS),
    missing("/api/pipes/{pipe_id}/generate-schema-definition", &[Get], SCHEMAS),
    missing("/api/pipes/{pipe_id}/entity-types/source", &[Get], SCHEMAS),
    missing("/api/pipes/{pipe_id}/entity-types/sink", &[Get], SCHEMAS),
    missing("/api/pipes/{pipe_id}/webhook", &[Post], "webhooks"),
    missing("/api/datasets/{dataset_id}/sdshare-collection", &[Get], SDSHARE),
    missing("/api/datasets/{dataset_id}/sdshare-fragments", &[Get], SDSHARE),
    missing("/api/datasets/{dataset_id}/sdshare-fragments/{*rest_of_path}", &[Get], SDSHARE),
    missing("/api/datasets/{dataset_id}/indexes", &[Get], INDEXES),
    missing("/api/datasets/{dataset_id}/indexes/{index_int_id}", &[Delete], INDEXES),
    missing("/api/datasets/{dataset_id}/generate-schema-definition", &[Get], SCHEMAS),
    missing("/api/publishers/{pipe_id}/sdshare-collection", &[Get], SDSHARE),
    missing("/api/publishers/{pipe_id}/sdshare-fragments", &[Get], SDSHARE),
    missing("/api/publishers/{pipe_id}/csv/", &[Options], "options of CSV endpoints"),
    missing("/api/publishers/{pipe_id}/excel", &[Get], EXCEL),
    missing("/api/publishers/{pipe_id}/excel/", &[Options], EXCEL),
    missing("/api/publishers/{pipe_id}/excel/{filename}", &[Get], EXCEL),
    missing("/api/publishers/{pipe_id}/xml", &[Get], XML),
    missing("/api/publishers/{pipe_id}/xml/", &[Options], XML),
    missing("/api/publishers/{pipe_id}/xml/{filename}", &[Get], XML),
    missing("/api/publishers/{pipe_id}/shareable-links", &[Get, Post], LINKS),
    missing("/api/publishers/{pipe_id}/shareable-links/{shareable_link_id}", &[Delete], LINKS),
    missing("/api/receivers/{pipe_id}/sdshare-push-receiver", &[Post], SDSHARE),
];
