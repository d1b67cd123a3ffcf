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
fn the_start_alone() {
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
