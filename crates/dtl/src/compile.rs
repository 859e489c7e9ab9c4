//! From checked trees to a program: functions as pointers, paths split, names qualified, constants folded,
//! joins planned. Refuses nothing that the checks let through.

mod canonical;
mod expression;
mod joins;
mod steps;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use sluice_entity::{Json, Numbers};

use crate::check::{self, Check};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Site, Sites};
use crate::index::IndexExpression;
use crate::namespaces::Namespaces;
use crate::options::Options;
use crate::parse::Tree;
use crate::path;
use crate::program::{Needs, Program, Rule, Start, Trigger, UriNamespaces};

use expression::Aliases;

/// A program, unless there was an error, and all remarks.
#[derive(Debug)]
pub struct Compiled {
    pub program: Option<Arc<Program>>,
    pub diagnostics: Vec<Diagnostic>,
}

/// Numbers in rules keep the kind they are written in: `1` is an integer, `1.0` a float.
pub(crate) const NUMBERS: Numbers = Numbers {
    float_as_decimal: false,
    float_as_int: false,
};

/// Compiles one `dtl` transform: `{"type": "dtl", "rules": {"default": [...]}, "id_required": true}`.
pub fn compile(transform: &Json, options: &Options) -> Compiled {
    let mut sites = Sites::new();
    let mut out = Diagnostics::default();
    let rules = match transform.get("rules") {
        Some(Json::Object(rules)) => rules.as_slice(),
        Some(_) | None => {
            out.report(
                Sites::ROOT,
                Code::MissingRules,
                "\"rules\" is an object: the name of a rule to its transforms",
            );
            &[]
        }
    };
    let place = sites.key(Sites::ROOT, "rules");
    let trees = rule_trees(rules, place, &mut sites);
    let has_rules = matches!(transform.get("rules"), Some(Json::Object(_)));
    if has_rules && !trees.iter().any(|(name, _)| *name == "default") {
        out.report(
            place,
            Code::MissingDefaultRule,
            "there is no rule \"default\"",
        );
    }
    check_rules(&trees, &mut out, None);
    let id_required = match transform.get("id_required") {
        None | Some(Json::Null) => true,
        Some(value) => value.as_bool().unwrap_or_else(|| {
            let place = sites.key(Sites::ROOT, "id_required");
            out.report(
                place,
                Code::InvalidProperty,
                format!("\"id_required\" is true or false, found {value}"),
            );
            true
        }),
    };
    let trigger = trigger(transform, options, &mut sites, &mut out);
    if rules.is_empty() || out.has_errors() {
        return Compiled {
            program: None,
            diagnostics: out.finish(&sites),
        };
    }
    let start = trees
        .iter()
        .position(|(name, _)| *name == "default")
        .unwrap_or(0);
    let mut compiler = Compiler::new(options, &trees);
    let rules = compiler.rules(&trees);
    let program = Program {
        id_required,
        trigger,
        ..compiler.program(rules, Start::Rule(start))
    };
    finish(program, sites, out)
}

/// Compiles one expression by itself, to be evaluated over a source entity with [`crate::Evaluator::evaluate`].
pub fn compile_expression(expression: &Json, options: &Options) -> Compiled {
    compile_expression_with(expression, &[], options)
}

/// As [`compile_expression`], with rules that `apply` and `apply-hops` can name.
pub(crate) fn compile_expression_with(
    expression: &Json,
    rules: &[(String, Json)],
    options: &Options,
) -> Compiled {
    let mut sites = Sites::new();
    let mut out = Diagnostics::default();
    let place = sites.key(Sites::ROOT, "rules");
    let trees = rule_trees(rules, place, &mut sites);
    let tree = Tree::parse(expression, Sites::ROOT, &mut sites);
    check_rules(&trees, &mut out, Some(&tree));
    if out.has_errors() {
        return Compiled {
            program: None,
            diagnostics: out.finish(&sites),
        };
    }
    let mut compiler = Compiler::new(options, &trees);
    let rules = compiler.rules(&trees);
    let node = compiler.expression(&tree, &Aliases::default());
    finish(compiler.program(rules, Start::Expression(node)), sites, out)
}

/// See [`IndexExpression::compile`].
pub(crate) fn index(text: &Json, options: &Options) -> Result<IndexExpression, Vec<Diagnostic>> {
    let named = match text.as_str() {
        Some(name) if path::split(name, &[]).is_none() => {
            Some(Json::from(format!("_S.'{}'", name.replace('\'', "''"))))
        }
        _ => None,
    };
    let expression = named.as_ref().unwrap_or(text);
    let mut sites = Sites::new();
    let mut out = Diagnostics::default();
    let tree = Tree::parse(expression, Sites::ROOT, &mut sites);
    check_rules(&[], &mut out, Some(&tree));
    if !crate::hops::plan::is_deterministic(&tree) {
        let message = "an index cannot use hops, time, chance or another version of the entity";
        out.report(tree.site, Code::JoinNotDeterministic, message);
    }
    if out.has_errors() {
        return Err(out.finish(&sites));
    }
    Ok(Compiler::new(options, &[]).index_expression(&tree, None))
}

