//! What commands ask of a cluster's supervisor, over a Unix socket: one line of JSON each way.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::folder::Folder;
use crate::hub::tail;

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    Start(Program),
    /// Kills the process and answers when it is gone.
    Stop(String),
    List,
    /// Kills all, the youngest first; the supervisor ends too.
    End,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    Done,
    Failed(String),
    Processes(Vec<Process>),
}

/// A program to run until it is stopped.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Program {
    pub(super) name: String,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) log: PathBuf,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Process {
    pub(super) name: String,
    pub(super) pid: u32,
    /// How it ended, if it did without being asked.
    pub(super) ended: Option<String>,
    pub(super) log: PathBuf,
}

pub(super) struct Supervisor<'a> {
    folder: &'a Folder,
}

impl<'a> Supervisor<'a> {
    pub(super) fn of(folder: &'a Folder) -> Self {
        Self { folder }
    }

    pub(super) fn start(&self, program: Program) -> Result<()> {
        self.ask(&Request::Start(program)).map(drop)
    }

    pub(super) fn stop(&self, name: &str) -> Result<()> {
        self.ask(&Request::Stop(name.to_owned())).map(drop)
    }

    pub(super) fn processes(&self) -> Result<Vec<Process>> {
        self.ask(&Request::List)
    }

    pub(super) fn end(&self) -> Result<()> {
        self.ask(&Request::End).map(drop)
    }

    /// An error that shows the end of the log of every process that ended without being asked.
    pub(super) fn complain_of_dead(&self) -> Result<()> {
        let dead: Vec<String> = self
            .processes()?
            .into_iter()
            .filter_map(|process| {
                let how = process.ended?;
                let log = tail(&process.log);
                Some(format!(
                    "{} ended by itself with {how}; the end of {}:\n{log}",
                    process.name,
                    process.log.display()
                ))
            })
            .collect();
        if dead.is_empty() {
            return Ok(());
        }
        bail!("{}", dead.join("\n"))
    }

    fn ask(&self, request: &Request) -> Result<Vec<Process>> {
        let path = self.folder.control();
        let mut stream = UnixStream::connect(&path)
            .with_context(|| format!("could not reach the supervisor at {}", path.display()))?;
        let mut line = serde_json::to_string(request).context("could not print a request")?;
        line.push('\n');
        stream
            .write_all(line.as_bytes())
            .context("could not ask the supervisor")?;
        let mut line = String::new();
        BufReader::new(stream)
            .read_line(&mut line)
            .context("the supervisor did not answer")?;
        match serde_json::from_str(&line).context("could not understand the supervisor")? {
            Answer::Done => Ok(Vec::new()),
            Answer::Processes(processes) => Ok(processes),
            Answer::Failed(why) => bail!("{why}"),
        }
    }
}
