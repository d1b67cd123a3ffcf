//! Times of searches: tables for `docs/internals/results.md`.
//!
//! ```text
//! cargo xtask measure micro search -- DIR N [KIND]   makes an index of N documents in DIR, unless it is there, and searches it; with
//!                                                     KIND only by queries whose names contain it
//! ```
//! A document is three minutes of speech: 30 segments of 15 words of two to five speakers; the documents are stored in the order of their
//! 1,000 days. The words are drawn from 50,000 by Zipf's law (the word
//! of rank r in proportion to 1/r), as in natural language: `w1` is in almost every document. Each query is other words of its kind. Times
//! are of whole pages of 20 hits with passages, in an open index, with warm system caches.

#![expect(clippy::print_stdout, reason = "a program that prints tables")]

use std::path::Path;
use std::time::{Duration, Instant};

use cesar_base::Digest;
use cesar_search::{Entry, Filter, Index, Presence, Query, Search, Source};
use plugin_api::document::{Document, Seconds, Segment};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const VOCABULARY: usize = 50_000;
const SEGMENTS: u64 = 30;
const WORDS: usize = 15;
const BATCH: usize = 200;
const QUERIES: usize = 100;

fn main() -> Outcome<()> {
    // Cargo adds `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (folder, count, kind) = match words[..] {
        [folder, count] => (folder, count, ""),
        [folder, count, kind] => (folder, count, kind),
        _ => {
            println!("arguments: DIR N [KIND]");
            return Ok(());
        }
    };
    let (folder, count) = (Path::new(folder), count.parse()?);
    let index = Index::open(folder)?;
    let zipf = Zipf::new();
    if !index.is_built()? {
        build(&index, &zipf, count)?;
        index.set_built()?;
    }
    println!("{} documents, {} MB\n", index.count()?, size(folder)? / 1_000_000);
    search(&index, &zipf, kind)?;
    match kind {
        "" => removal(&index),
        _ => Ok(()),
    }
}

/// Numbers that look random and are the same each time (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// Ranks of words by Zipf's law.
struct Zipf {
    sums: Vec<f64>,
}

impl Zipf {
    fn new() -> Self {
        let mut sum = 0.0;
        let sums = (1..=VOCABULARY).map(|rank| {
            sum += 1.0 / rank as f64;
            sum
        });
        Self { sums: sums.collect() }
    }

    /// A rank, 1 to [`VOCABULARY`].
    fn rank(&self, numbers: &mut Numbers) -> usize {
        let part = numbers.below(1 << 32) as f64 / (1_u64 << 32) as f64;
        let wanted = part * self.sums[VOCABULARY - 1];
        self.sums.partition_point(|sum| *sum < wanted) + 1
    }
}

/// The word of a rank: letters only, of 2 to 10 letters, no two the same.
fn word(rank: usize) -> String {
    const ONSETS: [&str; 16] = [
        "b", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "st",
    ];
    const VOWELS: [&str; 4] = ["a", "e", "i", "o"];
    let (mut text, mut left) = (String::new(), rank);
    while left > 0 {
        text += ONSETS[left % 16];
        text += VOWELS[left / 16 % 4];
        left /= 64;
    }
    text
}

fn document(number: u64, count: u64, zipf: &Zipf, numbers: &mut Numbers, template: &Document) -> Document {
    let segments = (0..SEGMENTS).map(|id| {
        let words: Vec<String> = (0..WORDS).map(|_| word(zipf.rank(numbers))).collect();
        let mut segment: Segment = template.segments[0].clone();
        segment.id = id;
        segment.start = Seconds(id * 6_000);
        segment.end = Seconds(id * 6_000 + 5_900);
        segment.text = words.join(" ");
        segment.speaker = Some(format!("Speaker {}", 1 + (id / 3 + number) % (2 + number % 4)));
        segment
    });
    let day = number * 1_000 / count;
    let mut document = template.clone();
    document.segments = segments.collect();
    document.language = Some(["en", "de", "es", "fr"][(number % 4) as usize].to_owned());
    document.created = format!(
        "{}-{:02}-{:02}T12:00:00Z",
        2023 + day / 336,
        1 + day % 336 / 28,
        1 + day % 28
    );
    document.provenance.audio.media_sha256 = Digest::of(&number.to_le_bytes()).to_string();
    document
}

fn template() -> Outcome<Document> {
    let text = r#"{"schema":1,"language":"en","language_probability":1,"task":"transcribe","duration":180,"created":"","segments":[
        {"id":0,"start":0,"end":1,"text":""}],"provenance":{"cesar":"1","sampled":false,
        "asr":{"plugin":"p","version":"1","plugin_sha256":"0","options":{}},
        "audio":{"media_sha256":"0","pcm_sha256":"0","codec":"pcm","offset":0}}}"#;
    Ok(serde_json::from_str(text)?)
}

fn build(index: &Index, zipf: &Zipf, count: u64) -> Outcome<()> {
    let (template, mut numbers) = (template()?, Numbers(7));
    let (mut spent, mut single) = (Duration::ZERO, Vec::new());
    let mut number = 0;
    while number < count {
        let end = (number + BATCH as u64).min(count);
        let documents: Vec<(Document, Source)> = (number..end)
            .map(|number| {
                let source = Source {
                    holder: "jobs".to_owned(),
                    id: format!("{number:08}"),
                };
                (document(number, count, zipf, &mut numbers, &template), source)
            })
            .collect();
        let entries: Vec<Entry<'_>> = (documents.iter())
            .map(|(document, source)| Entry {
                key: Digest::of(source.id.as_bytes()),
                document,
                source,
                title: &source.id,
                given_ms: 0,
            })
            .collect();
        // The first of each batch alone, as a finished transcription stores it.
        let began = Instant::now();
        index.store(&entries[0])?;
        single.push(began.elapsed());
        index.store_all(&entries[1..])?;
        spent += began.elapsed();
        number = end;
    }
    println!(
        "built in {:.1} s; one document alone: median {:.2} ms, 95 % {:.2} ms",
        spent.as_secs_f64(),
        quantile(&mut single, 0.5),
        quantile(&mut single, 0.95)
    );
    Ok(())
}

