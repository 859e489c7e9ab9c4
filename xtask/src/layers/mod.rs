//! `cargo xtask layers`: fails on an arrow between crates that `rules` does not have.
//! Judges what `cargo metadata` says and, for the pure crates, what their sources say.

mod purity;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Result, bail};

use crate::workspace::{self, Metadata};
use rules::{ARROWS, KEPT_OUT, RESERVED};

pub(crate) fn check() -> Result<()> {
    let root = workspace::root()?;
    let metadata = Metadata::read(&root)?;
    let mut problems = judge(&metadata);
    problems.extend(purity::judge(&metadata)?);
    if problems.is_empty() {
        println!(
            "    {} crates keep to their layers",
            metadata.workspace_members.len()
        );
        return Ok(());
    }
    bail!("forbidden dependencies:\n  {}", problems.join("\n  "))
}

/// Every arrow that the rules do not have, as sentences.
fn judge(metadata: &Metadata) -> Vec<String> {
    let mut problems = undeclared_arrows(metadata);
    problems.extend(reserved_crates(metadata));
    problems.extend(crates_kept_out(metadata));
    problems
}

/// Names of our own packages by id.
fn ours(metadata: &Metadata) -> BTreeMap<&str, &str> {
    let members: BTreeSet<&str> = metadata
        .workspace_members
        .iter()
        .map(String::as_str)
        .collect();
    let packages = metadata
        .packages
        .iter()
        .filter(|package| members.contains(package.id.as_str()));
    packages
        .map(|package| (package.id.as_str(), package.name.as_str()))
        .collect()
}

fn undeclared_arrows(metadata: &Metadata) -> Vec<String> {
    let ours = ours(metadata);
    let names: BTreeSet<&str> = ours.values().copied().collect();
    let mut problems = Vec::new();
    for package in metadata
        .packages
        .iter()
        .filter(|package| ours.contains_key(package.id.as_str()))
    {
        let Some(allowed) = reachable(&package.name) else {
            problems.push(format!(
                "{} has no layer: give it a row in xtask/src/layers/rules.rs",
                package.name
            ));
            continue;
        };
        for dependency in package
            .dependencies
            .iter()
            .filter(|dependency| names.contains(dependency.name.as_str()))
        {
            if !allowed.contains(dependency.name.as_str()) {
                problems.push(format!(
                    "{} → {}: no arrow leads there",
                    package.name, dependency.name
                ));
            }
        }
    }
    problems
}

/// What the arrows of a crate reach, itself not included; None for a crate without a row.
fn reachable(name: &str) -> Option<BTreeSet<&'static str>> {
    let row = |wanted: &str| {
        ARROWS
            .iter()
            .find(|(from, _)| *from == wanted)
            .map(|(_, to)| *to)
    };
    let mut reached = BTreeSet::new();
    let mut open = row(name)?.to_vec();
    while let Some(next) = open.pop() {
        if reached.insert(next) {
            open.extend(row(next).unwrap_or_default());
        }
    }
    Some(reached)
}

fn reserved_crates(metadata: &Metadata) -> Vec<String> {
    let ours = ours(metadata);
    let mut problems = Vec::new();
    for package in metadata
        .packages
        .iter()
        .filter(|package| ours.contains_key(package.id.as_str()))
    {
        for dependency in &package.dependencies {
            let in_tests = dependency.kind.as_deref() == Some("dev");
            let broken = RESERVED.iter().find(|rule| {
                rule.crates.contains(&dependency.name.as_str())
                    && !rule.for_only.contains(&package.name.as_str())
                    && !(in_tests && rule.in_tests)
            });
            if let Some(rule) = broken {
                problems.push(format!(
                    "{} → {}: {}",
                    package.name, dependency.name, rule.why
                ));
            }
        }
    }
    problems
}

fn crates_kept_out(metadata: &Metadata) -> Vec<String> {
    let graph = Graph::of(metadata);
    let mut problems = Vec::new();
    for (id, name) in ours(metadata) {
        for rule in KEPT_OUT.iter().filter(|rule| rule.from.contains(&name)) {
            let reached = graph.reach(id);
            for outside in rule
                .crates
                .iter()
                .filter(|outside| reached.contains(*outside))
            {
                problems.push(format!("{name} reaches {outside}: {}", rule.why));
            }
        }
    }
    problems
}

/// The resolved packages without the edges that exist only for tests.
struct Graph<'a> {
    names: HashMap<&'a str, &'a str>,
    edges: HashMap<&'a str, Vec<&'a str>>,
}

impl<'a> Graph<'a> {
    fn of(metadata: &'a Metadata) -> Self {
        let names = metadata
            .packages
            .iter()
            .map(|package| (package.id.as_str(), package.name.as_str()))
            .collect();
        let nodes = metadata
            .resolve
            .as_ref()
            .map_or(&[][..], |resolve| &resolve.nodes);
        let edges = nodes
            .iter()
            .map(|node| {
                let linked = node
                    .deps
                    .iter()
                    .filter(|edge| edge.dep_kinds.iter().any(|kind| kind.kind.is_none()));
                (
                    node.id.as_str(),
                    linked.map(|edge| edge.pkg.as_str()).collect(),
                )
            })
            .collect();
        Self { names, edges }
    }

    fn reach(&self, start: &str) -> BTreeSet<&'a str> {
        let mut names = BTreeSet::new();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut open: Vec<&str> = self.edges.get(start).cloned().unwrap_or_default();
        while let Some(id) = open.pop() {
            if seen.insert(id) {
                names.extend(self.names.get(id));
                open.extend(self.edges.get(id).into_iter().flatten());
            }
        }
        names
    }
}
