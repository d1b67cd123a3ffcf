//! Servers and workers on machines of their own, with one database (PostgreSQL) and one bucket (SeaweedFS). A machine is a sandbox: its data
//! folder, its cache and its plugins are its own.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use cesar_tests::Sandbox;
use cesar_tests::fault_proxy::{Fault, FaultProxy};
use cesar_tests::object_storage::{WRITER, object_storage};
use cesar_tests::postgres::{Cluster, cluster};
use cesar_tests::sandbox::finish;
use cesar_tests::server::{JobWorker, Server, form, log_of, until, wave, with_echo};
use sha2::{Digest as _, Sha256};

use crate::uploads;

/// What the machines share.
struct Shared(Vec<(&'static str, String)>);

impl Shared {
    fn new() -> Self {
        let mut variables = object_storage().variables(WRITER);
        let place = object_storage().place();
        variables.push(("CESAR_SERVER_JOBS", cluster().fresh()));
        variables.push(("CESAR_SERVER_BLOBS", format!("{place}/uploads")));
        variables.push(("CESAR_CACHE_REMOTE", format!("{place}/cache")));
        variables.push(("CESAR_SERVER_LEASE_S", "8".to_owned()));
        Self(variables)
    }

    fn variables(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    fn server(&self, machine: &Sandbox) -> Server {
        Server::start_with(machine, &["--no-workers"], &self.variables())
    }

    fn worker(&self, machine: &Sandbox) -> JobWorker {
        JobWorker::start_with(machine, &["--shutdown-grace", "0"], &self.variables())
    }
}

/// The words that the echo hears in each second.
fn texts(server: &Server, id: &str) -> Vec<String> {
    let transcript = server.get(&format!("/jobs/{id}/transcript?format=txt")).is(200);
    transcript.body.lines().map(str::to_owned).collect()
}

#[test]
fn any_worker_runs_a_job_and_any_server_answers_for_it() {
    let shared = Shared::new();
    let [first, second, works] = [with_echo(), with_echo(), with_echo()];
    let (near, far) = (shared.server(&first), shared.server(&second));
    let recording = wave(3, 1);
    // Named on the server alone.
    let rules = near.request(
        "PUT",
        "/glossaries/peaks",
        &[("content-type", "application/json")],
        br#"{"text": "peaks => reaches\n"}"#,
    );
    assert!(rules.status == 200 || rules.status == 201, "{rules:?}");
    let id = near.submit(&recording, &[("glossary", "peaks")]);
    let worker = shared.worker(&works);
    let job = far.wait_for(&id, &["completed", "error"]);
    assert_eq!(job["status"], "completed", "{job}\n{}", log_of(&works));
    assert_eq!(texts(&near, &id), texts(&far, &id));
    let heard = texts(&far, &id);
    assert!(
        heard.len() == 3 && heard.iter().all(|text| text.contains("reaches")),
        "{heard:?}"
    );
    // The recording is in the bucket alone, for a server that has not received it.
    let sound = far.get(&format!("/jobs/{id}/recording")).is(200);
    assert_eq!(
        sound.header("content-length"),
        Some(recording.len().to_string().as_str())
    );
    // Its outline is that of the worker: drawing decodes nothing on a server.
    let hits = || far.figure("cesar_shared_cache_hits_total");
    let before = hits();
    far.get(&format!("/jobs/{id}/peaks")).is(200);
    assert_eq!(hits() - before, 1.0);
    let kinds: Vec<_> = far
        .events(&format!("/jobs/{id}/events"))
        .map(|(kind, _)| kind)
        .collect();
    assert_eq!(kinds.iter().filter(|kind| *kind == "segment").count(), 3, "{kinds:?}");
    assert_eq!(kinds.last().map(String::as_str), Some("end"));

    // The same recording, run on a machine that has nothing: the bucket has the result.
    assert!(worker.stop().success());
    let fresh = with_echo();
    let _worker = shared.worker(&fresh);
    let again = far.submit(&recording, &[]);
    let job = near.wait_for(&again, &["completed", "error"]);
    assert_eq!(
        (job["status"].as_str(), job["transcription_cached"].as_bool()),
        (Some("completed"), Some(true)),
        "{job}"
    );
}

/// A balancer sends each request to another server, one of which is killed.
#[test]
fn any_server_continues_a_resumable_upload() {
    let shared = Shared::new();
    let [first, second, works] = [with_echo(), with_echo(), with_echo()];
    let (near, far) = (shared.server(&first), shared.server(&second));
    let recording = wave(300, 1);
    let upload = uploads::path(&uploads::create(&near, Some(recording.len())));
    // More than one stored piece.
    let (head, rest) = recording.split_at(5 << 20);
    let (middle, tail) = rest.split_at(1 << 20);
    uploads::send(&near, &upload, 0, head).is(204);
    assert_eq!(uploads::offset_of(&far, &upload), head.len());
    near.signal("-KILL");
    drop(near);
    uploads::send(&far, &upload, 0, head).is(409);
    uploads::send(&far, &upload, head.len(), middle).is(204);
    let near = shared.server(&first);
    uploads::send(&near, &upload, head.len() + middle.len(), tail).is(204);
    let _worker = shared.worker(&works);
    let id = uploads::submit(&near, &upload);
    assert_eq!(uploads::submit(&far, &upload), id, "it is one job");
    let job = far.wait_for(&id, &["completed", "error"]);
    assert_eq!(job["status"], "completed", "{job}\n{}", log_of(&works));
    let sound = far.get(&format!("/jobs/{id}/recording")).is(200);
    assert_eq!(
        sound.header("content-length"),
        Some(recording.len().to_string().as_str())
    );
    let digest = hex::encode(Sha256::digest(&recording));
    assert_eq!(job["sha256"], digest);
    for server in [&near, &far] {
        let gone = server.request("HEAD", &upload, &[("tus-resumable", "1.0.0")], &[]);
        assert_eq!(gone.status, 404, "{gone:?}");
    }
}

#[test]
fn servers_share_keys_corrections_links_glossaries_and_what_is_found() {
    let shared = Shared::new();
    let [first, second, works] = [with_echo(), with_echo(), with_echo()];
    let key_command = |machine: &Sandbox, arguments: &[&str]| {
        let mut command = machine.command();
        command.args(["serve", "key"]).args(arguments).envs(shared.variables());
        finish(&mut command).exits(0).stdout
    };
    let key = format!("Bearer {}", key_command(&first, &["add", "laptop"]).trim());
    let start = |machine| Server::start_with(machine, &["--no-workers", "--host", "0.0.0.0"], &shared.variables());
    let (near, far) = (start(&first), start(&second));
    let send = |server: &Server, method: &str, path: &str, revision: &str, body: &str| {
        let headers = [
            ("authorization", key.as_str()),
            ("content-type", "application/json"),
            ("if-match", revision),
        ];
        server.request(method, path, &headers, body.as_bytes())
    };
    far.get("/jobs").is(401);

    // A glossary is changed here and used there.
    send(
        &near,
        "PUT",
        "/glossaries/peaks",
        "*",
        r#"{"text": "peaks => reaches\n"}"#,
    )
    .is(201);
    let rule = r#"{"wrong": "second", "right": "minute"}"#;
    send(&far, "POST", "/glossaries/peaks/rules", "*", rule).is(200);
    let listed = send(&near, "GET", "/glossaries", "*", "").is(200).json();
    assert_eq!(listed["glossaries"][0]["rules"], 2);
    let recording = wave(3, 4);
    let (kind, body) = form(&[("file", Some("talk.wav"), &recording), ("glossary", None, b"peaks")]);
    let headers = [("authorization", key.as_str()), ("content-type", &kind)];
    let created = far.request("POST", "/transcribe", &headers, &body).is(202).json();
    let id = created["id"].as_str().unwrap();
    let _worker = shared.worker(&works);
    let job = format!("/jobs/{id}");
    until("the job is done", || {
        send(&near, "GET", &job, "*", "").json()["status"] == "completed"
    });
    let text = |server: &Server| {
        send(server, "GET", &format!("{job}/transcript?format=txt"), "*", "")
            .is(200)
            .body
    };
    assert!(text(&near).starts_with("minute 0 reaches"), "{}", text(&near));

    // Neither server ran the job, and both find its words.
    let hits = |server: &Server, word: &str| {
        let found = send(server, "GET", &format!("/search?q={word}"), "*", "")
            .is(200)
            .json();
        found["hits"].as_array().unwrap().len()
    };
    for server in [&near, &far] {
        until("its words are found", || hits(server, "reaches") > 0);
    }

    // A correction here is seen there, and a later one for an earlier revision is refused.
    let correction = |word: &str| {
        format!(r#"{{"operations": [{{"op": "replace_words", "segment": 0, "word": 0, "text": "{word}"}}]}}"#)
    };
    let patched = |server: &Server, revision: &str, word: &str| {
        send(
            server,
            "PATCH",
            &format!("{job}/transcript"),
            revision,
            &correction(word),
        )
    };
    patched(&near, "\"0\"", "Harbour").is(200);
    assert!(text(&far).starts_with("Harbour 0 reaches"), "{}", text(&far));
    patched(&far, "\"0\"", "Port").is(409);
    patched(&far, "\"1\"", "Port").is(200);
    for server in [&near, &far] {
        until("the correction is found", || {
            hits(server, "Port") > 0 && hits(server, "Harbour") == 0
        });
    }

    // Also one that was made while the other server stood.
    far.signal("-TERM");
    assert!(far.end().success());
    patched(&near, "\"2\"", "Quay").is(200);
    let far = start(&second);
    until("the correction is found", || {
        hits(&far, "Quay") > 0 && hits(&far, "Port") == 0
    });

    // A link made there opens here, until it is revoked.
    let link = send(&far, "POST", &format!("{job}/shares"), "*", "{}").is(201).json();
    let (url, link) = (link["url"].as_str().unwrap(), link["id"].as_str().unwrap());
    assert!(near.get(url).is(200).body.contains("Quay"));
    send(&near, "DELETE", &format!("/shares/{link}"), "*", "").is(204);
    far.get(url).is(404);

    // Nothing of it is in the folder of a machine.
    for machine in [&first, &second] {
        for name in [
            "keys.json",
            "shares.json",
            "corrections.db",
            "glossaries",
            "webhook.secret",
        ] {
            assert!(!machine.data_home().join("cesar").join(name).exists(), "{name}");
        }
    }
    let listed = key_command(&second, &["list"]);
    key_command(&second, &["revoke", listed.split_whitespace().next().unwrap()]);
    for server in [&near, &far] {
        until("a revoked key does not work", || {
            send(server, "GET", "/jobs", "*", "").status == 401
        });
    }
}

#[test]
fn a_dead_worker_and_one_that_woke_too_late_lose_their_jobs_to_another() {
    let shared = Shared::new();
    let [serves, first, second, third] = [with_echo(), with_echo(), with_echo(), with_echo()];
    let server = shared.server(&serves);
    let slow = [("options", "{\"pace_ms\": 300}")];
    let id = server.submit(&wave(20, 2), &slow);
    let killed = shared.worker(&first);
    server.wait_for(&id, &["processing"]);
    drop(killed);
    let arguments = ["--shutdown-grace", "0", "--metrics", "127.0.0.1:0"];
    let stopped = JobWorker::start_with(&second, &arguments, &shared.variables());
    until("another worker has the job", || server.job(&id)["attempts"] == 2);
    stopped.signal("-STOP");
    let _last = shared.worker(&third);
    until("a third worker has the job", || server.job(&id)["attempts"] == 3);
    stopped.signal("-CONT");
    let job = server.wait_for(&id, &["completed", "error"]);
    assert_eq!(job["status"], "completed", "{job}");
    assert_eq!(texts(&server, &id).len(), 20);
    until("the second worker has noticed its loss", || {
        stopped.figures().figure("cesar_lease_losses_total") == 1.0
    });
    let job = server.job(&id);
    assert_eq!(
        (job["status"].as_str(), job["attempts"].as_u64()),
        (Some("completed"), Some(3)),
        "{job}"
    );
}

#[test]
fn a_bucket_that_is_away_refuses_uploads_and_costs_no_job() {
    let shared = Shared::new();
    let [serves, works] = [with_echo(), with_echo()];
    let (proxy, endpoint) = {
        let proxy = FaultProxy::start(object_storage().port());
        (proxy.clone(), proxy.endpoint())
    };
    let mut variables = shared.variables();
    variables.push(("AWS_ENDPOINT_URL", &endpoint));
    let server = Server::start_with(&serves, &["--no-workers"], &variables);
    let id = server.submit(&wave(2, 3), &[]);
    let worker = JobWorker::start_with(&works, &[], &variables);
    server.wait_for(&id, &["completed"]);
    let status = || {
        server.get("/health").json()["status"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(status(), "ok");

    let waiting = {
        // The worker has the job and cannot read its recording.
        worker.signal("-STOP");
        let waiting = server.submit(&wave(2, 4), &[]);
        proxy.fail(Fault::Cut);
        worker.signal("-CONT");
        waiting
    };
    let refused = server
        .send("/transcribe", &[("file", Some("talk.wav"), &wave(2, 5))], &[])
        .is(503);
    assert_eq!(refused.json()["code"], "storage_unavailable");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(status(), "storage_away");
    until("the worker has tried", || {
        log_of(&works).contains("the job waits: cannot read uploads in `s3://")
    });
    proxy.fail(Fault::None);
    let job = server.wait_for(&waiting, &["completed", "error"]);
    assert_eq!(
        (job["status"].as_str(), job["attempts"].as_u64()),
        (Some("completed"), Some(1)),
        "{job}"
    );
    server.submit(&wave(2, 5), &[]);
    assert_eq!(status(), "ok");
}

#[test]
fn a_client_that_leaves_one_server_cancels_no_job_of_a_client_of_another() {
    let shared = Shared::new();
    let [first, second, works] = [with_echo(), with_echo(), with_echo()];
    let mut variables = shared.variables();
    variables.push(("CESAR_SERVER_DISCONNECT_GRACE_S", "0"));
    variables.push(("CESAR_ASR_OPTIONS", "pace_ms=700"));
    let [near, far] = [&first, &second].map(|machine| Server::start_with(machine, &["--no-workers"], &variables));
    let recording = wave(6, 8);
    let parts = [("file", Some("talk.wav"), &recording[..]), ("model", None, b"echo")];
    std::thread::scope(|scope| {
        let stays = scope.spawn(|| near.send("/v1/audio/transcriptions", &parts, &[]));
        until("the job is there", || {
            near.get("/jobs").json()["jobs"][0]["id"].is_string()
        });
        let (kind, body) = form(&parts);
        let head = format!(
            "POST /v1/audio/transcriptions HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let mut leaves = far.connect();
        leaves
            .write_all(&[head.as_bytes(), &body].concat())
            .expect("the server reads");
        leaves
            .set_read_timeout(Some(Duration::from_secs(1)))
            .expect("a socket has a timeout");
        assert!(
            leaves.read(&mut [0; 100]).is_err(),
            "it was answered before the client left"
        );
        drop(leaves);
        let _worker = JobWorker::start_with(&works, &[], &variables);
        let answer = stays.join().expect("it does not panic").is(200);
        assert_eq!(answer.body.matches("peaks").count(), 6, "{answer:?}");
    });
    assert_eq!(near.get("/jobs").json()["jobs"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_worker_that_cannot_reach_the_bucket_leaves_jobs_to_others() {
    let shared = Shared::new();
    let [serves, cut_off, works] = [with_echo(), with_echo(), with_echo()];
    let proxy = FaultProxy::start(object_storage().port());
    let endpoint = proxy.endpoint();
    let mut variables = shared.variables();
    variables.push(("AWS_ENDPOINT_URL", &endpoint));
    let server = shared.server(&serves);
    let _cut_off = JobWorker::start_with(&cut_off, &[], &variables);
    proxy.fail(Fault::Cut);
    let id = server.submit(&wave(2, 7), &[]);
    server.wait_for(&id, &["processing"]);
    let _idle = shared.worker(&works);
    let job = server.wait_for(&id, &["completed", "error"]);
    assert_eq!(
        (job["status"].as_str(), job["attempts"].as_u64()),
        (Some("completed"), Some(1)),
        "{job}"
    );
    assert_eq!(log_of(&cut_off).matches("the job waits").count(), 1);
}

#[test]
fn a_database_that_is_away_is_a_status_and_loses_nothing() {
    // Its own: the others need theirs.
    let database = Cluster::start();
    let mut shared = Shared::new();
    shared.0.push(("CESAR_SERVER_JOBS", database.fresh()));
    let [serves, works] = [with_echo(), with_echo()];
    let server = shared.server(&serves);
    let worker = shared.worker(&works);
    let id = server.submit(&wave(2, 6), &[("options", "{\"pace_ms\": 500}")]);
    server.wait_for(&id, &["processing"]);
    database.stop();
    let answer = server.get(&format!("/jobs/{id}")).is(503);
    assert_eq!(answer.json()["code"], "jobs_unavailable");
    until("the health shows it", || {
        server.get("/health").json()["status"] == "jobs_away"
    });
    database.restart();
    let job = server.wait_for(&id, &["completed", "error"]);
    assert_eq!(job["status"], "completed", "{job}\n{}", log_of(&works));
    until("the health shows its return", || {
        server.get("/health").json()["status"] == "ok"
    });
    drop(worker);
}

/// Its connections stay, and nothing is answered.
#[test]
fn a_frozen_database_is_a_status_and_loses_nothing() {
    let database = Cluster::start();
    let mut shared = Shared::new();
    shared.0.push(("CESAR_SERVER_JOBS", database.fresh()));
    shared.0.push(("CESAR_SERVER_LEASE_S", "60".to_owned()));
    let [serves, works] = [with_echo(), with_echo()];
    let server = shared.server(&serves);
    let worker = shared.worker(&works);
    let id = server.submit(&wave(2, 6), &[("options", "{\"pace_ms\": 500}")]);
    server.wait_for(&id, &["processing"]);
    let frozen = database.freeze();
    let answer = server.get(&format!("/jobs/{id}")).is(503);
    assert_eq!(answer.json()["code"], "jobs_unavailable");
    until("the health shows it", || {
        server.get("/health").json()["status"] == "jobs_away"
    });
    drop(frozen);
    let job = server.wait_for(&id, &["completed", "error"]);
    assert_eq!(
        (&job["status"], &job["attempts"]),
        (&"completed".into(), &1.into()),
        "{job}\n{}",
        log_of(&works)
    );
    until("the health shows its return", || {
        server.get("/health").json()["status"] == "ok"
    });
    drop(worker);
}

/// What was computed while the database was away is stored when it is back: no attempt is lost, and nothing runs again.
#[test]
fn a_job_that_ends_while_the_database_is_away_is_stored_at_its_return() {
    let database = Cluster::start();
    let mut shared = Shared::new();
    shared.0.push(("CESAR_SERVER_JOBS", database.fresh()));
    // Longer than the outage: a statement waits 10 s for the database.
    shared.0.push(("CESAR_SERVER_LEASE_S", "60".to_owned()));
    let [serves, works] = [with_echo(), with_echo()];
    let server = shared.server(&serves);
    let worker = shared.worker(&works);
    let runs = works.work().join("runs");
    let options = serde_json::json!({ "pace_ms": 500, "runs": runs }).to_string();
    let id = server.submit(&wave(2, 6), &[("options", &options), ("no_cache", "true")]);
    server.wait_for(&id, &["processing"]);
    until("the engine runs", || runs.exists());
    database.stop();
    until("the end waits", || {
        log_of(&works).contains("the end of the attempt waits")
    });
    database.restart();
    let job = server.wait_for(&id, &["completed", "error"]);
    assert_eq!(
        (&job["status"], &job["attempts"]),
        (&"completed".into(), &1.into()),
        "{job}"
    );
    assert_eq!(std::fs::read_to_string(&runs).unwrap().lines().count(), 1);
    drop(worker);
}

#[test]
fn the_doctor_tries_what_machines_share() {
    let (shared, machine) = (Shared::new(), with_echo());
    let doctor = |variables: &[(&str, &str)]| {
        let mut command = machine.command();
        command
            .args(["doctor", "--cluster", "--json"])
            .envs(variables.iter().copied());
        cesar_tests::sandbox::finish(&mut command)
    };
    let states = |output: &cesar_tests::Output| {
        let findings = output.json()["findings"].as_array().cloned().unwrap_or_default();
        let state = |finding: &serde_json::Value| finding["state"].as_str().unwrap_or_default().to_owned();
        findings.iter().map(state).collect::<Vec<_>>()
    };
    // A check creates nothing, so that the second one finds no more.
    for _ in 0..2 {
        let output = doctor(&shared.variables()).exits(0);
        assert_eq!(states(&output), ["warning"; 3], "{}", output.stdout);
        assert!(
            output.stdout.contains("the tables do not exist yet"),
            "{}",
            output.stdout
        );
    }
    let server = shared.server(&machine);
    let output = doctor(&shared.variables()).exits(0);
    assert_eq!(states(&output), ["ok", "warning", "ok", "ok"], "{}", output.stdout);
    assert!(output.stdout.contains("none is alive"), "{}", output.stdout);
    server.submit(&wave(1, 1), &[("labels", "gpu")]);
    let works = with_echo();
    let _worker = shared.worker(&works);
    until("the worker and the job are shown", || {
        let shown = doctor(&shared.variables()).exits(0).stdout;
        println!("{shown}");
        shown.contains("1 is alive (1 with ")
            && shown.contains("echo@")
            && shown.contains("no worker takes 1 of 1 queued job")
    });
    assert_eq!(states(&doctor(&[]).exits(0)), ["warning", "warning", "warning"]);
    let mut wrong = shared.variables();
    wrong.push(("AWS_SECRET_ACCESS_KEY", "another"));
    let output = doctor(&wrong).exits(1);
    assert_eq!(
        states(&output),
        ["ok", "warning", "error", "error"],
        "{}",
        output.stdout
    );
}

#[test]
fn a_wrong_address_is_one_sentence_before_any_job_is_taken() {
    let machine = with_echo();
    let database = cluster().fresh();
    let start_with = |variables: &[(&str, &str)]| {
        let mut command = machine.command();
        command.args(["worker", "--ready-json"]).envs(variables.iter().copied());
        let output = cesar_tests::sandbox::finish(&mut command);
        assert_eq!(output.stdout, "");
        assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
        let errors = output.stderr.lines().filter(|line| line.starts_with("error: "));
        let errors: Vec<_> = errors.collect();
        assert_eq!(errors.len(), 1, "{}", output.stderr);
        errors[0].to_owned()
    };
    let start = |name: &str, value: &str| start_with(&[(name, value)]);
    for url in ["s3://ann:hunter2@bucket/x", "file:///no/such/folder"] {
        let variables = [("CESAR_SERVER_JOBS", database.as_str()), ("CESAR_SERVER_BLOBS", url)];
        assert!(start_with(&variables).contains("`server.blobs`"), "{url}");
    }
    for endpoint in ["localhost:9000", "https://", "http://host:abc", "s3.example.org"] {
        let variables = [
            ("CESAR_SERVER_JOBS", database.as_str()),
            ("CESAR_SERVER_BLOBS", "s3://bucket/x"),
            ("AWS_ENDPOINT_URL", endpoint),
        ];
        let refused = start_with(&variables);
        assert!(
            refused.contains("`AWS_ENDPOINT_URL` is no address of HTTP"),
            "{endpoint}: {refused}"
        );
    }
    let refused = start("CESAR_SERVER_JOBS", "postgres://ann:hunter2@127.0.0.1:1/jobs");
    assert!(refused.contains("postgres://ann@127.0.0.1:1/jobs"), "{refused}");
    assert!(start("CESAR_SERVER_JOBS", "mysql://ann:hunter2@host/jobs").contains("postgres://"));
    assert!(start("CESAR_SERVER_BLOBS", "file:///tmp").contains("set `server.jobs` too"));
}
