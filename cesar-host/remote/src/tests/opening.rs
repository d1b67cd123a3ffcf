//! The start: what is wrong is said in one sentence.

use super::*;
use cesar_tests::object_storage::READER;

fn refused(place: &Place, options: Options) -> String {
    let error = place.try_open(options, times()).unwrap_err().to_string();
    assert!(error.contains(';') && !error.contains('\n'), "{error}");
    error
}

#[test]
fn a_place_is_marked_once() {
    for place in Place::each() {
        let (one, other) = (place.open(), place.open());
        let names: Vec<_> = objects(&one).into_keys().collect();
        assert_eq!(names, [one.shared.layout.marker().to_string()]);
        assert_eq!(other.counts().errors, 0);
    }
}

#[test]
fn a_look_marks_no_place() {
    for place in Place::each() {
        let find = || RemoteCache::find_in_store(place.location.clone(), place.store.clone(), options(), times());
        for _ in 0..2 {
            assert!(find().unwrap().is_none(), "{}", place.location);
        }
        place.open();
        assert!(find().unwrap().is_some(), "{}", place.location);
    }
}

#[test]
fn a_place_of_another_program_is_refused() {
    for place in Place::each() {
        let remote = place.open();
        plant(&remote, remote.shared.layout.marker().as_ref(), b"{}");
        assert!(refused(&place, options()).contains("another program"));
        plant(
            &remote,
            remote.shared.layout.marker().as_ref(),
            br#"{"format":"cesar-shared-cache","version":2}"#,
        );
        assert!(
            refused(
                &place,
                Options {
                    read_only: true,
                    ..options()
                }
            )
            .contains("its layout is 2")
        );
    }
    let place = Place::memory();
    let store = place.store.clone();
    let runtime = crate::runtime::Runtime::start().unwrap();
    let planted = async move { store.overwrite(&"photos/1.jpg".into(), vec![1].into()).await };
    runtime.wait(planted).unwrap().unwrap();
    assert!(refused(&place, options()).contains("holds other objects"));
    // A prefix of its own is free.
    let location = Location::parse("s3://memory/cesar").unwrap();
    assert!(RemoteCache::open_store(location, place.store.clone(), options(), times()).is_ok());
}

#[test]
fn a_bucket_without_rights_is_refused() {
    let server = object_storage();
    let url = server.place();
    let place = |user| Place::at(&url, &server.endpoint(), user);
    let message = refused(&place(READER), options());
    assert!(message.starts_with("cannot write to the shared cache"), "{message}");
    assert!(
        place(READER)
            .try_open(
                Options {
                    read_only: true,
                    ..options()
                },
                times()
            )
            .is_ok()
    );
    let message = refused(&place(["stranger", "at all"]), options());
    assert!(message.contains("rights"), "{message}");
    assert!(!message.contains("at all"), "{message}");
    let message = refused(&place([WRITER[0], "wrong"]), options());
    assert!(message.contains("rights"), "{message}");
}

#[test]
fn a_bucket_that_does_not_exist_is_refused() {
    let server = object_storage();
    let place = Place::at("s3://no-such-bucket/x", &server.endpoint(), WRITER);
    let message = refused(&place, options());
    assert!(message.contains("does not exist"), "{message}");
}

#[test]
fn an_endpoint_that_does_not_answer_is_refused() {
    let place = Place::at("s3://results", "http://127.0.0.1:9", WRITER);
    let message = refused(&place, options());
    assert!(message.contains("check the network"), "{message}");
}

#[test]
fn settings_are_checked_before_any_request() {
    let open = |url: &str| {
        let options = Options {
            url: url.to_owned(),
            ..options()
        };
        RemoteCache::open(options, &|_| None).unwrap_err().to_string()
    };
    assert!(open("s4://results").contains("`s4`"));
    assert!(open("file:///no/such/folder").contains("create the folder"));
    assert!(uses_network("s3://results").unwrap() && !uses_network("file:///x").unwrap());
    let file = tempfile::NamedTempFile::new().unwrap();
    assert!(open(&format!("file://{}", file.path().display())).contains("create the folder"));
}
