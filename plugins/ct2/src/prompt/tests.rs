use super::*;

const IDS: Ids = Ids {
    start_of_previous: 1,
    no_timestamps: 2,
    timestamp_begin: 3,
};
const START: [u32; 3] = [10, 11, 12];

fn assembled(parts: Parts<'_>) -> Vec<u32> {
    assemble(Parts { start: &START, ..parts }, IDS).tokens
}

#[test]
fn a_prompt_without_text_is_the_start() {
    assert_eq!(assembled(Parts::default()), START);
    let without_timestamps = Parts {
        without_timestamps: true,
        ..Parts::default()
    };
    assert_eq!(assembled(without_timestamps), [10, 11, 12, 2]);
}

#[test]
fn earlier_text_and_hotwords_come_before_the_start() {
    let parts = Parts {
        previous: &[100, 101],
        hotwords: &[200],
        ..Parts::default()
    };
    assert_eq!(assembled(parts), [1, 200, 100, 101, 10, 11, 12]);
}

#[test]
fn a_prefix_follows_the_first_timestamp_and_switches_hotwords_off() {
    let parts = Parts {
        hotwords: &[200],
        prefix: &[300, 301],
        ..Parts::default()
    };
    assert_eq!(assembled(parts), [10, 11, 12, 3, 300, 301]);
    let without_timestamps = Parts {
        without_timestamps: true,
        ..parts
    };
    assert_eq!(assembled(without_timestamps), [10, 11, 12, 2, 300, 301]);
}

#[test]
fn only_the_end_of_earlier_text_is_kept() {
    let long: Vec<u32> = (1000..1500).collect();
    let tokens = assembled(Parts {
        previous: &long,
        ..Parts::default()
    });
    assert_eq!(
        (tokens.len(), tokens[0], tokens[1], tokens[223]),
        (1 + 223 + 3, 1, 1500 - 223, 1499)
    );
}

#[test]
fn there_is_always_room_for_text() {
    let long: Vec<u32> = (1000..1500).collect();
    for (hotwords, prefix) in [(&long[..], &[][..]), (&[], &long), (&long[..100], &[])] {
        let parts = Parts {
            previous: &long,
            hotwords,
            prefix,
            start: &START,
            ..Parts::default()
        };
        let prompt = assemble(parts, IDS);
        assert!(
            prompt.tokens.len() + LEAST_TEXT <= MAX_LENGTH,
            "{}",
            prompt.tokens.len()
        );
        assert!(prompt.limit >= LEAST_TEXT);
    }
}

/// The text has the same limit with the longest prompt as with the longest earlier text.
#[test]
fn hotwords_come_first_and_leave_the_end_of_earlier_text() {
    let (hot, old): (Vec<u32>, Vec<u32>) = ((1000..1150).collect(), (2000..2500).collect());
    let parts = Parts {
        previous: &old,
        hotwords: &hot,
        start: &START,
        ..Parts::default()
    };
    let prompt = assemble(parts, IDS);
    assert_eq!(prompt.tokens[1..151], hot);
    assert_eq!(prompt.tokens[151..224], old[500 - 73..]);
    assert_eq!(prompt.limit, 448 - 226);
    let prompt = assemble(
        Parts {
            hotwords: &old,
            ..parts
        },
        IDS,
    );
    assert_eq!(prompt.tokens[1..151], old[..150]);
    assert_eq!(
        prompt.tokens[151..224],
        old[500 - 73..],
        "a list of words needs text behind it"
    );
    assert_eq!((prompt.tokens.len(), prompt.limit), (227, 448 - 226));
}

#[test]
fn a_prompt_that_is_too_long_is_reported_with_what_is_used() {
    assert_eq!((excess(100, 123), excess(223, 0), excess(0, 150)), (None, None, None));
    assert_eq!(
        excess(0, 3000).unwrap(),
        "the prompt is too long: using the first 150 of 3000 tokens of `hotwords` (the model reads 223, and at most 150 of `hotwords`); shorten it"
    );
    assert_eq!(
        excess(3000, 0).unwrap(),
        "the prompt is too long: using the last 223 of 3000 tokens of `initial_prompt` (the model reads 223); shorten it"
    );
    assert!(
        excess(10, 200)
            .unwrap()
            .contains("using 150 of 200 tokens of `hotwords` and the last 10 of 10")
    );
    assert!(
        excess(3000, 23)
            .unwrap()
            .contains("using 23 of 23 tokens of `hotwords` and the last 200 of 3000")
    );
}

#[test]
fn the_limit_is_half_of_what_the_model_attends_to_or_what_is_left() {
    let long: Vec<u32> = (1000..1500).collect();
    let limit = |previous| {
        assemble(
            Parts {
                previous,
                start: &START,
                ..Parts::default()
            },
            IDS,
        )
        .limit
    };
    assert_eq!(limit(&[]), 224);
    assert_eq!(limit(&long), 448 - 226);
}

#[test]
fn new_tokens_count_from_the_end_of_the_prompt() {
    let prompt = assemble(
        Parts {
            start: &START,
            max_new_tokens: Some(300),
            ..Parts::default()
        },
        IDS,
    );
    assert_eq!((prompt.max_length, prompt.limit), (303, 151));
    let all = assemble(
        Parts {
            start: &START,
            max_new_tokens: Some(448),
            ..Parts::default()
        },
        IDS,
    );
    assert_eq!(all.max_length, MAX_LENGTH);
}