fn size(folder: &Path) -> Outcome<u64> {
    let files = ["search.db", "search.db-wal"].map(|name| folder.join(name));
    Ok(files
        .iter()
        .filter_map(|file| file.metadata().ok())
        .map(|file| file.len())
        .sum())
}

/// In milliseconds.
fn quantile(times: &mut [Duration], part: f64) -> f64 {
    times.sort_unstable();
    let place = ((times.len() - 1) as f64 * part) as usize;
    times[place].as_secs_f64() * 1e3
}

/// A kind of query: its name, how one is made, and its filter.
type Kind<'a> = (&'a str, Box<dyn Fn(&mut Numbers) -> String + 'a>, Filter);

fn search(index: &Index, zipf: &Zipf, wanted: &str) -> Outcome<()> {
    let plain = Filter::default;
    let any = |numbers: &mut Numbers| word(zipf.rank(numbers));
    let between = |numbers: &mut Numbers, from: u64, to: u64| word((from + numbers.below(to - from)) as usize);
    let two = move |numbers: &mut Numbers| format!("{} {}", any(numbers), any(numbers));
    let kinds: Vec<Kind<'_>> = vec![
        ("one word, as often as it is said", Box::new(any), plain()),
        (
            "one of the 10 most frequent words",
            Box::new(move |n| between(n, 1, 11)),
            plain(),
        ),
        (
            "one rare word (rank 10,000 to 50,000)",
            Box::new(move |n| between(n, 10_000, 50_000)),
            plain(),
        ),
        ("two words", Box::new(two), plain()),
        (
            "two of the 10 most frequent words",
            Box::new(move |n| format!("{} {}", between(n, 1, 11), between(n, 1, 11))),
            plain(),
        ),
        (
            "two words of rank 100 to 2,000",
            Box::new(move |n| format!("{} {}", between(n, 100, 2_000), between(n, 100, 2_000))),
            plain(),
        ),
        (
            "phrase of two words",
            Box::new(move |n| format!("\"{}\"", two(n))),
            plain(),
        ),
        (
            "phrase of two of the 10 most frequent words",
            Box::new(move |n| format!("\"{} {}\"", between(n, 1, 11), between(n, 1, 11))),
            plain(),
        ),
        (
            "prefix of 3 letters",
            Box::new(move |n| format!("{}*", between(n, 64, 4_000).chars().take(3).collect::<String>())),
            plain(),
        ),
        (
            "prefix of 2 letters",
            Box::new(move |n| format!("{}*", between(n, 64, 4_000).chars().take(2).collect::<String>())),
            plain(),
        ),
        (
            "two words and a speaker",
            Box::new(two),
            Filter {
                speaker: Some("speaker 2".to_owned()),
                ..plain()
            },
        ),
        (
            "two words and a rare speaker",
            Box::new(two),
            Filter {
                speaker: Some("speaker 5".to_owned()),
                ..plain()
            },
        ),
        (
            "two words and a language",
            Box::new(two),
            Filter {
                language: Some("de".to_owned()),
                ..plain()
            },
        ),
        (
            "one word and a month",
            Box::new(any),
            Filter {
                from: "2023-06-01".parse().ok(),
                to: "2023-06-30".parse().ok(),
                ..plain()
            },
        ),
        (
            "one word and a day",
            Box::new(any),
            Filter {
                from: "2023-06-01".parse().ok(),
                to: "2023-06-01".parse().ok(),
                ..plain()
            },
        ),
        (
            "two words, jobs only",
            Box::new(two),
            Filter {
                holder: Some("jobs".to_owned()),
                ..plain()
            },
        ),
    ];
    println!("| {QUERIES} queries | median | 95 % | longest | hits on the page, mean |");
    println!("|---|--:|--:|--:|--:|");
    for (name, make, filter) in kinds.into_iter().filter(|(name, ..)| name.contains(wanted)) {
        let (mut numbers, mut times, mut hits) = (Numbers(99), Vec::new(), 0);
        for _ in 0..QUERIES {
            let query: Query = make(&mut numbers).parse()?;
            let search = Search {
                query: &query,
                filter: &filter,
                limit: 20,
                after: None,
            };
            let began = Instant::now();
            hits += index.find(&search, &|_| Presence::Present)?.hits.len();
            times.push(began.elapsed());
        }
        println!(
            "| {name} | {:.1} ms | {:.1} ms | {:.1} ms | {:.1} |",
            quantile(&mut times, 0.5),
            quantile(&mut times, 0.95),
            quantile(&mut times, 1.0),
            hits as f64 / QUERIES as f64
        );
    }
    Ok(())
}

/// Removes some documents, and what is left of their words. They stay removed.
fn removal(index: &Index) -> Outcome<()> {
    let ids = (0..100).map(|number| Source {
        holder: "jobs".to_owned(),
        id: format!("{:08}", number * 7),
    });
    let began = Instant::now();
    index.remove(&ids.collect::<Vec<_>>())?;
    let removed = began.elapsed();
    let began = Instant::now();
    index.maintain()?;
    println!(
        "\nremoved 100 documents in {:.2} s, rewritten in {:.1} s",
        removed.as_secs_f64(),
        began.elapsed().as_secs_f64()
    );
    Ok(())
}
