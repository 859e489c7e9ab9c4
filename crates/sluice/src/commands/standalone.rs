//! `sluice standalone`: a whole hub in this process, until it is told to stop.

use super::process;
use crate::settings::Program;
use clap::Command;

pub(crate) fn command() -> Command {
    process::command(
        Program::Standalone,
        "standalone",
        "Run a whole hub in one process: one data folder, one HTTPS port",
        "\
The first start makes the data folder with a certificate authority (DIR/tls/ca.pem, for clients) and keys. Nothing is reachable
without a token: `sluice token create --data DIR --name ME` prints one.",
    )
}
