//! Running everything: each worker runs its own pipes, all at once, until all of them are at rest. Nothing is kept here: the token of a run says
//! which worker has which part of it.

use super::directory::Place;
use super::{Answered, Fleet};
use sluice_protocol::{Result, RunAll, RunTogether, RunnerLogLine, RunnerOutcome, RunnerStatus};
use std::collections::BTreeMap;

/// Between a worker and its own token, and between parts.
const OF: char = '~';
const AND: char = ',';

impl Fleet {
    /// What each worker has to run. Pipes that are named have to be somewhere.
    fn parts(&self, run: &RunAll) -> Result<Vec<(Place, RunAll)>> {
        if run.pipes.is_empty() {
            let whole = |place| (place, run.clone());
            let parts = self.everybody()?.into_iter().map(whole);
            return Ok(as_one(parts.collect()));
        }
        let (directory, topology) = (self.directory(), self.topology());
        let mut parts: BTreeMap<Place, RunAll> = BTreeMap::new();
        for pipe in &run.pipes {
            let place = directory.place(&topology, pipe)?;
            let part = parts.entry(place).or_insert_with(|| RunAll {
                pipes: Vec::new(),
                ..run.clone()
            });
            part.pipes.push(pipe.clone());
        }
        Ok(as_one(parts.into_iter().collect()))
    }

    pub(super) async fn run_everywhere(&self, run: RunAll, user: &str) -> Result<RunnerStatus> {
        let asked = self.each_with(self.parts(&run)?, |worker, part| async move {
            worker.run_all(part, user).await
        });
        together(asked.await)
    }

    pub(super) async fn start_everywhere(&self, run: RunAll, user: &str) -> Result<String> {
        let parts = self.parts(&run)?;
        let places: Vec<Place> = parts.iter().map(|(place, _)| place.clone()).collect();
        let asked = self.each_with(parts, |worker, part| async move {
            worker.start_run_all(part, user).await
        });
        let (mut token, mut failed, mut started) = (Vec::new(), None, Vec::new());
        for Answered { worker, answer } in asked.await {
            match answer {
                Ok(own) => {
                    token.push(format!("{worker}{OF}{own}"));
                    started.extend(
                        places
                            .iter()
                            .filter(|place| place.worker == worker)
                            .cloned(),
                    );
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        let Some(error) = failed else {
            return Ok(token.join(&AND.to_string()));
        };
        // All or none: who began by it does not go on alone.
        self.each(
            started,
            |worker| async move { worker.stop_run_all(0).await },
        )
        .await;
        Err(error)
    }

    pub(super) async fn stop_everywhere(&self, patience: u64) -> Result<bool> {
        let stopped = self
            .all(|worker| async move { worker.stop_run_all(patience).await })
            .await?;
        Ok(stopped.contains(&true))
    }

    pub(super) async fn log_of(
        &self,
        since: Option<u64>,
        token: Option<&str>,
    ) -> Result<Vec<RunnerLogLine>> {
        let parts: Vec<(Place, Option<String>)> = match token {
            Some(token) => {
                let own = self.read(token).into_iter();
                own.map(|(place, own)| (place, Some(own))).collect()
            }
            None => {
                let present = self.present().into_iter();
                present.map(|place| (place, None)).collect()
            }
        };
        let asked = self.each_with(parts, |worker, token| async move {
            worker.run_all_log(since, token.as_deref()).await
        });
        let mut lines = Vec::new();
        for Answered { answer, .. } in asked.await {
            lines.extend(answer?);
        }
        lines.sort_by_key(|line: &RunnerLogLine| line.timestamp);
        Ok(lines)
    }

    pub(super) async fn status_of(&self, token: &str) -> Result<RunnerStatus> {
        let asked = self.each_with(self.read(token), |worker, token| async move {
            worker.run_all_status(&token).await
        });
        together(asked.await)
    }

    /// The workers of a token's parts and their own tokens. A worker that is gone took its part with it.
    fn read(&self, token: &str) -> Vec<(Place, String)> {
        let present = self.present();
        let parts = token.split(AND).filter_map(|part| {
            let (worker, own) = part.rsplit_once(OF)?;
            let place = present.iter().find(|place| place.worker.0 == worker)?;
            Some((place.clone(), own.to_owned()))
        });
        parts.collect()
    }
}

/// Parts of one run: the workers ask each other whether they are done, since what one reads another may yet write.
fn as_one(mut parts: Vec<(Place, RunAll)>) -> Vec<(Place, RunAll)> {
    if parts.len() > 1 {
        let workers = parts.iter().map(|(place, _)| place.worker.clone());
        let together = RunTogether {
            run: uuid::Uuid::new_v4().to_string(),
            workers: workers.collect(),
        };
        for (_, run) in &mut parts {
            run.together = Some(together.clone());
        }
    }
    parts
}

/// The state of a run from those of its parts: it goes on while one does, and has failed if one has.
fn together(answers: Vec<Answered<RunnerStatus>>) -> Result<RunnerStatus> {
    let mut outcome = None;
    let mut problems = Vec::new();
    let mut is_running = false;
    for Answered { worker, answer } in answers {
        match answer {
            Ok(RunnerStatus::Running) => is_running = true,
            Ok(RunnerStatus::NotRunning) => {}
            Ok(RunnerStatus::Ended(RunnerOutcome::Success)) => {
                outcome = Some(RunnerOutcome::Success);
            }
            Ok(RunnerStatus::Ended(RunnerOutcome::Failed(why))) => {
                problems.push(format!("worker {worker}: {why}"));
            }
            // How its part went nobody knows, which is not that it failed.
            Err(error) => return Err(error),
        }
    }
    if is_running {
        return Ok(RunnerStatus::Running);
    }
    if !problems.is_empty() {
        outcome = Some(RunnerOutcome::Failed(problems.join("; ")));
    }
    Ok(outcome.map_or(RunnerStatus::NotRunning, RunnerStatus::Ended))
}
