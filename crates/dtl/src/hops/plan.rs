//! Plans the joins of a specification: for each alias the first `eq` join with what is already reached is
//! answered from an index; of two `eq` between the same pair only the first is a join (R39).

use crate::diagnostic::{Code, Diagnostics};
use crate::parse::{Shape, Tree};
use crate::path;

use super::spec::Spec;

/// The order in which aliases are read, and what each condition means.
pub(crate) struct Order<'t, 'j> {
    pub(crate) accesses: Vec<PlannedAccess<'t, 'j>>,
    /// Every condition that does not answer an access, with the number of accesses it has to wait for.
    pub(crate) conditions: Vec<(usize, PlannedCondition<'t, 'j>)>,
}

pub(crate) struct PlannedAccess<'t, 'j> {
    pub(crate) alias: u16,
    /// The side of the join over this alias: what is indexed.
    pub(crate) indexed: &'t Tree<'j>,
    /// The other side.
    pub(crate) keys: &'t Tree<'j>,
}

pub(crate) enum PlannedCondition<'t, 'j> {
    True(&'t Tree<'j>),
    Overlap(&'t Tree<'j>, &'t Tree<'j>),
}

/// What one side of an `eq` refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// Variables of the rule: `_S`, `_T`, `_P`, `_R`, `_B`.
    Input,
    Alias(u16),
}

struct Join<'t, 'j> {
    condition: usize,
    sides: [(Side, &'t Tree<'j>); 2],
}

/// `None` when an alias cannot be reached or a join cannot be indexed; reported.
pub(crate) fn order<'t, 'j>(spec: &Spec<'t, 'j>, out: &mut Diagnostics) -> Option<Order<'t, 'j>> {
    let aliases: Vec<String> = spec
        .datasets
        .iter()
        .map(|dataset| dataset.alias.clone())
        .collect();
    let joins = joins(spec, &aliases, out);
    let mut reached = vec![Side::Input];
    let mut accesses = Vec::new();
    let mut answered = Vec::new();
    while let Some((join, own, other)) = next_access(&joins, &reached) {
        let (side, indexed) = join.sides[own];
        let Side::Alias(alias) = side else { break };
        reached.push(side);
        answered.push(join.condition);
        accesses.push(PlannedAccess {
            alias,
            indexed,
            keys: join.sides[other].1,
        });
    }
    let unreachable = (0u16..)
        .zip(&aliases)
        .filter(|(number, _)| !reached.contains(&Side::Alias(*number)));
    let mut complete = true;
    for (_, alias) in unreachable {
        let message = format!(
            "no \"eq\" joins alias \"{alias}\" with the source entity or with an alias that is joined"
        );
        out.report(spec.tree.site, Code::UnreachableAlias, message);
        complete = false;
    }
    for access in &accesses {
        for side in [access.indexed, access.keys] {
            if !is_deterministic(side) {
                let message =
                    "a join cannot use hops, time, chance or another version of the entity";
                out.report(side.site, Code::JoinNotDeterministic, message);
                complete = false;
            }
        }
    }
    if !complete {
        return None;
    }
    let mut conditions = Vec::new();
    for (index, condition) in spec.conditions.iter().enumerate() {
        if answered.contains(&index) {
            continue;
        }
        let waits = wait_for(condition, &aliases, &reached);
        let planned = match joins.iter().find(|join| join.condition == index) {
            Some(join) => PlannedCondition::Overlap(join.sides[0].1, join.sides[1].1),
            None => PlannedCondition::True(condition),
        };
        conditions.push((waits, planned));
    }
    Some(Order {
        accesses,
        conditions,
    })
}

