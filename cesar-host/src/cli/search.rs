//! `cesar search`: words in all transcripts of the cache and of the jobs.

use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::sync::Arc;

use cesar_base::names::visible;
use cesar_base::{Clock as _, SystemClock};
use cesar_config::Settings;
use cesar_corrections::{Corrections, StoreOptions};
use cesar_jobs::{JobStore, Policy};
use cesar_search::{Cursor, Day, Filter, Hit, Index, MAX_LIMIT, Passage, Query, Search, SearchError};
use cesar_server::Holders;
use serde_json::{Value, json};

use super::args::{JsonFlag, SettingFlags, group, language_code, whole};
use super::report::{Exit, Failure, note, print, print_json};
use super::search_index::corrections;
use super::{cache, humanize, jobs};

/// After this time, sources are compared with their holders before the answer.
const RECONCILE_MS: i64 = 3_600_000;

/// The command's arguments.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Words, "phrases" and prefixes*, which must all occur in a transcript
    #[arg(value_name = "WORDS", required_unless_present = "reindex")]
    words: Vec<String>,
    /// Only what this speaker said
    #[arg(long, value_name = "NAME")]
    speaker: Option<String>,
    /// Only transcripts made on this day (UTC) or later
    #[arg(long, value_name = "DATE")]
    from: Option<Day>,
    /// Only transcripts made on this day (UTC) or earlier
    #[arg(long, value_name = "DATE")]
    to: Option<Day>,
    /// Only transcripts in this language (`en`, `English`, …)
    #[arg(short, long, value_name = "LANGUAGE", value_parser = language_code)]
    language: Option<String>,
    /// Maximum number of recordings to list
    #[arg(long, value_name = "N", default_value = "20", value_parser = whole(1_u32, Some(10_000)))]
    limit: u32,
    /// Rebuild the index from the cache and the jobs
    #[arg(long)]
    reindex: bool,
    #[command(flatten)]
    json: JsonFlag,
    #[command(flatten)]
    settings: SettingFlags<group::Cache>,
}

/// Runs the command.
pub(super) fn run(args: &Args, settings: &Settings) -> Result<Exit, Failure> {
    let Some(folder) = settings.folders.data().filter(|_| settings.search) else {
        return Err(Failure::usage(
            "the search index is disabled (`search.enabled`, or no data folder); enable it to search",
        ));
    };
    let words = args.words.join(" ");
    let query: Option<Query> = match (args.reindex, args.words.is_empty()) {
        (true, true) => None,
        _ => Some(words.parse().map_err(Failure::usage)?),
    };
    let cache = cache::open(settings)?;
    let jobs = stored_jobs(&folder, settings)?;
    let corrections = match jobs.as_deref().and_then(|jobs| jobs.records()) {
        Some(records) => Some(Corrections::shared(records, StoreOptions::default())),
        None => corrections(&folder),
    };
    let holders = Holders {
        cache: Some(&cache),
        jobs: jobs.as_deref(),
        corrections: corrections.as_ref(),
    };
    if args.reindex {
        Index::discard(&folder).map_err(Failure::failed)?;
    }
    let index = Index::open(&folder).map_err(Failure::failed)?;
    update(&index, &holders).map_err(Failure::failed)?;
    if args.reindex {
        let count = index.count().map_err(Failure::failed)?;
        note(&format!(
            "indexed {}",
            humanize::count(count, "transcript", "transcripts")
        ));
    }
    let Some(query) = query else { return Ok(Exit::Done) };
    if args.from.zip(args.to).is_some_and(|(from, to)| to < from) {
        return Err(Failure::usage("`--to` is before `--from`; no transcript is of both"));
    }
    let filter = Filter {
        speaker: args.speaker.clone(),
        from: args.from,
        to: args.to,
        language: args.language.clone(),
        holder: None,
    };
    let (hits, more) = find(&index, &holders, &query, &filter, args.limit).map_err(Failure::failed)?;
    if args.json.json {
        print_json(&json!({ "hits": hits.iter().map(hit_json).collect::<Vec<_>>(), "more": more }));
    } else {
        let emphasis = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        hits.iter().for_each(|hit| print(&hit_text(hit, emphasis)));
        if hits.is_empty() {
            note("no transcript matches");
        } else if more {
            note("there are more; raise --limit, or narrow the search");
        }
    }
    // As `grep` does.
    Ok(if hits.is_empty() { Exit::Failed } else { Exit::Done })
}

/// The jobs, where there are any: searching makes no database of them.
fn stored_jobs(folder: &Path, settings: &Settings) -> Result<Option<Arc<dyn JobStore>>, Failure> {
    let location = jobs::location(folder, settings);
    let jobs = location.exists().then(|| location.open(Policy::default()));
    jobs.transpose().map_err(Failure::failed)
}

/// Fills a new index, and clears it of what is gone where that was not done for a while.
fn update(index: &Index, holders: &Holders<'_>) -> Result<(), SearchError> {
    if !index.is_built()? {
        holders.fill(index, &|| false)?;
    }
    if (SystemClock.now_ms() - index.reconciled_ms()?).abs() > RECONCILE_MS {
        holders.reconcile(index)?;
    }
    Ok(())
}

