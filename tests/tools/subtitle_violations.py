#!/usr/bin/env python3
"""Count the violations of each subtitle preset, without it and with it, on recordings. Standard library only.

    subtitle_violations.py [--cesar PROGRAM] [--format srt] [--speakers] [--details] [FOLDER-OR-RECORDING...]

Transcribes each recording (default: tests/fixtures) with both engines and the models base and, in English, tiny.en, with word times;
renders it without a preset and with each one; and counts with `cesar check`. Results are cached, so that a second run costs little.
Prints Markdown: a row for each transcript, the sums, and with --details every violation that a preset leaves.
"""
import argparse, collections, json, os, pathlib, subprocess, sys, tempfile

PRESETS = ["netflix", "bbc", "youtube", "plain"]
SUFFIXES = {".wav", ".mp3", ".m4a", ".flac", ".opus", ".ogg", ".aiff", ".mp4"}
RUNS = [("ct2", "base"), ("whisper-cpp", "base"), ("ct2", "tiny.en"), ("whisper-cpp", "tiny.en")]


def recordings(paths):
    for path in map(pathlib.Path, paths):
        found = [path] if path.is_file() else sorted(path.rglob("*"))
        yield from (file.resolve() for file in found if file.suffix in SUFFIXES and file.is_file())


def transcribe(options, links, engine, model, folder, extra):
    command = [options.cesar, "transcribe", *map(str, links), "--asr-plugin", engine, "--model", model, "--threads", str(options.threads)]
    command += ["--asr-option", "word_timestamps=true", "--output-dir", str(folder), "--overwrite", "--progress", "none", "-q", *extra]
    command += ["--diarize"] if options.speakers else ["--no-diarize"]
    # A recording that fails has no file, and no row.
    subprocess.run(command, stderr=None if options.verbose else subprocess.DEVNULL)


def check(options, files, preset, language):
    command = [options.cesar, "check", *map(str, files), "--preset", preset, "--language", language, "--json"]
    answer = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout)
    return [file["violations"] for file in answer["files"]]


def measure(options, links, engine, model, languages, folder):
    """The violations of each recording: {stem: {(preset, "before" or "after"): [...]}}."""
    form, plain = options.format, folder / "none"
    transcribe(options, links, engine, model, plain, ["-f", "json", "-f", form])
    for preset in PRESETS:
        transcribe(options, links, engine, model, folder / preset, ["-f", form, "--subtitle-preset", preset])
    groups = collections.defaultdict(list)
    for document in sorted(plain.glob("*.json")):
        language = json.loads(document.read_text())["language"] or "en"
        languages.setdefault(document.stem, language)
        groups[language].append(document.stem)
    found = collections.defaultdict(dict)
    for language, stems in groups.items():
        for preset in PRESETS:
            for when, source in [("before", plain), ("after", folder / preset)]:
                files = [source / f"{stem}.{form}" for stem in stems]
                for stem, violations in zip(stems, check(options, files, preset, language)):
                    found[stem][preset, when] = violations
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", default=["tests/fixtures"])
    parser.add_argument("--cesar", default="target/release/cesar")
    parser.add_argument("--format", default="srt", choices=["srt", "vtt"])
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--speakers", action="store_true", help="identify and name speakers")
    parser.add_argument("--details", action="store_true", help="list every violation that a preset leaves")
    parser.add_argument("--verbose", action="store_true", help="show what cesar reports")
    options = parser.parse_args()
    options.cesar = os.path.abspath(options.cesar)
    print("| recording | engine | model | " + " | ".join(PRESETS) + " |")
    print("|---|---|---|" + "--:|" * len(PRESETS))
    languages, sums, left, rows = {}, collections.Counter(), [], 0
    with tempfile.TemporaryDirectory() as name:
        work = pathlib.Path(name)
        links = []
        for number, recording in enumerate(recordings(options.paths)):
            # A name of its own for each output file.
            links.append(work / f"{number:03}-{recording.name}".replace(recording.suffix, f"-{recording.suffix[1:]}{recording.suffix}"))
            links[-1].symlink_to(recording)
        for engine, model in RUNS:
            wanted = [link for link in links if not model.endswith(".en") or languages.get(link.stem) == "en"]
            if not wanted:
                continue
            for stem, counts in sorted(measure(options, wanted, engine, model, languages, work / engine / model).items()):
                rows += 1
                cells = []
                for preset in PRESETS:
                    before, after = counts[preset, "before"], counts[preset, "after"]
                    sums[preset, "before"] += len(before)
                    sums[preset, "after"] += len(after)
                    left += [(stem, engine, model, preset, one) for one in after]
                    cells.append(f"{len(before)} → {len(after)}")
                print(f"| {stem[4:]} | {engine} | {model} | " + " | ".join(cells) + " |", flush=True)
    if not rows:
        sys.exit("no recording was transcribed: name recordings, and the program with --cesar (--verbose shows what it reports)")
    cells = [f"{sums[preset, 'before']} → {sums[preset, 'after']}" for preset in PRESETS]
    print(f"| **{rows} transcripts** | | | " + " | ".join(cells) + " |")
    for stem, engine, model, preset, one in left if options.details else []:
        print(
            f"{stem[4:]} by {engine} {model}, {preset}: cue {one['cue']} at {one['start']} s, "
            f"{one['rule']} {one['measured']} (allowed {one['allowed']})"
        )


if __name__ == "__main__":
    main()