/// The first `eq` of each pair of sides; further ones are warned about and stay exact comparisons.
fn joins<'t, 'j>(
    spec: &Spec<'t, 'j>,
    aliases: &[String],
    out: &mut Diagnostics,
) -> Vec<Join<'t, 'j>> {
    let mut joins: Vec<Join<'t, 'j>> = Vec::new();
    for (condition, tree) in spec.conditions.iter().enumerate() {
        let Some(("eq", [left, right])) = tree.call() else {
            continue;
        };
        let (Some(first), Some(second)) = (only_side(left, aliases), only_side(right, aliases))
        else {
            continue;
        };
        if first == second {
            continue;
        }
        let known = |join: &Join<'_, '_>| {
            let sides = (join.sides[0].0, join.sides[1].0);
            sides == (first, second) || sides == (second, first)
        };
        if joins.iter().any(known) {
            let message = "only the first \"eq\" between two aliases is a join, this one compares exactly; \"tuples\" joins on several values";
            out.report(tree.site, Code::SeveralJoins, message);
            continue;
        }
        joins.push(Join {
            condition,
            sides: [(first, left), (second, right)],
        });
    }
    joins
}

/// The first join from something reached to an alias that is not: with the number of the new side.
fn next_access<'p, 't, 'j>(
    joins: &'p [Join<'t, 'j>],
    reached: &[Side],
) -> Option<(&'p Join<'t, 'j>, usize, usize)> {
    joins.iter().find_map(|join| {
        let known = |side: usize| reached.contains(&join.sides[side].0);
        match (known(0), known(1)) {
            (true, false) => Some((join, 1, 0)),
            (false, true) => Some((join, 0, 1)),
            _ => None,
        }
    })
}

/// The one side that an expression refers to; `None` for none or several.
fn only_side(tree: &Tree<'_>, aliases: &[String]) -> Option<Side> {
    let mut sides = sides(tree, aliases);
    let only = sides.pop();
    if sides.is_empty() { only } else { None }
}

/// How many accesses a condition has to wait for.
fn wait_for(tree: &Tree<'_>, aliases: &[String], reached: &[Side]) -> usize {
    let position = |side: &Side| reached.iter().position(|known| known == side);
    sides(tree, aliases)
        .iter()
        .filter_map(position)
        .max()
        .unwrap_or(0)
}

fn sides(tree: &Tree<'_>, aliases: &[String]) -> Vec<Side> {
    let mut found = Vec::new();
    collect_sides(tree, aliases, &mut found);
    found
}

fn collect_sides(tree: &Tree<'_>, aliases: &[String], found: &mut Vec<Side>) {
    match &tree.shape {
        Shape::Constant => {}
        Shape::Text(text) => {
            let Some(Ok((variable, _))) = path::split(text, aliases) else {
                return;
            };
            let alias = aliases.iter().position(|alias| alias == variable);
            let side = match alias.and_then(|alias| u16::try_from(alias).ok()) {
                Some(alias) => Side::Alias(alias),
                None if variable == "_" => return,
                None => Side::Input,
            };
            if !found.contains(&side) {
                found.push(side);
            }
        }
        Shape::Call {
            name: "literal", ..
        } => {}
        // Hops inside start from the rule's own variables.
        Shape::Call {
            name: "hops" | "apply-hops",
            ..
        } => {
            if !found.contains(&Side::Input) {
                found.push(Side::Input);
            }
        }
        Shape::Call {
            arguments: nodes, ..
        }
        | Shape::List(nodes) => {
            nodes
                .iter()
                .for_each(|node| collect_sides(node, aliases, found));
        }
        Shape::Dict(entries) => entries
            .iter()
            .for_each(|(_, node)| collect_sides(node, aliases, found)),
    }
}

/// Indexes and keys must be the same each time they are computed, from the entity alone.
pub(crate) fn is_deterministic(tree: &Tree<'_>) -> bool {
    let mut deterministic = true;
    tree.visit(&mut |node| {
        if let Some((name, _)) = node.call() {
            deterministic &= !matches!(
                name,
                "hops"
                    | "apply-hops"
                    | "apply"
                    | "lookup-entity"
                    | "now"
                    | "uuid"
                    | "is-changed"
                    | "completeness"
            );
        }
    });
    deterministic
}
