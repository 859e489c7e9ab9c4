//! One file per command: its arguments and what it does.

pub(crate) mod certificates;
pub(crate) mod check;
pub(crate) mod dtl;
pub(crate) mod print;
pub(crate) mod process;
pub(crate) mod roles;
pub(crate) mod standalone;
pub(crate) mod token;
pub(crate) mod uninstall;
pub(crate) mod verify;

use std::io::Write;

/// Writes to standard output; a reader that went away is no failure of ours.
pub(crate) fn say(text: &str) -> anyhow::Result<()> {
    match std::io::stdout()
        .lock()
        .write_all(text.as_bytes())
        .and_then(|()| std::io::stdout().flush())
    {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
