//! The certificates of a cluster, made with openssl: one authority, one key per member, nothing kept for the next cluster.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::addresses;
use super::state::Node;
use crate::command::output;

/// Without this openssl would read the machine's configuration.
const CONFIGURATION: &str = "[req]\ndistinguished_name = name\n[name]\n";
const DAYS: &str = "3650";

/// A certificate to be made.
pub(super) struct Wanted {
    /// `<name>.crt` and `<name>.key`
    pub(super) name: String,
    /// As openssl writes it: `/O=group/CN=user`
    subject: String,
    usage: Usage,
}

enum Usage {
    Client,
    /// With the names and addresses it is valid for.
    Server(Vec<String>),
}

/// What the control plane needs, whatever its nodes.
pub(super) fn of_control_plane() -> Vec<Wanted> {
    let service = format!("kubernetes.default.svc.{}", addresses::DOMAIN);
    let names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"];
    let names = names.into_iter().chain([service.as_str(), "localhost"]);
    let control_plane = addresses::CONTROL_PLANE.to_string();
    let first_service = addresses::FIRST_SERVICE.to_string();
    let hosts = ["127.0.0.1", &control_plane, &first_service];
    let valid_for = names
        .map(|name| format!("DNS:{name}"))
        .chain(hosts.map(|host| format!("IP:{host}")))
        .collect();
    vec![
        Wanted {
            name: "apiserver".to_owned(),
            subject: "/CN=kube-apiserver".to_owned(),
            usage: Usage::Server(valid_for),
        },
        client("admin", "/O=system:masters/CN=admin"),
        client("apiserver-kubelet", "/O=system:masters/CN=kube-apiserver"),
        client("front-proxy", "/CN=front-proxy-client"),
        client("controller-manager", "/CN=system:kube-controller-manager"),
        client("scheduler", "/CN=system:kube-scheduler"),
        client("proxy", "/CN=system:kube-proxy"),
    ]
}

pub(super) fn of_node(node: &Node) -> Vec<Wanted> {
    let name = &node.name;
    let address = addresses::node(node.number);
    vec![
        client(
            &format!("kubelet-{name}"),
            &format!("/O=system:nodes/CN=system:node:{name}"),
        ),
        Wanted {
            name: format!("kubelet-{name}-serving"),
            subject: format!("/O=system:nodes/CN=system:node:{name}"),
            usage: Usage::Server(vec![format!("DNS:{name}"), format!("IP:{address}")]),
        },
    ]
}

fn client(name: &str, subject: &str) -> Wanted {
    Wanted {
        name: name.to_owned(),
        subject: subject.to_owned(),
        usage: Usage::Client,
    }
}

/// The folder of a cluster's certificates.
pub(super) struct Authority {
    folder: PathBuf,
}

impl Authority {
    /// The authority whose files lie there.
    pub(super) fn at(folder: &Path) -> Self {
        Self {
            folder: folder.to_path_buf(),
        }
    }

    /// Makes the authority and the key with which service accounts are signed.
    pub(super) fn make(&self) -> Result<()> {
        let configuration = self.file("openssl.cnf");
        fs::write(&configuration, CONFIGURATION)
            .with_context(|| format!("could not write {}", configuration.display()))?;
        self.openssl(
            "req -x509 -nodes -subj /CN=sluice-cluster -config openssl.cnf -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
             -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign -keyout ca.key -out ca.crt",
            &["-days", DAYS],
        )?;
        self.openssl(
            "genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out sa.key",
            &[],
        )?;
        self.openssl("pkey -in sa.key -pubout -out sa.pub", &[])
    }

    /// Makes all of them, as many at once as the machine has processors.
    pub(super) fn issue(&self, wanted: &[Wanted]) -> Result<()> {
        let jobs = std::thread::available_parallelism().map_or(1, usize::from);
        let share = wanted.len().div_ceil(jobs).max(1);
        std::thread::scope(|scope| {
            let workers: Vec<_> = wanted
                .chunks(share)
                .map(|part| scope.spawn(|| part.iter().try_for_each(|one| self.issue_one(one))))
                .collect();
            for worker in workers {
                match worker.join() {
                    Ok(outcome) => outcome?,
                    Err(_) => bail!("a thread that makes certificates panicked"),
                }
            }
            Ok(())
        })
    }

    fn issue_one(&self, wanted: &Wanted) -> Result<()> {
        let (key, certificate) = (
            format!("{}.key", wanted.name),
            format!("{}.crt", wanted.name),
        );
        let mut further = vec![
            "-subj",
            &wanted.subject,
            "-keyout",
            &key,
            "-out",
            &certificate,
            "-addext",
        ];
        let valid_for;
        match &wanted.usage {
            Usage::Client => further.push("extendedKeyUsage=clientAuth"),
            Usage::Server(names) => {
                valid_for = format!("subjectAltName={}", names.join(","));
                further.extend(["extendedKeyUsage=serverAuth", "-addext", &valid_for]);
            }
        }
        self.openssl(
            "req -x509 -nodes -CA ca.crt -CAkey ca.key -config openssl.cnf -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
             -addext basicConstraints=critical,CA:FALSE -days 3650",
            &further,
        )
    }

    fn openssl(&self, words: &str, further: &[&str]) -> Result<()> {
        output(
            Command::new("openssl")
                .current_dir(&self.folder)
                .args(words.split_whitespace())
                .args(further),
        )
        .map(drop)
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The same as text, for a command line.
    pub(super) fn path(&self, name: &str) -> String {
        self.file(name).display().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issued_certificates_are_the_authority_s_and_name_user_group_and_addresses() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::at(folder.path());
        authority.make().unwrap();
        let mut wanted = of_control_plane();
        wanted.extend(of_node(&Node::new(1)));
        authority.issue(&wanted).unwrap();
        let openssl = |words: &str| {
            let mut command = Command::new("openssl");
            output(
                command
                    .current_dir(folder.path())
                    .args(words.split_whitespace()),
            )
            .unwrap()
        };
        for one in &wanted {
            openssl(&format!("verify -CAfile ca.crt {}.crt", one.name));
        }
        let kubelet = openssl("x509 -in kubelet-n1.crt -noout -subject -ext extendedKeyUsage");
        assert!(
            kubelet.contains("O = system:nodes, CN = system:node:n1"),
            "{kubelet}"
        );
        assert!(kubelet.contains("Client Authentication"), "{kubelet}");
        let serving = openssl("x509 -in apiserver.crt -noout -ext subjectAltName");
        assert!(
            serving.contains("10.79.0.1") && serving.contains("localhost"),
            "{serving}"
        );
    }
}
