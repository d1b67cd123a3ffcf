//! Repeated kills of a working server: every acknowledged job ends once.
//!
//! `CESAR_KILLS=2000 cargo test --release -p cesar-tests --test server kill:: -- --nocapture` runs longer; `CESAR_SEED` repeats a run.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::Value;

use cesar_tests::chance::{Chance, number};
use cesar_tests::server::{Server, listed, wave, with_echo};

/// Submits a job. The server may die before it answers, and then nothing was acknowledged.
fn submit(server: &Server, chance: &mut Chance) -> Option<String> {
    let seed = u32::try_from(chance.below(8)).unwrap();
    let pace = format!("{{\"pace_ms\": {}}}", chance.below(150));
    let recording = wave(2, seed);
    let parts = [
        ("file", Some("talk.wav"), &recording[..]),
        ("options", None, pace.as_bytes()),
    ];
    let answer = server.send("/transcribe", &parts, &[]);
    let job: Value = serde_json::from_str(&answer.body)
        .ok()
        .filter(|_| answer.status == 202)?;
    Some(job["id"].as_str()?.to_owned())
}

#[test]
fn acknowledged_jobs_survive_kills() {
    let (kills, seed) = (number("CESAR_KILLS", 60), number("CESAR_SEED", 20_260_101));
    println!("seed {seed}, {kills} kills");
    let mut chance = Chance(seed);
    let sandbox = with_echo();
    let mut acknowledged = BTreeSet::new();
    let mut starts = Vec::new();
    for _ in 0..kills {
        let began = Instant::now();
        let server = Server::start(&sandbox, &["--workers", "2"]);
        starts.push(began.elapsed());
        let deadline = Instant::now() + Duration::from_millis(chance.below(400));
        while Instant::now() < deadline {
            match chance.below(4) {
                0 | 1 => acknowledged.extend(submit(&server, &mut chance)),
                2 => drop(server.get("/jobs")),
                _ => {
                    let known: Vec<&String> = acknowledged.iter().collect();
                    if let Some(id) = known.get(usize::try_from(chance.below(known.len().max(1) as u64)).unwrap()) {
                        server.delete(&format!("/jobs/{id}"));
                    }
                }
            }
        }
        drop(server);
    }
    starts.sort();
    let p95 = starts[starts.len() * 95 / 100];
    println!(
        "{} jobs; from start to ready (recovery included): p95 {} ms",
        acknowledged.len(),
        p95.as_millis()
    );

    let server = Server::start(&sandbox, &["--workers", "2"]);
    let mut ends = BTreeMap::new();
    for id in &acknowledged {
        let job = server.wait_for(id, &["completed", "error", "cancelled"]);
        let has_text = job["result"]["segments"]
            .as_array()
            .is_some_and(|segments| segments.len() == 2);
        assert_eq!(job["status"] == "completed", has_text, "{job}");
        if job["status"] == "error" {
            assert_eq!(job["error"]["code"], "worker_lost", "{job}");
        }
        *ends.entry(job["status"].as_str().unwrap().to_owned()).or_insert(0) += 1;
    }
    println!("{ends:?}");
    // Queued but unacknowledged jobs may exist, too; none exists twice.
    let all = listed(&sandbox);
    let ids: Vec<&str> = all.iter().filter_map(|job| job["id"].as_str()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    assert!(acknowledged.iter().all(|id| ids.contains(&id.as_str())));
}
