//! Servers without workers, and workers without a server, as processes of their own.

use cesar_tests::server::{JobWorker, Server, wave, with_echo};

#[test]
fn workers_run_the_jobs_of_a_server_without_workers() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &["--no-workers"]);
    assert_eq!(server.get("/health").json()["workers"]["count"], 0);
    let slow = server.submit(&wave(6, 1), &[("options", "{\"pace_ms\": 200}")]);
    let waiting = server.submit(&wave(1, 2), &[]);
    assert_eq!(server.job(&slow)["status"], "queued");
    let first = JobWorker::start(&sandbox, &["--concurrency", "1"]);
    server.wait_for(&slow, &["processing"]);
    // Killed: another one, on the same folder, notices it by the lock.
    drop(first);
    let second = JobWorker::start(&sandbox, &["--concurrency", "2"]);
    for id in [&slow, &waiting] {
        let job = server.wait_for(id, &["completed", "error"]);
        assert_eq!(job["status"], "completed", "{job}");
    }
    assert_eq!(server.job(&slow)["attempts"], 2, "the attempt that died counts");
    assert!(second.stop().success());
}

#[test]
fn a_stopped_worker_hands_its_job_back_and_a_cancel_reaches_another_process() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &["--no-workers"]);
    let id = server.submit(&wave(20, 1), &[("options", "{\"pace_ms\": 1000}")]);
    let worker = JobWorker::start(&sandbox, &["--shutdown-grace", "0"]);
    server.wait_for(&id, &["processing"]);
    assert!(worker.stop().success());
    let job = server.job(&id);
    assert_eq!(
        (job["status"].as_str(), job["attempts"].as_u64()),
        (Some("queued"), Some(0)),
        "{job}"
    );
    let _worker = JobWorker::start(&sandbox, &[]);
    server.wait_for(&id, &["processing"]);
    server.delete(&format!("/jobs/{id}"));
    server.wait_for(&id, &["cancelled"]);
}

#[test]
fn the_stream_of_a_job_in_another_process_has_its_segments_as_they_come() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &["--no-workers"]);
    // It never ends by itself behind its third second.
    let options = "{\"behaviour\": \"stop_half_way\"}";
    let id = server.submit(&wave(6, 1), &[("options", options)]);
    let _worker = JobWorker::start(&sandbox, &[]);
    let mut texts = Vec::new();
    for (kind, data) in server.events(&format!("/jobs/{id}/events")) {
        if kind == "segment" {
            texts.push(data["text"].as_str().unwrap_or_default().to_owned());
        }
        if texts.len() == 3 {
            break;
        }
    }
    assert!(
        texts
            .iter()
            .zip(0..)
            .all(|(text, second)| text.contains(&format!("second {second}"))),
        "{texts:?}"
    );
    assert_eq!(server.job(&id)["status"], "processing");
    server.delete(&format!("/jobs/{id}"));
    let kinds: Vec<_> = server
        .events(&format!("/jobs/{id}/events"))
        .map(|(kind, _)| kind)
        .collect();
    assert_eq!(kinds.iter().filter(|kind| *kind == "segment").count(), 3, "{kinds:?}");
    assert_eq!(kinds.last().map(String::as_str), Some("end"), "{kinds:?}");
}

#[test]
fn a_worker_shows_its_figures_and_no_jobs() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &["--no-workers"]);
    let worker = JobWorker::start(&sandbox, &["--metrics", "127.0.0.1:0"]);
    assert_eq!(worker.figures().get("/health").is(200).body, "{\"status\":\"ok\"}");
    let id = server.submit(&wave(2, 1), &[]);
    server.wait_for(&id, &["completed"]);
    assert_eq!(
        worker.figures().figure("cesar_jobs_ended_total{status=\"completed\"}"),
        1.0
    );
    assert_eq!(
        worker
            .figures()
            .figure("cesar_stages_total{stage=\"asr\",cached=\"false\"}"),
        1.0
    );
    assert_eq!(worker.figures().figure("cesar_lease_losses_total"), 0.0);
    worker.figures().get("/jobs").is(404);
    // A server has them at a second address, where no key is needed.
    sandbox.run(["serve", "key", "add", "laptop"]).exits(0);
    let arguments = ["--no-workers", "--host", "0.0.0.0", "--metrics", "127.0.0.1:0"];
    let other = Server::start(&sandbox, &arguments);
    other.get("/metrics").is(401);
    let figures = other.figures();
    assert!(
        figures
            .get("/metrics")
            .is(200)
            .body
            .contains("cesar_jobs{status=\"completed\"}")
    );
    figures.get("/jobs").is(404);
    let taken = sandbox.run(["worker", "--metrics", &server.url("")[7..]]).exits(1);
    assert!(
        taken.stderr.contains("choose another with --metrics HOST:PORT"),
        "{}",
        taken.stderr
    );
    let typo = sandbox.run(["worker", "--metrics", "9090"]).exits(1);
    assert!(typo.stderr.contains("no figures on `9090`"), "{}", typo.stderr);
}

#[test]
fn a_worker_takes_the_jobs_of_which_it_has_engine_and_labels() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &["--no-workers"]);
    let special = server.submit(&wave(1, 1), &[("labels", "gpu,large")]);
    let plain = server.submit(&wave(1, 2), &[]);
    let _unlabelled = JobWorker::start(&sandbox, &["--label", "gpu"]);
    server.wait_for(&plain, &["completed"]);
    assert_eq!(server.job(&special)["status"], "queued", "it is the older one");
    let _labelled = JobWorker::start(&sandbox, &["--label", "large", "--label", "gpu"]);
    server.wait_for(&special, &["completed"]);
}

#[test]
fn a_worker_removes_no_job_by_its_own_settings() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &["--no-workers"]);
    let id = server.submit(&wave(1, 1), &[]);
    let impatient = [("CESAR_SERVER_KEEP_COMPLETED_H", "0")];
    let first = JobWorker::start_with(&sandbox, &[], &impatient);
    server.wait_for(&id, &["completed"]);
    assert!(first.stop().success());
    // It would remove the job before it is ready.
    let _second = JobWorker::start_with(&sandbox, &[], &impatient);
    assert_eq!(server.job(&id)["status"], "completed");
}

#[test]
fn labels_are_refused_where_they_mean_nothing() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    let recording = wave(1, 1);
    let parts = [
        ("file", Some("talk.wav"), &recording[..]),
        ("labels", None, &b"gpu"[..]),
    ];
    let refusal = server.send("/transcribe", &parts, &[]).is(400).json();
    assert_eq!(refusal["param"], "labels", "{refusal}");
}

#[test]
fn servers_without_workers_refuse_a_number_of_them() {
    let sandbox = with_echo();
    let output = sandbox.run(["serve", "--no-workers", "--workers", "2"]).exits(2);
    assert!(
        output.stderr.contains("--no-workers") && output.stderr.contains("--workers"),
        "{}",
        output.stderr
    );
    let output = sandbox.run(["worker", "--concurrency", "0"]).exits(2);
    assert!(
        output.stderr.contains("it must be a whole number from 1 to 64"),
        "{}",
        output.stderr
    );
}
