//! The process that `up` leaves running: parent of everything in a cluster. It notices who ends, and whatever ends it ends
//! all of them, for each asked the kernel to be killed together with its parent.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::control::{Answer, Process, Program, Request};
use super::folder::Folder;
use crate::hub::tail;

const REQUEST_LIMIT: Duration = Duration::from_secs(5);

enum Event {
    Asked(Request, UnixStream),
    SomethingEnded,
    MustEnd,
}

/// A process that was started here.
struct Kept {
    program: Program,
    child: Child,
    ended: Option<String>,
}

pub(super) fn supervise(path: &Path) -> Result<()> {
    let folder = Folder::at(path);
    let _held = hold(&folder)?;
    let (events, arrived) = mpsc::channel();
    let signals = Signals::new([SIGCHLD, SIGTERM, SIGINT, SIGHUP]).context("no signals")?;
    let control = folder.control();
    let listener = UnixListener::bind(&control)
        .with_context(|| format!("could not listen at {}", control.display()))?;
    let to_main = events.clone();
    std::thread::spawn(move || pass_signals(signals, &to_main));
    std::thread::spawn(move || pass_requests(&listener, &events));

    // All children are children of this thread, which lives as long as the process: the kernel kills them when it ends.
    let mut kept: Vec<Kept> = Vec::new();
    for event in arrived {
        match event {
            Event::SomethingEnded => reap(&mut kept)?,
            Event::MustEnd => break,
            Event::Asked(Request::End, stream) => {
                end_all(&mut kept);
                reply(stream, &Answer::Done);
                return Ok(());
            }
            Event::Asked(request, stream) => {
                let answer = carry_out(request, &mut kept);
                reply(
                    stream,
                    &answer.unwrap_or_else(|cause| Answer::Failed(format!("{cause:#}"))),
                );
            }
        }
    }
    end_all(&mut kept);
    Ok(())
}

/// Shows that this supervisor lives, for as long as it does.
fn hold(folder: &Folder) -> Result<File> {
    let path = folder.supervisor_lock();
    let mut file =
        File::create(&path).with_context(|| format!("could not make {}", path.display()))?;
    if file.try_lock().is_err() {
        bail!("another supervisor holds {}", path.display());
    }
    // For the case that it answers no more.
    write!(file, "{}", std::process::id())
        .with_context(|| format!("could not write {}", path.display()))?;
    Ok(file)
}

fn pass_signals(mut signals: Signals, events: &Sender<Event>) {
    for signal in signals.forever() {
        let event = match signal {
            SIGCHLD => Event::SomethingEnded,
            _ => Event::MustEnd,
        };
        if events.send(event).is_err() {
            return;
        }
    }
}

fn pass_requests(listener: &UnixListener, events: &Sender<Event>) {
    for stream in listener.incoming().flatten() {
        // One who connects and says nothing must not keep the others waiting.
        let _without_it_is_fine = stream.set_read_timeout(Some(REQUEST_LIMIT));
        let mut line = String::new();
        if BufReader::new(&stream).read_line(&mut line).is_err() {
            continue;
        }
        match serde_json::from_str(&line) {
            Ok(request) => {
                if events.send(Event::Asked(request, stream)).is_err() {
                    return;
                }
            }
            Err(cause) => reply(stream, &Answer::Failed(format!("not understood: {cause}"))),
        }
    }
}

/// The one who asked may be gone: then nobody misses the answer.
fn reply(mut stream: UnixStream, answer: &Answer) {
    if let Ok(mut line) = serde_json::to_string(answer) {
        line.push('\n');
        let _gone_is_fine = stream.write_all(line.as_bytes());
    }
}

fn carry_out(request: Request, kept: &mut Vec<Kept>) -> Result<Answer> {
    match request {
        Request::Start(program) => {
            if let Some(at) = kept.iter().position(|one| one.program.name == program.name) {
                if kept[at].ended.is_none() {
                    bail!("{} runs already", program.name);
                }
                kept.remove(at);
            }
            kept.push(start(program)?);
            Ok(Answer::Done)
        }
        Request::Stop(name) => {
            let at = kept.iter().position(|one| one.program.name == name);
            let at = at.with_context(|| format!("nothing called {name} runs"))?;
            kept.remove(at).end();
            Ok(Answer::Done)
        }
        Request::List => Ok(Answer::Processes(kept.iter().map(Kept::describe).collect())),
        Request::End => Ok(Answer::Done),
    }
}

