//! Isolations as a table of nft.

use super::select::{Allowed, Direction, Isolation, Peers};
use std::fmt::Write;

/// The table, which nobody else has.
pub(super) const TABLE: &str = "inet sluice_policies";

/// A script that replaces the table. What is denied is counted, by the name of the pod.
pub(super) fn script(isolations: &[Isolation]) -> String {
    let mut text = format!("table {TABLE}\ndelete table {TABLE}\ntable {TABLE} {{\n");
    for (number, isolation) in isolations.iter().enumerate() {
        let _ = writeln!(text, "  chain pod{number} {{");
        for allowed in &isolation.allowed {
            for rule in rules(allowed, isolation.direction) {
                let _ = writeln!(text, "    {rule}");
            }
        }
        let direction = match isolation.direction {
            Direction::In => "in",
            Direction::Out => "out",
        };
        let _ = writeln!(
            text,
            "    counter drop comment \"{direction} {}\"\n  }}",
            isolation.pod
        );
    }
    // Before the rules of services, after their addresses were replaced by those of pods.
    text.push_str("  chain forward {\n    type filter hook forward priority -5; policy accept;\n    ct state established,related accept\n");
    for (number, isolation) in isolations.iter().enumerate() {
        let side = match isolation.direction {
            Direction::In => "daddr",
            Direction::Out => "saddr",
        };
        let _ = writeln!(text, "    ip {side} {} jump pod{number}", isolation.address);
    }
    text.push_str("  }\n}\n");
    text
}

fn rules(allowed: &Allowed, direction: Direction) -> Vec<String> {
    let side = match direction {
        Direction::In => "saddr",
        Direction::Out => "daddr",
    };
    let peers = match &allowed.peers {
        Peers::Everybody => String::new(),
        Peers::Pods(addresses) if addresses.is_empty() => return Vec::new(),
        Peers::Pods(addresses) => format!("ip {side} {{ {} }} ", addresses.join(", ")),
        Peers::Range { cidr, except } if except.is_empty() => format!("ip {side} {cidr} "),
        Peers::Range { cidr, except } => {
            format!("ip {side} {cidr} ip {side} != {{ {} }} ", except.join(", "))
        }
    };
    if allowed.ports.is_empty() {
        return vec![format!("{peers}return")];
    }
    let rule = |(protocol, port): &(String, u16)| format!("{peers}{protocol} dport {port} return");
    allowed.ports.iter().map(rule).collect()
}