fn rule_trees<'j>(
    rules: &'j [(String, Json)],
    place: Site,
    sites: &mut Sites,
) -> Vec<(&'j str, Tree<'j>)> {
    let tree = |(name, json): &'j (String, Json)| {
        let site = sites.key(place, name);
        (name.as_str(), Tree::parse(json, site, sites))
    };
    rules.iter().map(tree).collect()
}

/// Checks all rules, and the expression when one stands by itself.
fn check_rules(trees: &[(&str, Tree<'_>)], out: &mut Diagnostics, expression: Option<&Tree<'_>>) {
    let rules: HashMap<&str, bool> = trees
        .iter()
        .map(|(name, tree)| (*name, check::has_hops(tree)))
        .collect();
    let mut check = Check {
        out,
        rules: &rules,
        applied: Default::default(),
    };
    for (_, tree) in trees {
        check.steps(tree, Code::InvalidRule);
    }
    if let Some(tree) = expression {
        check.expression(tree);
    }
    let applied = check.applied;
    for (name, tree) in trees {
        if expression.is_none() && *name != "default" && !applied.contains(*name) {
            out.report(
                tree.site,
                Code::UnusedRule,
                format!("no rule applies \"{name}\""),
            );
        }
    }
}

fn trigger(
    transform: &Json,
    options: &Options,
    sites: &mut Sites,
    out: &mut Diagnostics,
) -> Option<Trigger> {
    let json = match transform.get("trigger_on") {
        None | Some(Json::Null) => return None,
        Some(json) => json,
    };
    let key = json.get("key").map_or(Some("_trigger"), Json::as_str);
    let (Some(key), Some(value)) = (key, json.get("value")) else {
        let place = sites.key(Sites::ROOT, "trigger_on");
        out.report(
            place,
            Code::InvalidProperty,
            "\"trigger_on\" has a string \"key\" and a \"value\"",
        );
        return None;
    };
    let text = format!("_S.{key}");
    let (_, elements) = path::split(&text, &[])?.ok()?;
    let namespaces = Namespaces::new(options);
    let key = path::steps(elements.iter().map(String::as_str), &namespaces);
    Some(Trigger {
        key,
        value: value.to_value(&NUMBERS),
    })
}

/// What compiling collects on its way.
pub(crate) struct Compiler<'c> {
    options: &'c Options,
    namespaces: Namespaces,
    rules: HashMap<&'c str, usize>,
    needs: Needs,
    hop_datasets: BTreeSet<String>,
    tracked: BTreeSet<String>,
    looked_up: BTreeSet<String>,
    /// By dataset and name.
    indexes: HashMap<(String, String), Arc<IndexExpression>>,
}

impl<'c> Compiler<'c> {
    fn new(options: &'c Options, trees: &[(&'c str, Tree<'_>)]) -> Compiler<'c> {
        Compiler {
            options,
            namespaces: Namespaces::new(options),
            rules: trees
                .iter()
                .enumerate()
                .map(|(number, (name, _))| (*name, number))
                .collect(),
            needs: Needs::default(),
            hop_datasets: BTreeSet::new(),
            tracked: BTreeSet::new(),
            looked_up: BTreeSet::new(),
            indexes: HashMap::new(),
        }
    }

    fn rules(&mut self, trees: &[(&str, Tree<'_>)]) -> Vec<Rule> {
        let rule = |(name, tree): &(&str, Tree<'_>)| Rule {
            name: (*name).into(),
            steps: self.steps(tree),
        };
        trees.iter().map(rule).collect()
    }

    /// The program, with everything that was collected on the way.
    fn program(mut self, rules: Vec<Rule>, start: Start) -> Program {
        self.needs.datasets = self.hop_datasets.union(&self.looked_up).cloned().collect();
        self.needs.untracked = self
            .hop_datasets
            .difference(&self.tracked)
            .cloned()
            .collect();
        self.needs.hop_datasets = self.hop_datasets.into_iter().collect();
        Program {
            rules,
            start,
            id_required: false,
            trigger: None,
            namespaces: self.namespaces,
            uris: UriNamespaces::new(self.options),
            budget: self.options.budget,
            sites: Sites::new(),
            needs: self.needs,
        }
    }
}

fn finish(program: Program, sites: Sites, out: Diagnostics) -> Compiled {
    let diagnostics = out.finish(&sites);
    Compiled {
        program: Some(Arc::new(Program { sites, ..program })),
        diagnostics,
    }
}
