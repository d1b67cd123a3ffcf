//! The loop of `cesar watch`.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use cesar_base::FileStamp;
use cesar_base::names::shown;
use cesar_pipeline::PipelineError;
use serde_json::json;

use super::folders::{Change, Folders, interval, look};
use super::processor::{Processed, Processor};
use super::settle::{End, Settling};
use super::writers::open_for_writing;
use crate::cli::inputs::Recording;
use crate::cli::report::{Exit, Failure};
use crate::cli::summary::Done;

/// Interval for checking cancellation.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// Time between walks through folders whose changes are reported.
const WALK_INTERVAL: Duration = Duration::from_secs(60);
/// Time between walks while a folder is missing, which nothing reports.
const MISSING_INTERVAL: Duration = Duration::from_secs(5);
/// Time until a walk after a report about a folder: several come together.
const SOON: Duration = Duration::from_secs(1);
/// Attributes of files on a network are cached for some seconds.
const NETWORK_FACTOR: u32 = 5;
/// Time after which a model without work is unloaded.
const MODEL_IDLE: Duration = Duration::from_secs(900);
/// Pauses after a failure that may pass, such as a full disk.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

enum Message {
    Change(Change),
    Processed(Recording, FileStamp, Processed),
    /// Work on a recording panicked.
    Panicked,
}

/// The state of the loop.
pub(super) struct Watcher<'a> {
    processor: &'a Processor<'a>,
    folders: Folders,
    settling: Settling,
    settle_time: Duration,
    once: bool,
    done: Done,
    /// Reports of the system are not used.
    is_polling: bool,
    start: Instant,
    next_walk: Duration,
    /// The time that the last walk took.
    walk_took: Duration,
    pause: Option<Duration>,
    paused_until: Duration,
    end: Option<Failure>,
}

impl<'a> Watcher<'a> {
    pub(super) fn new(processor: &'a Processor<'a>, folders: Folders, settle_time: Duration, once: bool) -> Self {
        Self {
            processor,
            folders,
            settling: Settling::new(settle_time),
            settle_time,
            once,
            done: Done::of(0),
            is_polling: false,
            start: Instant::now(),
            next_walk: Duration::ZERO,
            walk_took: Duration::ZERO,
            pause: None,
            paused_until: Duration::ZERO,
            end: None,
        }
    }

    /// Runs until the user interrupts, every recording would fail, or, for `--once`, nothing is left.
    pub(super) fn run(mut self, poll: bool) -> Result<Exit, Failure> {
        let (send, messages) = channel();
        let is_on_network = self.folders.are_on_network();
        if poll || is_on_network {
            self.is_polling = true;
            self.settle_time *= if is_on_network { NETWORK_FACTOR } else { 1 };
            self.settling = Settling::new(self.settle_time);
        } else if !self.once {
            self.watch(&send);
        }
        self.walk();
        if self.once
            && let Some(folder) = self.folders.unreadable().next()
        {
            return Err(Failure::failed(format!(
                "the folder `{}` cannot be read",
                shown(folder)
            )));
        }
        thread::scope(|scope| {
            self.serve(scope, &send, &messages);
            // Work that is being cancelled, or was started before the end.
            while self.settling.running() > 0 {
                match messages.recv() {
                    Ok(Message::Processed(recording, stamp, processed)) => self.processed(&recording, stamp, processed),
                    Ok(Message::Change(_)) => {}
                    Ok(Message::Panicked) | Err(_) => break,
                }
            }
        });
        self.exit()
    }

    fn watch(&mut self, send: &Sender<Message>) {
        let (changes, reported) = channel();
        let send = send.clone();
        thread::spawn(move || {
            for change in reported {
                if send.send(Message::Change(change)).is_err() {
                    // The loop has ended.
                    return;
                }
            }
        });
        if let Err(error) = self.folders.watch(changes) {
            let remedy = match error.kind {
                notify::ErrorKind::MaxFilesWatch => "; raise `fs.inotify.max_user_watches`",
                _ => "",
            };
            self.poll_instead(&format!("{error}{remedy}"));
        }
    }

    fn poll_instead(&mut self, reason: &str) {
        self.folders.unwatch();
        self.is_polling = true;
        let text = format!("warning: the system reports no changes ({reason}); looking at intervals");
        self.processor.show.inform(&text);
    }

