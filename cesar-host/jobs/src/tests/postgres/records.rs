//! The texts that all servers share.

use cesar_base::{Record, RecordsError, change_record};

use super::*;

#[test]
fn a_text_is_replaced_by_one_of_those_that_read_it() {
    let url = cluster().fresh();
    let (here, there) = (real(&url).records().unwrap(), real(&url).records().unwrap());
    assert_eq!((here.read("keys").unwrap(), here.version("keys").unwrap()), (None, 0));
    assert!(here.replace("keys", 0, "one").unwrap());
    assert!(!there.replace("keys", 0, "two").unwrap(), "the name is taken");
    assert!(there.replace("keys", 1, "two").unwrap());
    assert!(!here.replace("keys", 1, "three").unwrap(), "the version has changed");
    let text = "two".to_owned();
    assert_eq!(here.read("keys").unwrap(), Some(Record { version: 2, text }));
    assert_eq!(there.version("keys").unwrap(), 2);
}

#[test]
fn names_are_listed_by_their_prefix() {
    let records = real(&cluster().fresh()).records().unwrap();
    for name in [
        "corrections/b",
        "corrections/a",
        "corrections",
        "correction",
        "corrections0",
        "keys",
    ] {
        assert!(records.replace(name, 0, "").unwrap());
    }
    records.replace("corrections/a", 1, "more").unwrap();
    let listed = records.versions("corrections/").unwrap();
    assert_eq!(
        listed,
        [("corrections/a".to_owned(), 2), ("corrections/b".to_owned(), 1)]
    );
}

#[test]
fn no_change_of_many_processes_is_lost() {
    let url = cluster().fresh();
    drop(real(&url));
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let records = real(&url).records().unwrap();
                for _ in 0..20 {
                    change_record(&*records, "count", |before| {
                        let count = before.map_or(0, |record| record.text.parse().unwrap());
                        Ok::<_, RecordsError>((Some((count + 1_u32).to_string()), ()))
                    })
                    .unwrap();
                }
            });
        }
    });
    assert_eq!(
        real(&url).records().unwrap().read("count").unwrap().unwrap().text,
        "120"
    );
}

#[test]
fn a_change_of_a_text_is_reported() {
    let store = real(&cluster().fresh());
    let mut changes = store.changes().unwrap();
    assert_eq!(changes.wait(Duration::ZERO), [Change::Missed], "the connection is new");
    store.records().unwrap().replace("keys", 0, "one").unwrap();
    let mut seen = Vec::new();
    until("the change", || {
        seen.extend(changes.wait(Duration::from_millis(100)));
        seen.contains(&Change::Record)
    });
}
