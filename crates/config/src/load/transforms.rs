//! The chain of transforms: flattened, checked, compiled; problems of the rules are moved to their place in the component.

use super::fill::Filler;
use super::node::{Node, Tree};
use super::parts;
use crate::tables::TRANSFORMS;
use crate::{Code, Diagnostic, DtlTransform, Level, PathElement, Subset, Transform};
use sluice_dtl::{IndexExpression, Options};
use sluice_entity::Json;

/// What became of `transform`.
#[derive(Default)]
pub(super) struct Chain {
    pub(super) transforms: Vec<Transform>,
    /// One object where one is given, else the list without lists and `chained` inside.
    pub(super) effective: Option<Json>,
    /// Datasets that any of them hops to or looks up, each once.
    pub(super) datasets: Vec<String>,
    /// The first type that this version cannot run.
    pub(super) later: Option<String>,
}

/// Checks and compiles the chain.
pub(super) fn load(filler: &mut Filler<'_>, node: Option<&Node>, options: &Options) -> Chain {
    let mut chain = Chain::default();
    let Some(node) = node else { return chain };
    let mut effective = Vec::new();
    link(filler, node, options, &mut chain, &mut effective);
    let is_single = matches!(&node.tree, Tree::Dict(_)) && effective.len() == 1;
    chain.effective = match node.tree {
        Tree::Broken | Tree::Leaf(Json::Null) => None,
        Tree::Leaf(_) => Some(node.to_json()),
        _ if is_single => effective.pop(),
        _ => Some(Json::Array(effective)),
    };
    chain
}

fn link(
    filler: &mut Filler<'_>,
    node: &Node,
    options: &Options,
    chain: &mut Chain,
    effective: &mut Vec<Json>,
) {
    match &node.tree {
        Tree::List(list) => list
            .iter()
            .for_each(|item| link(filler, item, options, chain, effective)),
        Tree::Dict(_) if node.get("type").and_then(Node::as_str) == Some("chained") => {
            parts::load(filler, node, TRANSFORMS, "transform", None);
            if let Some(
                inner @ Node {
                    tree: Tree::List(_),
                    ..
                },
            ) = node.get("transforms")
            {
                link(filler, inner, options, chain, effective);
            }
        }
        Tree::Dict(_) => {
            let (members, found) = parts::load(filler, node, TRANSFORMS, "transform", None);
            let json = Json::Object(members);
            let kind = json
                .get("type")
                .and_then(Json::as_str)
                .unwrap_or_default()
                .to_owned();
            let transform = match found {
                Some(found) if found.name == "dtl" => compile(filler, node, &json, options, chain),
                _ => Transform::NotInThisVersion { kind: kind.clone() },
            };
            if found.is_some_and(|found| !found.runs) && chain.later.is_none() {
                chain.later = Some(kind);
            }
            chain.transforms.push(transform);
            effective.push(json);
        }
        Tree::Leaf(Json::Null) | Tree::Broken => {}
        Tree::Leaf(_) => filler.wrong_kind(node, "a transform (an object) or a list of them"),
    }
}

fn compile(
    filler: &mut Filler<'_>,
    node: &Node,
    json: &Json,
    options: &Options,
    chain: &mut Chain,
) -> Transform {
    let kind = "dtl".to_owned();
    // Without rules there is nothing to compile, and that was told.
    if json.get("rules").and_then(Json::as_object).is_none() {
        return Transform::NotInThisVersion { kind };
    }
    let compiled = sluice_dtl::compile(json, options);
    relocate(filler, node, compiled.diagnostics);
    let Some(program) = compiled.program else {
        return Transform::NotInThisVersion { kind };
    };
    for dataset in program.datasets() {
        if !chain.datasets.contains(dataset) {
            chain.datasets.push(dataset.clone());
        }
    }
    let side_effects = json
        .get("side_effects")
        .and_then(Json::as_bool)
        .unwrap_or_default();
    Transform::Dtl(DtlTransform {
        program,
        side_effects,
    })
}

/// Diagnostics of the language, whose paths begin at `node`, as diagnostics of the component. A place that already has an error
/// gets no second one: the language checks some properties that the tables check too.
fn relocate(filler: &mut Filler<'_>, node: &Node, diagnostics: Vec<sluice_dtl::Diagnostic>) {
    for diagnostic in diagnostics {
        let path: Vec<PathElement> = diagnostic.elements.iter().map(element).collect();
        let elements = node.locate(&path);
        let level = match diagnostic.level {
            sluice_dtl::Level::Error => Level::Error,
            sluice_dtl::Level::Warning => Level::Warning,
        };
        let is_told = filler
            .problems
            .0
            .iter()
            .any(|told| told.level == Level::Error && told.elements == elements);
        if !is_told || level == Level::Warning {
            filler.problems.0.push(Diagnostic {
                level,
                code: diagnostic.code.as_str(),
                message: diagnostic.message,
                elements,
            });
        }
    }
}

fn element(element: &sluice_dtl::PathElement) -> PathElement {
    match element {
        sluice_dtl::PathElement::Key(key) => PathElement::Key(key.clone()),
        sluice_dtl::PathElement::Index(index) => PathElement::Index(*index),
    }
}

/// The expressions outside of transforms: the source's subset and the sink's indexes.
pub(super) fn check_indexes(
    filler: &mut Filler<'_>,
    source: &Node,
    sink: &Node,
    options: &Options,
) {
    if let Some(subset) = source.get("subset")
        && let Some(read) = Subset::read(&subset.to_json())
        && let Err(diagnostics) = IndexExpression::compile(&read.index, options)
    {
        for diagnostic in diagnostics {
            let code = Code::InvalidSubset;
            filler
                .problems
                .error(&subset.place, code, diagnostic.message);
        }
    }
    if let Some(Node {
        tree: Tree::List(indexes),
        ..
    }) = sink.get("indexes")
    {
        for index in indexes {
            if let Err(diagnostics) = IndexExpression::compile(&index.to_json(), options) {
                relocate(filler, index, diagnostics);
            }
        }
    }
}