    fn serve<'scope>(&mut self, scope: &'scope Scope<'scope, '_>, send: &Sender<Message>, messages: &Receiver<Message>)
    where
        'a: 'scope,
    {
        while self.end.is_none() && !self.processor.cancel.is_cancelled() {
            let now = self.start.elapsed();
            if now >= self.next_walk && !self.once {
                self.walk();
            }
            self.settling.settle(now, look, open_for_writing);
            self.begin(scope, send);
            if self.once && self.settling.is_idle() {
                return;
            }
            self.processor
                .work
                .host
                .pipeline
                .runners()
                .end_idle(Instant::now(), MODEL_IDLE);
            let next = [Some(self.next_walk).filter(|_| !self.once), self.settling.next_look()];
            let wait = next
                .into_iter()
                .flatten()
                .min()
                .map(|next| next.saturating_sub(self.start.elapsed()));
            match messages.recv_timeout(wait.unwrap_or(POLL_INTERVAL).min(POLL_INTERVAL)) {
                Ok(message) => self.handle(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            messages.try_iter().for_each(|message| self.handle(message));
        }
    }

    /// Begins work on settled recordings, as many at a time as `cesar transcribe`.
    fn begin<'scope>(&mut self, scope: &'scope Scope<'scope, '_>, send: &Sender<Message>)
    where
        'a: 'scope,
    {
        let now = self.start.elapsed();
        while self.settling.running() < self.processor.work.at_a_time
            && self.settling.has_ready()
            && now >= self.paused_until
        {
            let Some((path, stamp)) = self.settling.start(now, look) else {
                return;
            };
            let (processor, recording, send) = (self.processor, self.folders.recording(&path), send.clone());
            scope.spawn(move || {
                let guard = OnPanic(&send);
                let processed = processor.process(&recording, &stamp);
                // The receiver lasts as long as the scope.
                let _ = guard.0.send(Message::Processed(recording, stamp, processed));
            });
        }
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Change(change) => self.change(change),
            Message::Processed(recording, stamp, processed) => self.processed(&recording, stamp, processed),
            // The scope repeats the panic.
            Message::Panicked => self.end = Some(Failure::failed("the work on a recording panicked")),
        }
    }

    fn change(&mut self, change: Change) {
        let now = self.start.elapsed();
        let mut look_at = |path: PathBuf| self.settling.look(&path, look(&path), now);
        match change {
            Change::Written(path) => {
                if let Some(path) = self.folders.local(&path)
                    && self.settling.written(&path)
                {
                    self.settling.look(&path, look(&path), now);
                    self.settling.written(&path);
                }
            }
            Change::Closed(path) => {
                if let Some(path) = self.folders.local(&path) {
                    self.settling.closed(&path);
                    self.settling.look(&path, look(&path), now);
                }
            }
            Change::Other(path) => {
                if let Some(path) = self.folders.local(&path) {
                    look_at(path);
                }
            }
            Change::FolderRemoved(path) => {
                self.folders.removed(&path);
                self.walk_soon(now);
            }
            Change::Folders => self.walk_soon(now),
            Change::Full => self.poll_instead("too many folders; raise `fs.inotify.max_user_watches`"),
        }
    }

    fn walk_soon(&mut self, now: Duration) {
        self.next_walk = self.next_walk.min(now + interval(SOON, self.walk_took));
    }

    fn walk(&mut self) {
        let begun = self.start.elapsed();
        let quietly = begun > Duration::ZERO && self.walk_took > Duration::ZERO;
        let (found, said) = self.folders.walk(quietly, self.processor.cancel);
        said.iter().for_each(|text| self.processor.show.inform(text));
        let now = self.start.elapsed();
        self.settling.scanned(found, look, now);
        self.walk_took = now - begun;
        let usual = match (self.is_polling, self.folders.are_incomplete()) {
            (true, _) => self.settle_time,
            (false, true) => MISSING_INTERVAL,
            (false, false) => WALK_INTERVAL,
        };
        self.next_walk = now + interval(usual, self.walk_took);
    }

    fn processed(&mut self, recording: &Recording, stamp: FileStamp, processed: Processed) {
        let (now, show) = (self.start.elapsed(), self.processor.show);
        let mut end = End::Finished;
        match processed {
            Processed::Known => {}
            Processed::Changed => end = End::Again,
            Processed::Transcribed(outcome) => {
                self.pause = None;
                self.done.inputs += 1;
                // Only a failure ends the work.
                let _ = self.done.add(&recording.input, Ok(outcome), show);
            }
            Processed::Later(failure) if !self.once => {
                let pause = longer(self.pause);
                if self.pause.is_none() || now >= self.paused_until {
                    (self.pause, self.paused_until) = (Some(pause), now + pause);
                    let (text, seconds) = (&failure.text, pause.as_secs());
                    show.json(
                        &json!({ "type": "paused", "input": recording.input, "message": text, "seconds": seconds }),
                    );
                    show.print_error(&format!("{text}; trying again in {seconds} s"));
                }
                // Behind the others, which may have no such trouble.
                end = End::At(self.paused_until + self.settle_time);
            }
            Processed::Failed(failure) | Processed::Later(failure) => {
                self.done.inputs += 1;
                let _ = self.done.add(&recording.input, Err(failure), show);
            }
            Processed::End(failure) => {
                end = End::Again;
                self.end.get_or_insert(failure);
            }
        }
        self.settling.end(&recording.path, &stamp, end, now);
        if end == End::Again {
            self.settling.look(&recording.path, look(&recording.path), now);
        }
    }

    fn exit(mut self) -> Result<Exit, Failure> {
        let show = self.processor.show;
        match self.end.take() {
            Some(failure) if failure.interrupted => {
                let _ = self.done.add("", Err(PipelineError::Interrupted.into()), show);
            }
            Some(failure) => return Err(failure),
            None if self.once && !self.settling.is_idle() => {
                let _ = self.done.add("", Err(PipelineError::Interrupted.into()), show);
            }
            None => {}
        }
        let exit = self.done.exit(&self.processor.work.host, show, self.processor.cancel)?;
        // Without `--once`, an interrupt is the usual end, and failures were reported.
        Ok(match self.once || exit == Exit::Interrupted {
            true => exit,
            false => Exit::Done,
        })
    }
}

/// The pause after one more failure.
fn longer(pause: Option<Duration>) -> Duration {
    pause.map_or(FIRST_PAUSE, |pause| (pause * 2).min(LONGEST_PAUSE))
}

/// Reports a panic of the thread.
struct OnPanic<'a>(&'a Sender<Message>);

impl Drop for OnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.0.send(Message::Panicked);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_ten_minutes() {
        let mut pauses = vec![longer(None)];
        for _ in 0..10 {
            pauses.push(longer(pauses.last().copied()));
        }
        let seconds: Vec<_> = pauses.iter().map(Duration::as_secs).collect();
        assert_eq!(seconds, [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
    }
}
