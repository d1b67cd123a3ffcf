//! The database file: its schema, its settings, and untrustworthy files.

use std::os::unix::fs::PermissionsExt;

use rusqlite::Connection;

use super::*;
use crate::sqlite::{VERSION, check_sqlite};

fn pragma(store: &SqliteJobs, name: &str) -> String {
    let value = store
        .inspect(|connection| connection.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0)));
    match value.unwrap() {
        rusqlite::types::Value::Text(text) => text,
        rusqlite::types::Value::Integer(number) => number.to_string(),
        other => panic!("{other:?}"),
    }
}

/// A published schema is never edited: files with it exist.
#[test]
fn golden_schema() {
    let schemas = [
        &include_bytes!("../sqlite/schema_1.sql")[..],
        include_bytes!("../sqlite/schema_2.sql"),
    ];
    assert_eq!(VERSION, 2);
    assert_eq!(
        schemas.map(|schema| Digest::of(schema).to_string()),
        [
            "ee3167f5aeb2838f1181c4031a327113f9269ef420938dc07a8086f74a7a4091",
            "f2312b8a10800cf081c2e58eb0f7e4b40cc10b40fe2d9b8181c43d6fdde9b0b1",
        ]
    );
}

#[test]
fn a_new_database_has_its_pragmas() {
    let folder = folder();
    let store = open(folder.path());
    for (name, value) in [
        ("journal_mode", "wal"),
        ("auto_vacuum", "2"),
        ("user_version", "2"),
        ("application_id", "1128616778"),
        ("integrity_check", "ok"),
    ] {
        assert_eq!(pragma(&store, name), value, "{name}");
    }
    for name in ["jobs.db", "jobs.db-wal"] {
        let mode = std::fs::metadata(folder.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

/// Acknowledged changes wait for the device; progress does not, and later changes still do.
#[test]
fn only_progress_is_not_synced() {
    const FULL: &str = "2";
    const NORMAL: &str = "1";
    let folder = folder();
    let store = open(folder.path());
    let worker = WorkerId::new(&SystemRandom);
    store.submit(&url_job()).unwrap();
    assert_eq!(pragma(&store, "synchronous"), FULL);
    let lease = store.claim(worker).unwrap().unwrap().lease;
    assert_eq!(pragma(&store, "synchronous"), FULL);
    store.progress(&lease, &Progress::default(), None).unwrap();
    assert_eq!(pragma(&store, "synchronous"), NORMAL);
    store.complete(&lease, "{}", &report()).unwrap();
    assert_eq!(pragma(&store, "synchronous"), FULL);
}

#[test]
fn the_jobs_table_is_strict() {
    let folder = folder();
    let query = "SELECT group_concat(name) FROM pragma_table_list WHERE strict = 0 AND name NOT LIKE 'sqlite_%'";
    let loose: Option<String> = open(folder.path())
        .inspect(|connection| connection.query_row(query, [], |row| row.get(0)))
        .unwrap();
    assert_eq!(loose, None);
}

#[test]
fn a_row_that_cannot_be_read_does_not_hide_the_others() {
    let folder = folder();
    let store = open(folder.path());
    super::suite::queue::damaged_rows_are_left_out(&store, WorkerId::new(&SystemRandom), &|sql| {
        store.inspect(|connection| connection.execute(sql, [])).unwrap();
    });
}

/// Frequent queries search by an index instead of reading all jobs.
#[test]
fn frequent_queries_use_an_index() {
    let folder = folder();
    let store = open(folder.path());
    let queries = [
        "SELECT id FROM jobs WHERE state = 'queued' AND not_before_ms <= 5 ORDER BY id LIMIT 1",
        "SELECT id FROM jobs WHERE id = 'a' AND lease = 1",
        "SELECT DISTINCT owner FROM jobs WHERE owner IS NOT NULL",
        "SELECT id FROM jobs WHERE owner = 'a'",
        "SELECT id FROM jobs WHERE idempotency_key = 'a'",
        "SELECT id FROM jobs WHERE coalesce_key = 'a' AND finished_ms IS NULL",
        "SELECT count(*) FROM jobs WHERE upload = 'a'",
        "SELECT count(*) FROM jobs WHERE state = 'queued'",
        "SELECT state, count(*) FROM jobs GROUP BY state",
        "SELECT id FROM jobs WHERE webhook_state = 'pending' AND webhook_next_ms <= 5 ORDER BY webhook_next_ms, id LIMIT 1",
        "SELECT id FROM jobs WHERE finished_ms IS NOT NULL AND finished_ms <= 5",
    ];
    for query in queries {
        let plan: Vec<String> = store
            .inspect(|connection| {
                let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {query}"))?;
                statement.query_map([], |row| row.get(3))?.collect()
            })
            .unwrap();
        assert!(plan.iter().all(|step| step.contains("INDEX")), "{query}: {plan:?}");
    }
}

#[test]
fn jobs_survive_closing() {
    let folder = folder();
    let submitted = {
        let store = open(folder.path());
        let mut new = with_webhook(NewJob::new(upload_request(UploadId::new(&SystemRandom))));
        new.request.parameters.options =
            [("language".to_owned(), "de".into()), ("beam_size".to_owned(), 5.into())].into();
        new.request.parameters.min_speakers = Some(2);
        new.idempotency = Some(Idempotency {
            key: "key".to_owned(),
            fingerprint: new.request.fingerprint(),
        });
        new.coalesce_key = Some("work".to_owned());
        let Submission::New(job) = store.submit(&new).unwrap() else {
            panic!("it is new")
        };
        assert_eq!(job.request, new.request);
        job
    };
    assert_eq!(open(folder.path()).get(submitted.id).unwrap(), Some(submitted));
}

#[test]
fn a_database_of_the_first_schema_keeps_its_jobs() {
    let folder = folder();
    let store = open(folder.path());
    let Submission::New(job) = store.submit(&url_job()).unwrap() else {
        panic!("the job is new");
    };
    drop(store);
    let connection = rusqlite::Connection::open(folder.path().join("jobs.db")).unwrap();
    let back = "DROP TRIGGER events_of_removed_jobs; DROP TABLE events; PRAGMA user_version = 1";
    connection.execute_batch(back).unwrap();
    drop(connection);
    let store = open(folder.path());
    assert_eq!(store.get(job.id).unwrap(), Some(job.clone()));
    assert_eq!(store.events(job.id, EventPosition::default()).unwrap(), []);
}

#[test]
fn a_newer_schema_is_refused() {
    let folder = folder();
    drop(open(folder.path()));
    let connection = Connection::open(folder.path().join("jobs.db")).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let error = SqliteJobs::open(folder.path(), options_at(Disk::real())).unwrap_err();
    assert!(
        matches!(
            error,
            JobsError::Newer {
                found: 99,
                supported: 2,
                ..
            }
        ),
        "{error}"
    );
}

/// A damaged database is refused and stays unchanged: it cannot be recomputed.
#[test]
fn a_damaged_database_is_kept() {
    let folder = folder();
    drop(open(folder.path()));
    let path = folder.path().join("jobs.db");
    std::fs::write(
        &path,
        "this is no database, and it is long enough to look like one".repeat(200),
    )
    .unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = SqliteJobs::open(folder.path(), options_at(Disk::real())).unwrap_err();
    assert!(matches!(error, JobsError::Damaged { .. }), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

/// A copy whose header was lost has tables and no version.
#[test]
fn a_database_without_its_version_is_damaged() {
    let folder = folder();
    drop(open(folder.path()));
    let connection = Connection::open(folder.path().join("jobs.db")).unwrap();
    connection.pragma_update(None, "user_version", 0).unwrap();
    drop(connection);
    let error = SqliteJobs::open(folder.path(), options_at(Disk::real())).unwrap_err();
    assert!(matches!(error, JobsError::Damaged { .. }), "{error}");
}

#[test]
fn removed_jobs_leave_no_words_in_the_files() {
    let folder = folder();
    let store = open(folder.path());
    store.submit(&url_job()).unwrap();
    let lease = store.claim(WorkerId::new(&SystemRandom)).unwrap().unwrap().lease;
    let document = format!("{} gnusecret {}", "x".repeat(10_000), "y".repeat(10_000));
    store.complete(&lease, &document, &report()).unwrap();
    let occurs = || {
        ["jobs.db", "jobs.db-wal"].iter().any(|name| {
            let bytes = std::fs::read(folder.path().join(name)).unwrap_or_default();
            bytes.windows(9).any(|window| window == b"gnusecret")
        })
    };
    assert!(occurs());
    let now = Retention {
        completed: Duration::ZERO,
        failed: Duration::ZERO,
    };
    assert_eq!(store.prune(&now, 100).unwrap().jobs.len(), 1);
    assert!(!occurs());
    store.submit(&url_job()).unwrap();
    let claim = store.claim(WorkerId::new(&SystemRandom)).unwrap().unwrap();
    store.complete(&claim.lease, &document, &report()).unwrap();
    assert!(occurs());
    store.remove(claim.job.id).unwrap();
    assert!(!occurs(), "a single job");
}

#[test]
fn an_old_sqlite_is_refused() {
    check_sqlite(rusqlite::version_number()).unwrap();
    check_sqlite(3_051_003).unwrap();
    assert!(matches!(check_sqlite(3_051_002), Err(JobsError::OldSqlite { .. })));
}

/// SQLite itself runs out of space: acknowledged jobs stay, and no others are reported.
#[test]
fn a_full_database_loses_nothing() {
    let folder = folder();
    let store = open(folder.path());
    let limit = |pages: i64| {
        store
            .inspect(|connection| connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())))
            .unwrap();
    };
    limit(40);
    let mut known = Vec::new();
    let error = loop {
        let mut new = url_job();
        new.request.label = "x".repeat(3_000);
        match store.submit(&new) {
            Ok(Submission::New(job)) => known.push(job),
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
    };
    assert!(
        error
            .to_string()
            .contains("check the folder's permissions and free space"),
        "{error}"
    );
    let worker = WorkerId::new(&SystemRandom);
    let lease = store.claim(worker).unwrap().unwrap().lease;
    assert!(store.complete(&lease, &"x".repeat(100_000), &report()).is_err());
    let listed = ListQuery {
        limit: 1_000,
        ..ListQuery::default()
    };
    let ids: Vec<JobId> = store.list(&listed).unwrap().iter().rev().map(|job| job.id).collect();
    assert_eq!(ids, known.iter().map(|job| job.id).collect::<Vec<_>>());

    limit(1_000);
    let completed = store.complete(&lease, &"x".repeat(100_000), &report()).unwrap();
    assert_eq!(
        (completed.id, completed.state),
        (known[0].id, JobState::Completed),
        "the lease still holds"
    );
}

/// The space of removed documents returns to the file system.
#[test]
fn retention_shrinks_the_database() {
    let folder = folder();
    let store = open(folder.path());
    let worker = WorkerId::new(&SystemRandom);
    let pages = || pragma(&store, "page_count").parse::<u64>().unwrap();
    let before = pages();
    for _ in 0..5 {
        store.submit(&url_job()).unwrap();
        let lease = store.claim(worker).unwrap().unwrap().lease;
        store.complete(&lease, &"x".repeat(400_000), &report()).unwrap();
    }
    assert!(pages() > before + 450);
    let now = Retention {
        completed: Duration::ZERO,
        failed: Duration::ZERO,
    };
    assert_eq!(store.prune(&now, 100).unwrap().jobs.len(), 5);
    assert!(pages() < before + 10, "{} of {before}", pages());
}

#[test]
fn job_ids_are_version_7_uuids_with_a_counter() {
    let first = JobId::next_after(None, START_MS, [0x801, u64::MAX]);
    assert_eq!(first.to_string(), "019b76da-a800-7001-bfff-ffffffffffff");
    let second = JobId::next_after(Some(first), START_MS - 1, [0, 0]);
    assert_eq!(second.to_string(), "019b76da-a800-7002-8000-000000000000");
}

#[test]
fn ids_are_parsed_strictly() {
    let id = JobId::next_after(None, START_MS, [0x7FF, u64::MAX]);
    assert_eq!(id.to_string(), "019b76da-a800-77ff-bfff-ffffffffffff");
    assert_eq!(id.to_string().parse(), Ok(id));
    let next = JobId::next_after(Some(id), START_MS, [0, 0]);
    assert_eq!(next.to_string(), "019b76da-a800-7800-8000-000000000000");
    for text in [
        "",
        "x",
        "../../etc/passwd",
        "019B76DA-A800-77FF-BFFF-FFFFFFFFFFFF",
        "{019b76da-a800-77ff-bfff-ffffffffffff}",
    ] {
        assert!(text.parse::<JobId>().is_err(), "{text}");
    }
}

/// A fingerprint covers the request and the content, not the name of the upload.
#[test]
fn fingerprints_identify_the_request() {
    let request = || upload_request(UploadId::new(&SystemRandom));
    let fingerprint = request().fingerprint();
    assert_eq!(request().fingerprint(), fingerprint);
    let mut others = [request(), request(), request(), request()];
    others[0].label = "other.mp3".to_owned();
    others[1].parameters.diarize = Some(false);
    others[2].parameters.options.insert("language".to_owned(), "de".into());
    if let Source::Upload { digest, .. } = &mut others[3].source {
        *digest = Digest::of(b"other content");
    }
    for other in others {
        assert_ne!(other.fingerprint(), fingerprint, "{other:?}");
    }
    let mut resolved = request();
    resolved.resolved = Some(ResolvedRequest::default());
    assert_eq!(resolved.fingerprint(), fingerprint, "the settings are not the client's");
    let mut traced = request();
    traced.trace = Some(
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
            .parse()
            .unwrap(),
    );
    assert_eq!(
        traced.fingerprint(),
        fingerprint,
        "a request that is sent again has another span"
    );
}

/// The JSON is from a database of version 1.0.0.
#[test]
fn stored_requests_of_the_first_version_are_read() {
    let stored = r#"{"source":{"kind":"url","url":"https://example.org/a.mp3"},"label":"a","asr_plugin":"ct2","model":null,
        "options":{"beam_size":5,"language":"de","temperature":[0.0,0.5]},"diarize":true,"diarize_plugin":null,"diarize_options":{},
        "speaker_names":["Ann","Bo, Jr"],"channels_as_speakers":false,"num_speakers":null,"min_speakers":2,"max_speakers":3,
        "strict":false,"no_cache":false,"refresh":true,"webhook_url":"https://example.org/hook","field_of_a_later_version":1}"#;
    let request: JobRequest = serde_json::from_str(stored).unwrap();
    let parameters = &request.parameters;
    assert_eq!(parameters.options["beam_size"], serde_json::json!(5));
    assert_eq!(parameters.options["temperature"], serde_json::json!([0.0, 0.5]));
    assert_eq!(parameters.speaker_names, ["Ann", "Bo, Jr"]);
    assert_eq!(
        (
            parameters.diarize,
            parameters.strict,
            parameters.refresh,
            parameters.no_cache
        ),
        (Some(true), Some(false), true, false)
    );
    assert_eq!((parameters.min_speakers, parameters.num_speakers), (Some(2), None));
    let written = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<JobRequest>(&written).unwrap(), request);
}

/// Clients of the API read these names.
#[test]
fn the_view_of_a_request_has_the_fields_of_the_first_version() {
    let fixture = Fixture::memory(Policy::default());
    let view = JobView::new(&fixture.submit()).to_json();
    let names: Vec<_> = view["request"].as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        [
            "asr_plugin",
            "audio_track",
            "bytes",
            "channels_as_speakers",
            "diarize",
            "diarize_options",
            "diarize_plugin",
            "max_speakers",
            "min_speakers",
            "model",
            "no_cache",
            "num_speakers",
            "options",
            "sha256",
            "speaker_names",
            "strict",
            "url",
            "webhook_url"
        ]
    );
}

/// The fields that clients read are at the top level.
#[test]
fn the_view_of_a_job_is_flat() {
    let fixture = Fixture::memory(Policy::default());
    fixture.submit();
    let job = fixture.store.complete(&fixture.claim().lease, "{}", &report()).unwrap();
    let json = JobView::new(&job).to_json();
    for (name, value) in [
        ("status", serde_json::json!("completed")),
        ("progress", 100.0.into()),
        ("progress_phase", "completed".into()),
        ("progress_phase_pct", 100.0.into()),
        ("transcription_cached", true.into()),
        ("diarization_cached", false.into()),
        ("cache_hit_ratio", 0.5.into()),
        ("timings", serde_json::json!({"asr": 1_200, "diarize": 34})),
    ] {
        assert_eq!(json[name], value, "{name}");
    }
}