fn start(program: Program) -> Result<Kept> {
    let log = File::options()
        .create(true)
        .append(true)
        .open(&program.log)
        .with_context(|| format!("could not open {}", program.log.display()))?;
    let errors = log.try_clone().context("could not share a log")?;
    // A process group of its own is not needed: the whole supervisor is apart from every terminal.
    let child = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "--"])
        .arg(&program.program)
        .args(&program.arguments)
        .envs(&program.variables)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .spawn()
        .with_context(|| format!("could not start {}", program.name))?;
    println!("{}: started as process {}", program.name, child.id());
    Ok(Kept {
        program,
        child,
        ended: None,
    })
}

/// Several may have ended behind one signal.
fn reap(kept: &mut [Kept]) -> Result<()> {
    for one in kept.iter_mut().filter(|one| one.ended.is_none()) {
        let looked = one.child.try_wait();
        let name = &one.program.name;
        if let Some(status) = looked.with_context(|| format!("could not look after {name}"))? {
            println!(
                "{name}: ended by itself with {status}; the end of its log:\n{}",
                tail(&one.program.log)
            );
            one.ended = Some(status.to_string());
        }
    }
    Ok(())
}

fn end_all(kept: &mut Vec<Kept>) {
    while let Some(youngest) = kept.pop() {
        youngest.end();
    }
}

impl Kept {
    /// Kills it and waits until it is gone. Nothing here has data to keep.
    fn end(mut self) {
        let _gone_is_fine = self.child.kill();
        let _gone_is_fine = self.child.wait();
        println!("{}: stopped", self.program.name);
    }

    fn describe(&self) -> Process {
        Process {
            name: self.program.name.clone(),
            pid: self.child.id(),
            ended: self.ended.clone(),
            log: self.program.log.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::control::Supervisor;
    use super::*;
    use crate::wait::{self, Look};

    const LIMIT: Duration = Duration::from_secs(20);

    fn program(folder: &Folder, name: &str, script: &str) -> Program {
        Program {
            name: name.to_owned(),
            program: "/bin/sh".into(),
            arguments: vec!["-c".to_owned(), script.to_owned()],
            variables: [("WORD".to_owned(), "why".to_owned())].into(),
            log: folder.path().join(format!("{name}.log")),
        }
    }

    #[test]
    fn process_that_ends_by_itself_is_shown_with_its_log_and_the_others_are_stopped_at_the_end() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = Folder::at(scratch.path());
        let ended = std::thread::scope(|scope| {
            let supervisor = scope.spawn(|| supervise(folder.path()));
            let control = Supervisor::of(&folder);
            wait::until("the supervisor", LIMIT, || Ok(control.processes().into())).unwrap();
            assert!(folder.is_supervised().unwrap());
            control
                .start(program(&folder, "long", "exec sleep 600"))
                .unwrap();
            control.complain_of_dead().unwrap();
            assert!(
                control
                    .start(program(&folder, "long", "exec sleep 600"))
                    .is_err()
            );
            control
                .start(program(&folder, "short", "echo $WORD; exit 3"))
                .unwrap();
            let complaint = wait::until("a complaint", LIMIT, || {
                Ok(Look::at(control.complain_of_dead().err()))
            })
            .unwrap()
            .to_string();
            assert!(
                complaint.contains("short") && complaint.contains("why"),
                "{complaint}"
            );
            control.stop("short").unwrap();
            control.complain_of_dead().unwrap();
            control.end().unwrap();
            supervisor.join().unwrap()
        });
        ended.unwrap();
        // What another test starts at this moment holds the lock too, until it has become another program.
        wait::until("the lock to be free", LIMIT, || {
            Ok(Look::at((!folder.is_supervised()?).then_some(())))
        })
        .unwrap();
    }
}
