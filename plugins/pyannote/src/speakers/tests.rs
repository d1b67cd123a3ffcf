use super::*;

fn request() -> Request {
    Request {
        step: 1.0,
        threshold: 0.5,
        merge_threshold: 0.45,
        num_speakers: None,
        min_speakers: None,
        max_speakers: None,
        min_speaker_duration: 3.0,
        distinct_threshold: 0.67,
        hangover: 0.0,
        min_duration_on: 0.0,
        min_duration_off: 0.0,
        embeddings: false,
    }
}

/// Two seconds of speech in a direction, in degrees, of a plane.
fn voice(degrees: f32) -> Voice {
    let (y, x) = degrees.to_radians().sin_cos();
    Voice {
        vector: vec![x, y, 0.0],
        frames: 118.0,
        clustered: true,
    }
}

fn found(degrees: &[f32], request: &Request) -> usize {
    let voices: Vec<Voice> = degrees.iter().map(|degrees| voice(*degrees)).collect();
    speakers(&voices, request, || false).unwrap().len()
}

const TWO: [f32; 8] = [0.0, 5.0, 10.0, 2.0, 90.0, 95.0, 85.0, 92.0];

#[test]
fn two_directions_are_two_speakers() {
    assert_eq!(found(&TWO, &request()), 2);
    assert_eq!(found(&TWO[..4], &request()), 1);
    assert_eq!(found(&[], &request()), 0);
}

#[test]
fn bounds_limit_the_number_of_speakers() {
    let bounded = |least, most| Request {
        min_speakers: least,
        max_speakers: most,
        ..request()
    };
    assert_eq!(found(&TWO, &bounded(None, Some(1))), 1);
    assert_eq!(found(&TWO, &bounded(Some(3), None)), 3);
    assert_eq!(found(&TWO, &bounded(Some(2), Some(2))), 2);
    assert_eq!(
        found(
            &TWO,
            &Request {
                num_speakers: Some(5),
                ..request()
            }
        ),
        5
    );
    assert_eq!(
        found(
            &TWO,
            &Request {
                num_speakers: Some(50),
                ..request()
            }
        ),
        8,
        "no more speakers than voices"
    );
}

#[test]
fn a_group_with_too_little_speech_is_no_speaker() {
    // A distance of 0.62 from the mean of the others.
    let long: Vec<f32> = (0..20).map(|n| if n < 19 { n as f32 } else { 77.0 }).collect();
    assert_eq!(
        found(&long, &request()),
        1,
        "2 s are less than 3 s and than a tenth of 40 s"
    );
    assert_eq!(found(&[0.0, 1.0, 120.0], &request()), 2, "2 s are a third of 6 s");
    assert_eq!(
        found(
            &long,
            &Request {
                min_speaker_duration: 0.0,
                ..request()
            }
        ),
        2
    );
}

#[test]
fn groups_whose_means_are_near_are_one_speaker() {
    // Chunks far from each other in directions of their own, near in what they have in common.
    let noisy = |axis: usize| {
        let mut vector = vec![0.0_f32; 12];
        vector[0] = 0.6;
        vector[axis] = 0.8;
        Voice {
            vector,
            frames: 118.0,
            clustered: true,
        }
    };
    let voices: Vec<Voice> = [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6].map(noisy).to_vec();
    let strict = Request {
        merge_threshold: 0.0,
        ..request()
    };
    assert_eq!(speakers(&voices, &strict, || false).unwrap().len(), 6);
    let lenient = Request {
        merge_threshold: 0.65,
        ..request()
    };
    assert_eq!(speakers(&voices, &lenient, || false).unwrap().len(), 1);
}

#[test]
fn short_chunks_make_no_speaker_unless_there_are_no_others() {
    let short = Voice {
        clustered: false,
        ..voice(120.0)
    };
    let voices = [voice(0.0), voice(3.0), short.clone(), short.clone()];
    assert_eq!(speakers(&voices, &request(), || false).unwrap().len(), 1);
    assert_eq!(speakers(&[short], &request(), || false).unwrap().len(), 1);
}

#[test]
fn a_cancel_ends_the_search_for_speakers() {
    let voices: Vec<Voice> = TWO.map(voice).to_vec();
    assert_eq!(
        speakers(&voices, &request(), || true).unwrap_err().kind,
        ErrorKind::Cancelled
    );
}

#[test]
fn bounds_that_contradict_are_refused() {
    let refused = |request: Request| request.speakers().unwrap_err().message;
    let both = Request {
        min_speakers: Some(3),
        max_speakers: Some(2),
        ..request()
    };
    assert!(refused(both).contains("`min_speakers` is 3"));
    let outside = Request {
        num_speakers: Some(4),
        max_speakers: Some(2),
        ..request()
    };
    assert!(refused(outside).contains("`num_speakers` is 4"));
}

#[test]
fn a_second_of_speech_far_from_all_speakers_is_a_speaker() {
    let far = |degrees: f32| {
        (0..20)
            .map(|n| if n < 19 { n as f32 } else { degrees })
            .collect::<Vec<f32>>()
    };
    assert_eq!(found(&far(120.0), &request()), 2);
    let disabled = Request {
        distinct_threshold: 2.0,
        ..request()
    };
    assert_eq!(found(&far(120.0), &disabled), 1);
    let most = Request {
        max_speakers: Some(1),
        ..request()
    };
    assert_eq!(found(&far(120.0), &most), 1);
}

#[test]
fn two_groups_near_each_other_and_far_from_all_others_are_one_more_speaker() {
    // 30 degrees are a distance of 0.13: the two are one group.
    let mut degrees: Vec<f32> = (0..19).map(|n| n as f32).collect();
    degrees.extend([120.0, 150.0]);
    assert_eq!(found(&degrees, &request()), 2);
    // Less than a second is not enough.
    let mut voices: Vec<Voice> = degrees[..20].iter().map(|degrees| voice(*degrees)).collect();
    voices[19].frames = 50.0;
    assert_eq!(speakers(&voices, &request(), || false).unwrap().len(), 1);
}

#[test]
fn one_voice_for_an_hour_is_one_speaker() {
    let degrees: Vec<f32> = (0..3600).map(|n| (n * 37 % 60) as f32).collect();
    assert_eq!(found(&degrees, &request()), 1);
}
