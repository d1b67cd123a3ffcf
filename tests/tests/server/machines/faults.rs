//! The faults of a run, in an order that its seed decides.
#![expect(clippy::print_stdout, reason = "the schedule is printed")]

use std::thread;
use std::time::{Duration, Instant};

use cesar_tests::chance::Chance;
use cesar_tests::fault_proxy;
use cesar_tests::hosts::Host;
use cesar_tests::server::until;

use super::LEASE;
use super::cluster::Cluster;
use super::ledger::Ledger;

/// What can go wrong. Each round has all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    WorkerKilled,
    WorkerStoppedPastItsLease,
    ServerKilled,
    DatabaseRestarted,
    DatabaseFailsOver,
    BucketFails,
    BucketSilent,
    BucketAnswersLost,
    PacketsLost,
    LinkCut,
    ClockAhead,
}

const FAULTS: [Fault; 11] = [
    Fault::WorkerKilled,
    Fault::WorkerStoppedPastItsLease,
    Fault::ServerKilled,
    Fault::DatabaseRestarted,
    Fault::DatabaseFailsOver,
    Fault::BucketFails,
    Fault::BucketSilent,
    Fault::BucketAnswersLost,
    Fault::PacketsLost,
    Fault::LinkCut,
    Fault::ClockAhead,
];

/// The faults of a run and their chances.
pub(super) struct Faults<'a> {
    pub(super) cluster: &'a mut Cluster,
    pub(super) ledger: &'a Ledger,
    pub(super) chance: Chance,
    pub(super) began: Instant,
}

