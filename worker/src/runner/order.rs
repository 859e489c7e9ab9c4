//! Dependency order of pipes: first what others read. Pipes in a circle stand together, by id.

use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A pipe as the order sees it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Its id.
    pub id: String,
    /// Datasets it reads or hops to.
    pub reads: Vec<String>,
    /// Dataset it writes.
    pub writes: Option<String>,
}

/// All ids, each after the pipes it depends on. Deterministic.
pub(super) fn order(nodes: &[Node]) -> Vec<String> {
    let by_id: BTreeMap<&str, &Node> = nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let mut writers: HashMap<&str, Vec<&str>> = HashMap::new();
    for node in by_id.values() {
        if let Some(dataset) = &node.writes {
            writers.entry(dataset.as_str()).or_default().push(&node.id);
        }
    }
    let depends_on = |id: &str| -> Vec<&str> {
        let reads = by_id
            .get(id)
            .map(|node| node.reads.iter())
            .into_iter()
            .flatten();
        let found: BTreeSet<&str> = reads
            .flat_map(|dataset| writers.get(dataset.as_str()).into_iter().flatten())
            .copied()
            .collect();
        found.into_iter().collect()
    };
    let mut search = Search::default();
    for id in by_id.keys() {
        search.visit(id, &depends_on);
    }
    search.order
}

/// Tarjan's search for strongly connected components; they come out with their dependencies first. Without recursion: a chain of
/// pipes may be longer than a stack is deep.
#[derive(Default)]
struct Search {
    numbers: HashMap<String, usize>,
    lowest: HashMap<String, usize>,
    stack: Vec<String>,
    on_stack: BTreeSet<String>,
    order: Vec<String>,
}

struct Frame {
    id: String,
    dependencies: Vec<String>,
    next: usize,
}

impl Search {
    fn visit<'a>(&mut self, start: &str, depends_on: &impl Fn(&str) -> Vec<&'a str>) {
        if self.numbers.contains_key(start) {
            return;
        }
        let mut frames = vec![self.enter(start, depends_on)];
        while let Some(frame) = frames.last_mut() {
            let Some(dependency) = frame.dependencies.get(frame.next).cloned() else {
                let id = frame.id.clone();
                frames.pop();
                self.leave(&id);
                if let Some(parent) = frames.last() {
                    self.lower(&parent.id.clone(), self.lowest[&id]);
                }
                continue;
            };
            frame.next += 1;
            let id = frame.id.clone();
            if !self.numbers.contains_key(&dependency) {
                frames.push(self.enter(&dependency, depends_on));
            } else if self.on_stack.contains(&dependency) {
                self.lower(&id, self.numbers[&dependency]);
            }
        }
    }

    fn enter<'a>(&mut self, id: &str, depends_on: &impl Fn(&str) -> Vec<&'a str>) -> Frame {
        let number = self.numbers.len();
        self.numbers.insert(id.to_owned(), number);
        self.lowest.insert(id.to_owned(), number);
        self.stack.push(id.to_owned());
        self.on_stack.insert(id.to_owned());
        let dependencies = depends_on(id).into_iter().map(str::to_owned).collect();
        Frame {
            id: id.to_owned(),
            dependencies,
            next: 0,
        }
    }

    fn lower(&mut self, id: &str, to: usize) {
        if let Some(lowest) = self.lowest.get_mut(id) {
            *lowest = (*lowest).min(to);
        }
    }

    fn leave(&mut self, id: &str) {
        if self.lowest[id] != self.numbers[id] {
            return;
        }
        let mut component = Vec::new();
        while let Some(member) = self.stack.pop() {
            self.on_stack.remove(&member);
            let is_root = member == id;
            component.push(member);
            if is_root {
                break;
            }
        }
        component.sort_unstable();
        self.order.extend(component);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pipes: &[(&str, &[&str])], expected: &[&str]) {
        let nodes: Vec<Node> = pipes
            .iter()
            .map(|(id, reads)| Node {
                id: (*id).to_owned(),
                reads: reads.iter().map(|read| (*read).to_owned()).collect(),
                writes: Some((*id).to_owned()),
            })
            .collect();
        assert_eq!(order(&nodes), expected);
    }

    #[test]
    fn dependencies_come_first_and_the_rest_goes_by_id() {
        check(&[("b", &[]), ("a", &[])], &["a", "b"]);
        check(
            &[("a", &["b"]), ("b", &["c"]), ("c", &[])],
            &["c", "b", "a"],
        );
        check(
            &[("m", &["x", "y"]), ("x", &["s"]), ("y", &["s"]), ("s", &[])],
            &["s", "x", "y", "m"],
        );
        check(&[("a", &["nobody-writes-this"])], &["a"]);
    }

    #[test]
    fn pipes_in_a_circle_stand_together() {
        check(
            &[
                ("z", &["in"]),
                ("in", &[]),
                ("a", &["b"]),
                ("b", &["a", "in"]),
                ("c", &["a"]),
            ],
            &["in", "a", "b", "c", "z"],
        );
        check(&[("self", &["self"])], &["self"]);
    }

    #[test]
    fn a_long_chain_does_not_exhaust_the_stack() {
        let ids: Vec<String> = (0..20_000).map(|number| format!("{number:05}")).collect();
        let node = |number: usize| Node {
            id: ids[number].clone(),
            reads: ids.get(number + 1).cloned().into_iter().collect(),
            writes: Some(ids[number].clone()),
        };
        let nodes: Vec<Node> = (0..ids.len()).map(node).collect();
        let expected: Vec<String> = ids.iter().rev().cloned().collect();
        assert_eq!(order(&nodes), expected);
    }
}
