use super::*;

#[test]
fn clips_are_ranges_of_frames_inside_the_audio() {
    assert_eq!(clips(&[0.0], 500).unwrap(), vec![0..500]);
    assert_eq!(clips(&[], 500).unwrap(), vec![0..500]);
    assert_eq!(clips(&[1.0, 2.5, 3.0], 500).unwrap(), [100..250, 300..500]);
    assert_eq!(clips(&[1.0, 2.0, 9.0], 500).unwrap(), [100..200, 500..500]);
    let error = clips(&[2.0, 1.0], 500).unwrap_err();
    assert_eq!(
        error.message,
        "`clip_timestamps` must rise: start,end,start,end,… in seconds"
    );
}

fn state() -> State {
    let language = Language {
        code: "en".into(),
        probability: 1.0,
    };
    State::new(language, Vec::new())
}

#[test]
fn windows_follow_the_clips() {
    let clips = [100..4000, 4200..4200, 4500..4600];
    let mut state = state();
    assert_eq!(next(&mut state, &clips, 3000), Some(Window::new(100, 3000)));
    state.seek = 3100;
    assert_eq!(next(&mut state, &clips, 3000), Some(Window::new(3100, 900)));
    state.seek = 4000;
    assert_eq!(next(&mut state, &clips, 3000), Some(Window::new(4500, 100)));
    state.seek = 4700;
    assert_eq!(next(&mut state, &clips, 3000), None);
    assert_eq!(next(&mut state, &[], 3000), None);
}

#[test]
fn a_saved_state_is_restored_unchanged() {
    let state = State {
        seek: 2999,
        written: vec![50_364, 1, 2],
        shown_from: 1,
        last_speech: 29.98,
        ..state()
    };
    let saved = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<State>(&saved).unwrap(), state);
}

#[test]
fn text_cut_off_by_a_guard_is_reported() {
    let window = Window::new(100, 3000);
    let split = |next_seek: usize, covered: f64| Split {
        pieces: Vec::new(),
        next_seek,
        closed: false,
        covered,
    };
    let lost = |from: f64, to: f64, reason: &'static str| Some(Lost { from, to, reason });
    // A regular end: nothing is lost. A cut that continues at its last timestamp: nothing either.
    assert_eq!(advance(&split(3100, 9.0), window, false, 6000), (3100, None));
    assert_eq!(advance(&split(800, 8.0), window, true, 6000), (800, None));
    assert_eq!(
        advance(&split(3100, 9.0), window, true, 6000),
        (3100, lost(9.0, 31.0, "max_length"))
    );
    assert_eq!(
        advance(&split(3100, 9.0), window, true, 2000),
        (3100, lost(9.0, 20.0, "max_length"))
    );
    assert_eq!(
        advance(&split(100, 1.0), window, false, 6000),
        (3100, lost(1.0, 31.0, "no_progress"))
    );
}