/// The best hits, and whether there are more. A damaged index is rebuilt.
fn find(
    index: &Index,
    holders: &Holders<'_>,
    query: &Query,
    filter: &Filter,
    limit: u32,
) -> Result<(Vec<Hit>, bool), SearchError> {
    match pages(index, holders, query, filter, limit) {
        Err(error) if error.is_damage() => {
            note(&format!("warning: {error}; rebuilding it"));
            index.recreate()?;
            update(index, holders)?;
            pages(index, holders, query, filter, limit)
        }
        found => found,
    }
}

fn pages(
    index: &Index,
    holders: &Holders<'_>,
    query: &Query,
    filter: &Filter,
    limit: u32,
) -> Result<(Vec<Hit>, bool), SearchError> {
    let (mut hits, mut after): (Vec<Hit>, Option<Cursor>) = (Vec::new(), None);
    loop {
        let left = limit - u32::try_from(hits.len()).unwrap_or(limit);
        let search = Search {
            query,
            filter,
            limit: left.min(MAX_LIMIT),
            after,
        };
        let page = index.find(&search, &|source| holders.presence(source))?;
        hits.extend(page.hits);
        after = page.next;
        if after.is_none() || hits.len() >= limit as usize {
            return Ok((hits, after.is_some()));
        }
    }
}

fn hit_json(hit: &Hit) -> Value {
    let jobs = hit.sources.iter().filter(|source| source.holder == "jobs");
    let passage = |passage: &Passage| {
        json!({ "segment": passage.segment, "start": seconds(passage.start_ms), "end": seconds(passage.end_ms),
            "speaker": passage.speaker, "text": passage.text, "highlights": passage.highlights })
    };
    json!({
        "label": hit.title, "sha256": hit.media, "document_sha256": hit.key, "language": hit.language,
        "created_at": hit.created, "duration": seconds(hit.duration_ms), "offset": seconds(hit.offset_ms),
        "jobs": jobs.map(|source| source.id.as_str()).collect::<Vec<_>>(), "matches": hit.matches,
        "passages": hit.passages.iter().map(passage).collect::<Vec<_>>(),
    })
}

#[expect(clippy::cast_precision_loss, reason = "285 000 years of ms fit")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

/// The name of the recording, then a line for each passage.
fn hit_text(hit: &Hit, emphasis: bool) -> String {
    let day = hit.created.get(..10).unwrap_or_default();
    let mut text = format!("{} ({day})\n", visible(&hit.title));
    for passage in &hit.passages {
        // Its time in the recording, of which a part was transcribed.
        let time = clock(hit.offset_ms + passage.start_ms);
        let speaker = passage.speaker.iter().map(|speaker| format!("{}: ", visible(speaker)));
        let speaker: String = speaker.collect();
        text += &format!("  {time}  {speaker}{}\n", emphasised(passage, emphasis));
    }
    let others = hit.matches - hit.passages.len();
    if others > 0 {
        text += &format!(
            "  and {}\n",
            humanize::count(others as u64, "other segment", "other segments")
        );
    }
    text
}

/// `h:mm:ss`.
fn clock(ms: u64) -> String {
    let seconds = ms / 1000;
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// The text of a passage on one line, with its matches in bold.
fn emphasised(passage: &Passage, emphasis: bool) -> String {
    const BOLD: &str = "\x1b[1m";
    const PLAIN: &str = "\x1b[0m";
    let characters: Vec<char> = passage.text.chars().collect();
    let shown = |part: &[char]| visible(&part.iter().collect::<String>().replace(['\n', '\r', '\t'], " ")).into_owned();
    let (mut text, mut done) = (String::new(), 0);
    for [start, end] in passage.highlights.iter().filter(|_| emphasis) {
        text += &shown(&characters[done..*start]);
        text += &format!("{BOLD}{}{PLAIN}", shown(&characters[*start..*end]));
        done = *end;
    }
    text + &shown(&characters[done..])
}

#[cfg(test)]
mod tests {
    use cesar_base::Digest;

    use super::*;

    fn hit() -> Hit {
        let passage = Passage {
            segment: 3,
            start_ms: 3_723_400,
            end_ms: 3_725_000,
            speaker: Some("Ann".to_owned()),
            text: "The fähre\n\x1b came.".to_owned(),
            highlights: vec![[4, 9]],
        };
        Hit {
            key: Digest::of(b""),
            media: String::new(),
            title: "talk.wav".to_owned(),
            sources: Vec::new(),
            language: None,
            created: "2026-01-31T12:00:00Z".to_owned(),
            duration_ms: 0,
            offset_ms: 1_000,
            matches: 2,
            passages: vec![passage],
        }
    }

    #[test]
    fn hits_are_shown_with_times_and_speakers() {
        let text = hit_text(&hit(), false);
        assert!(
            text.starts_with("talk.wav (2026-01-31)\n  1:02:04  Ann: The fähre "),
            "{text:?}"
        );
        assert!(text.ends_with("\n  and 1 other segment\n"), "{text:?}");
        assert!(
            !text.contains('\x1b'),
            "control characters of a transcript reach no terminal"
        );
    }

    #[test]
    fn matches_are_bold_on_a_terminal() {
        let text = hit_text(&hit(), true);
        assert!(text.contains("The \x1b[1mfähre\x1b[0m "), "{text:?}");
    }
}