impl Faults<'_> {
    /// Makes every fault once, in any order, with pauses between them.
    pub(super) fn round(&mut self) {
        let mut faults = FAULTS;
        for last in (1..faults.len()).rev() {
            faults.swap(last, self.index(last + 1));
        }
        for fault in faults {
            thread::sleep(self.milliseconds(200, 600));
            self.make(fault);
            self.ledger.count(&format!("fault {fault:?}"));
            self.cluster.check_processes();
        }
    }

    fn make(&mut self, fault: Fault) {
        match fault {
            Fault::WorkerKilled => self.kill_worker(),
            Fault::WorkerStoppedPastItsLease => self.stop_worker_past_its_lease(),
            Fault::ServerKilled => self.kill_server(),
            Fault::DatabaseRestarted => self.restart_database(),
            Fault::DatabaseFailsOver => self.fail_over(),
            Fault::BucketFails => self.fail_bucket(fault_proxy::Fault::Status500),
            Fault::BucketSilent => self.fail_bucket(fault_proxy::Fault::Silent),
            Fault::BucketAnswersLost => self.fail_bucket(fault_proxy::Fault::AnswerLost),
            Fault::PacketsLost => self.lose_packets(),
            Fault::LinkCut => self.cut_link(),
            Fault::ClockAhead => self.set_clock(),
        }
    }

    fn kill_worker(&mut self) {
        let worker = self.index(3);
        let away = self.milliseconds(0, 2_000);
        self.print(&format!("{} is killed for {away:?}", self.cluster.workers[worker].name));
        self.cluster.workers[worker].kill();
        thread::sleep(away);
        self.start_worker(worker);
    }

    fn start_worker(&mut self, worker: usize) {
        // A worker whose clock is wrong does not start.
        self.cluster.workers[worker].set_clock("+0");
        self.cluster.workers[worker].start();
    }

    /// Stops a worker that has a job, until the job is another's, and wakes it: its write is refused.
    fn stop_worker_past_its_lease(&mut self) {
        loop {
            let (worker, job) = self.stop_worker();
            self.print(&format!("{} is stopped with {job}", self.cluster.workers[worker].name));
            let claims = format!("SELECT claims FROM cesar.jobs WHERE id = '{job}' AND lease IS NOT NULL");
            let held = self.cluster.database.sql(&claims);
            // It may have ended in the moment of the stop; then there is nothing to wait for.
            until("the stopped worker has no job", || {
                held.is_empty() || self.cluster.database.sql(&claims) != held
            });
            // The end of the job may have been on its way.
            let ended = format!("SELECT claims FROM cesar.jobs WHERE id = '{job}' AND finished_ms IS NOT NULL");
            let has_ended_it = held.is_empty() || self.cluster.database.sql(&ended) == held;
            let machine = &mut self.cluster.workers[worker];
            machine.signal("-CONT");
            if has_ended_it {
                continue;
            }
            until("the late write is refused", || machine.refusals(&job) > 0);
            self.print(&format!(
                "{} is awake and has lost {job}",
                self.cluster.workers[worker].name
            ));
            return;
        }
    }

    /// Stops a worker while it has a job; returns both.
    fn stop_worker(&mut self) -> (usize, String) {
        let first = self.index(3);
        let mut held = None;
        until("a worker has a job", || {
            for worker in (0..3).map(|next| (first + next) % 3) {
                let machine = &mut self.cluster.workers[worker];
                machine.signal("-STOP");
                held = machine.working_on().pop().map(|job| (worker, job));
                if held.is_some() {
                    return true;
                }
                machine.signal("-CONT");
            }
            false
        });
        held.expect("it was waited for")
    }

    fn kill_server(&mut self) {
        let server = self.index(2);
        let away = self.milliseconds(0, 2_000);
        self.print(&format!("{} is killed for {away:?}", self.cluster.servers[server].name));
        self.cluster.servers[server].kill();
        thread::sleep(away);
        self.cluster.servers[server].start();
    }

    fn restart_database(&mut self) {
        let away = self.milliseconds(0, 3_000);
        self.print(&format!("the database crashes and is away for {away:?}"));
        self.cluster.database.stop();
        thread::sleep(away);
        self.cluster.database.start_again();
    }

    /// The primary crashes, or its link is cut while it still runs; the standby takes over, and the old primary comes back as its standby.
    fn fail_over(&mut self) {
        let is_cut = self.chance.once_in(2);
        let away = self.milliseconds(0, 2_000);
        let how = if is_cut { "is cut off" } else { "crashes" };
        self.print(&format!(
            "the primary database {how}; its standby takes over after {away:?}"
        ));
        let old = self.cluster.database.primary().clone();
        match is_cut {
            true => self.cluster.network.cut(&old),
            false => self.cluster.database.stop(),
        }
        thread::sleep(away);
        self.cluster.database.fail_over();
        // Work continues with one database alone, and what waits for the old one finds the new one.
        thread::sleep(self.milliseconds(1_000, 3_000));
        if is_cut {
            self.cluster.database.stop_other();
            self.cluster.network.join(&old);
        }
        self.cluster.database.clone_primary();
        self.print("the old primary is the standby");
    }

    fn fail_bucket(&mut self, fault: fault_proxy::Fault) {
        let time = self.milliseconds(1_500, 2_000);
        self.print(&format!("the bucket has the fault {fault:?} for {time:?}"));
        self.cluster.bucket.fail(fault);
        thread::sleep(time);
        self.cluster.bucket.fail(fault_proxy::Fault::None);
    }

    fn lose_packets(&mut self) {
        let (name, host) = self.any_host();
        let percent = 5 + self.chance.below(20);
        let time = self.milliseconds(2_000, 3_000);
        self.print(&format!(
            "the link of {name} loses {percent} % of the packets for {time:?}"
        ));
        self.cluster.network.lose(&host, percent);
        thread::sleep(time);
        self.cluster.network.lose_nothing();
    }

    fn cut_link(&mut self) {
        let (name, host) = self.any_host();
        let time = self.milliseconds(1_000, 2_000) + Duration::from_secs(LEASE * self.chance.below(2));
        self.print(&format!("the link of {name} is cut for {time:?}"));
        self.cluster.network.cut(&host);
        thread::sleep(time);
        self.cluster.network.join(&host);
    }

    /// The clock of a worker that runs is set an hour ahead. One that starts with such a clock is refused.
    fn set_clock(&mut self) {
        self.print("the clock of worker 3 is an hour ahead");
        let machine = &self.cluster.workers[2];
        machine.set_clock("+1h");
        let refusal = machine.refusal();
        // By the bucket, or else by the database.
        let sentences = ["set the clock of this machine", "synchronise both clocks"];
        assert!(sentences.iter().any(|sentence| refusal.contains(sentence)), "{refusal}");
    }

    /// Any host but those of the clients and the standby.
    fn any_host(&mut self) -> (String, Host) {
        let machines = self.cluster.workers.iter().chain(&self.cluster.servers);
        let mut hosts: Vec<_> = machines
            .map(|machine| (machine.name.to_owned(), machine.host.clone()))
            .collect();
        hosts.push((
            "the primary database".to_owned(),
            self.cluster.database.primary().clone(),
        ));
        let index = self.index(hosts.len());
        hosts.swap_remove(index)
    }

    fn index(&mut self, limit: usize) -> usize {
        let drawn = self.chance.below(u64::try_from(limit).expect("it is small"));
        usize::try_from(drawn).expect("it is small")
    }

    /// A time from `least` to `least + span`.
    fn milliseconds(&mut self, least: u64, span: u64) -> Duration {
        Duration::from_millis(least + self.chance.below(span))
    }

    fn print(&self, what: &str) {
        println!("{:7.1} s  {what}", self.began.elapsed().as_secs_f64());
    }
}
