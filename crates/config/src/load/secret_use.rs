//! Where `$SECRET(x)` stands, and whether there is such a secret (EV2).

use super::node::{Node, Tree};
use super::problems::Problems;
use crate::secrets::secret_names;
use crate::tables::Secrets;
use crate::{Code, SecretNames};

/// DTL functions whose arguments may be secrets.
const CRYPTOGRAPHY: &[&str] = &[
    "encrypt",
    "decrypt",
    "encrypt-pki",
    "decrypt-pki",
    "encrypt-pgp",
    "decrypt-pgp",
];

/// Checks the secrets of one component.
pub(super) struct SecretUse<'a> {
    pub(super) known: &'a SecretNames,
    /// The system this is; system configuration may hold secrets everywhere.
    pub(super) system: Option<&'a str>,
}

impl SecretUse<'_> {
    pub(super) fn check(&self, node: &Node, allowed: Secrets, problems: &mut Problems) {
        if allowed == Secrets::Elsewhere {
            return;
        }
        let allowed = if self.system.is_some() {
            Secrets::Anywhere
        } else {
            allowed
        };
        self.walk(node, allowed, problems);
    }

    fn walk(&self, node: &Node, allowed: Secrets, problems: &mut Problems) {
        match &node.tree {
            Tree::Broken => {}
            Tree::Leaf(_) => node.texts(&mut |text, place| {
                if !text.contains("$SECRET(") {
                    return;
                }
                for name in secret_names(text) {
                    if allowed != Secrets::Anywhere {
                        let message = "a secret may stand in a system, in the arguments of a function that encrypts or \
                                       decrypts, and in a receiver's validation expression only";
                        problems.error(place, Code::SecretNotAllowed, message);
                    } else if !self.known.knows(self.system, name) {
                        problems.warning(place, Code::UnknownSecret, format!("there is no secret \"{name}\""));
                    }
                }
            }),
            Tree::List(list) => {
                let head = list.first().and_then(Node::as_str);
                let is_cryptography =
                    allowed == Secrets::Cryptography && head.is_some_and(|head| CRYPTOGRAPHY.contains(&head));
                let inside = if is_cryptography { Secrets::Anywhere } else { allowed };
                list.iter().for_each(|item| self.walk(item, inside, problems));
            }
            Tree::Dict(members) => members.iter().for_each(|(_, value)| self.walk(value, allowed, problems)),
        }
    }
}
