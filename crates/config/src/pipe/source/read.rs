//! Effective `source` → typed settings.

use super::*;
use crate::fields::Fields;

impl Source {
    /// From an effective `source`.
    pub(crate) fn read(effective: Option<&Json>) -> Source {
        let fields = Fields::of(effective);
        match fields.text("type").as_str() {
            "dataset" => Source::Dataset(DatasetSource::read(&fields)),
            "union_datasets" => Source::UnionDatasets(UnionDatasetsSource::read(&fields)),
            "merge_datasets" => Source::MergeDatasets(MergeDatasetsSource::read(&fields)),
            "embedded" => Source::Embedded(EmbeddedSource::read(&fields)),
            "http_endpoint" => Source::HttpEndpoint(HttpEndpointSource::read(&fields)),
            "json" => Source::Json(JsonSource::read(&fields)),
            "csv" => Source::Csv(CsvSource::read(&fields)),
            "empty" => Source::Empty(Continuation::read(&fields)),
            kind => Source::NotInThisVersion {
                kind: kind.to_owned(),
            },
        }
    }
}

impl Continuation {
    fn read(fields: &Fields<'_>) -> Self {
        Continuation {
            supports_since: fields.flag("supports_since"),
            is_since_comparable: fields.flag("is_since_comparable"),
            is_chronological: fields.flag("is_chronological"),
            initial_since_value: fields.any("initial_since_value").cloned(),
        }
    }
}

fn if_empty(fields: &Fields<'_>) -> IfEmpty {
    match fields.text("if_source_empty").as_str() {
        "fail" => IfEmpty::Fail,
        _ => IfEmpty::Accept,
    }
}

impl DatasetSource {
    fn read(fields: &Fields<'_>) -> Self {
        DatasetSource {
            dataset: fields.text("dataset"),
            include_previous_versions: fields.flag("include_previous_versions"),
            include_replaced: fields.flag("include_replaced"),
            subset: fields.any("subset").and_then(Subset::read),
            completeness: match fields.any("completeness") {
                Some(Json::Bool(true)) => Completeness::Own,
                Some(Json::Array(_)) => Completeness::Datasets(fields.texts("completeness")),
                Some(expression @ Json::Object(_)) => Completeness::Expression(expression.clone()),
                _ => Completeness::Off,
            },
            initial_completeness: fields.texts("initial_completeness"),
            require_populated_input: fields.flag("require_populated_input"),
            supports_signalling: fields.flag("supports_signalling"),
            if_source_empty: if_empty(fields),
        }
    }
}

impl UnionDatasetsSource {
    /// Whether one of the datasets (`None`: it does not exist) lets the source count as populated.
    pub fn counts_as_populated(&self, dataset: &str, populated: Option<bool>) -> bool {
        let asked = self
            .initial_datasets
            .as_ref()
            .is_none_or(|list| list.iter().any(|name| name == dataset));
        // Only a dataset that was listed for it may be missing.
        let may_be_missing = self.initial_datasets.is_some() && self.ignore_non_existent_datasets;
        !asked || populated.unwrap_or(may_be_missing)
    }

    fn read(fields: &Fields<'_>) -> Self {
        UnionDatasetsSource {
            datasets: fields.texts("datasets"),
            initial_datasets: fields.optional_texts("initial_datasets"),
            ignore_non_existent_datasets: fields.flag("ignore_non_existent_datasets"),
            require_populated_input: fields.flag("require_populated_input"),
            include_previous_versions: fields.flag("include_previous_versions"),
            supports_signalling: fields.flag("supports_signalling"),
            prefix_ids: fields.flag("prefix_ids"),
            if_source_empty: if_empty(fields),
        }
    }
}

impl MergeDatasetsSource {
    /// Whether one of the datasets (`None`: it does not exist) lets the source count as populated.
    pub fn counts_as_populated(&self, dataset: &str, populated: Option<bool>) -> bool {
        let asked = self
            .initial_datasets
            .as_ref()
            .is_none_or(|list| list.iter().any(|name| name == dataset));
        // Only a dataset that was listed for it may be missing.
        let may_be_missing = self.initial_datasets.is_some() && self.ignore_non_existent_datasets;
        !asked || populated.unwrap_or(may_be_missing)
    }

    fn read(fields: &Fields<'_>) -> Self {
        MergeDatasetsSource {
            datasets: fields.texts("datasets"),
            initial_datasets: fields.optional_texts("initial_datasets"),
            ignore_non_existent_datasets: fields.flag("ignore_non_existent_datasets"),
            require_populated_input: fields.flag("require_populated_input"),
            strategy: match fields.text("strategy").as_str() {
                "all" => MergeStrategy::All,
                _ => MergeStrategy::Latest,
            },
            supports_signalling: fields.flag("supports_signalling"),
            if_source_empty: if_empty(fields),
        }
    }
}

impl EmbeddedSource {
    fn read(fields: &Fields<'_>) -> Self {
        let entities = fields.any("entities").and_then(Json::as_array);
        EmbeddedSource {
            entities: entities.map(|list| list.to_vec()).unwrap_or_default(),
            continuation: Continuation::read(fields),
            if_source_empty: if_empty(fields),
        }
    }
}

impl HttpEndpointSource {
    fn read(fields: &Fields<'_>) -> Self {
        HttpEndpointSource {
            auto_populate_dataset: fields.flag("auto_populate_dataset"),
            do_float_as_decimal: fields.flag("do_float_as_decimal"),
            do_float_as_int: fields.flag("do_float_as_int"),
            validation_expression: fields.optional_text("validation_expression"),
            trace: Trace::read(fields.any("trace")),
        }
    }
}

impl JsonSource {
    fn read(fields: &Fields<'_>) -> Self {
        JsonSource {
            system: fields.text("system"),
            url: fields.text("url"),
            page_size: fields.optional_count("page_size"),
            subset: fields.any("subset").and_then(Subset::read),
            headers: fields.text_map("headers"),
            supports_signalling: fields.flag("supports_signalling"),
            continuation: Continuation::read(fields),
            if_source_empty: if_empty(fields),
        }
    }
}

impl CsvSource {
    fn read(fields: &Fields<'_>) -> Self {
        CsvSource {
            system: fields.text("system"),
            url: fields.text("url"),
            has_header: fields.flag("has_header"),
            field_names: fields.optional_texts("field_names"),
            auto_dialect: fields.flag("auto_dialect"),
            dialect: fields.optional_text("dialect"),
            delimiter: fields.optional_text("delimiter"),
            encoding: TextEncoding::named(&fields.text("encoding")).unwrap_or_default(),
            decode_error_strategy: match fields.text("decode_error_strategy").as_str() {
                "replace" => DecodeErrors::Replace,
                _ => DecodeErrors::Strict,
            },
            primary_key: fields.texts("primary_key"),
            whitelist: fields.optional_texts("whitelist"),
            blacklist: fields.optional_texts("blacklist"),
            preserve_empty_strings: fields.flag("preserve_empty_strings"),
            escape_null_bytes: fields.flag("escape_null_bytes"),
            continuation: Continuation::read(fields),
            if_source_empty: if_empty(fields),
        }
    }
}
