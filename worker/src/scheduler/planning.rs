//! When each pipe is due next: by its schedule, what is remembered of it, and what a signal adds (PU1-PU3).

use super::{State, keep_control};
use crate::clock::Micros;
use crate::deployed::Deployed;
use crate::pipe::state::Control;
use crate::schedule::{self, Schedule};
use sluice_config::{Pipe, Schedule as Configured};
use std::sync::Arc;

impl State {
    /// Sets the earlier of what is planned and `due`.
    pub(super) fn due(&mut self, pipe: &Arc<Deployed>, due: Micros) {
        let planned = self.planned.entry(pipe.id.clone()).or_default();
        planned.run = Some(planned.run.map_or(due, |run| run.min(due)));
        self.remember(pipe);
    }

    /// Puts the pipe's next time into the agenda and where the API shows it.
    pub(super) fn remember(&mut self, pipe: &Arc<Deployed>) {
        let planned = self.planned.entry(pipe.id.clone()).or_default();
        let next = planned.next();
        if let Some(noted) = std::mem::replace(&mut planned.noted, next) {
            self.agenda.remove(&(noted, pipe.id.clone()));
        }
        self.agenda.extend(next.map(|next| (next, pipe.id.clone())));
        pipe.set_next_run(next);
    }

    /// Plans by the schedule: what is persisted stays, else a new time.
    pub(super) async fn plan(&mut self, pipe: &Arc<Deployed>) {
        let settings = pipe.settings();
        if !self.is_scheduled(pipe, &settings) {
            self.set(pipe, None, None);
            return;
        }
        let now = self.now();
        let schedule = schedule_of(&settings);
        let mut control = pipe.control.lock().clone();
        let text = format!(
            "{:?} {:?}",
            settings.pump.schedule, settings.pump.rescan_cron_expression
        );
        let is_same = control.schedule.as_deref() == Some(text.as_str());
        let already = self.planned.get(&pipe.id).and_then(|planned| planned.run);
        let kept = control.due.filter(|_| schedule.is_persisted());
        let run = kept.or(already).filter(|_| is_same);
        let run = run.or_else(|| schedule.next(now, rand::random()));
        let rescan = control.rescan_due.filter(|_| is_same);
        let rescan = rescan.or_else(|| next_rescan(&settings, now));
        control.due = run.filter(|_| schedule.is_persisted());
        control.rescan_due = rescan;
        control.schedule = Some(text);
        self.set(pipe, run, rescan);
        self.keep(pipe, control).await;
    }

    fn set(&mut self, pipe: &Arc<Deployed>, run: Option<Micros>, rescan: Option<Micros>) {
        let planned = self.planned.entry(pipe.id.clone()).or_default();
        (planned.run, planned.rescan) = (run, rescan);
        self.remember(pipe);
    }

    /// Plans the time after a run.
    pub(super) async fn plan_anew(&mut self, pipe: &Arc<Deployed>) {
        if let Some(planned) = self.planned.get_mut(&pipe.id) {
            planned.run = None;
        }
        let now = self.now();
        {
            let is_cron = matches!(schedule_of(&pipe.settings()), Schedule::Cron(_));
            let mut control = pipe.control.lock();
            // An interval begins anew at the end of a run; a cron time that has passed was served by the run that ended.
            control.due = control.due.filter(|due| is_cron && *due > now);
        }
        self.plan(pipe).await;
    }

    /// Writes what has to survive a restart.
    async fn keep(&self, pipe: &Arc<Deployed>, control: Control) {
        if *pipe.control.lock() == control {
            return;
        }
        {
            let mut kept = pipe.control.lock();
            (kept.due, kept.rescan_due, kept.schedule) =
                (control.due, control.rescan_due, control.schedule.clone());
        }
        if let Err(error) = keep_control(&self.scheduler.shared, pipe).await {
            tracing::warn!(pipe = %pipe.id, error = %error, "cannot keep the planned start; after a restart it is planned anew");
        }
    }
}

fn schedule_of(settings: &Pipe) -> Schedule {
    match &settings.pump.schedule {
        Configured::Interval { seconds, jitter } => Schedule::interval(*seconds, *jitter),
        Configured::Cron { expression } => Schedule::cron(expression).unwrap_or_else(|error| {
            tracing::warn!(pipe = %settings.id, error = %error, "the cron expression cannot be read: the pipe is not scheduled");
            Schedule::Never
        }),
        Configured::None => Schedule::Never,
    }
}

fn next_rescan(settings: &Pipe, now: Micros) -> Option<Micros> {
    let cron = sluice_config::parse_cron(settings.pump.rescan_cron_expression.as_ref()?).ok()?;
    schedule::next_occurrence(&cron, now)
}
