#!/usr/bin/env python3
"""Records a real terminal session as an animated SVG, for the README.

Needs Python 3.9 or newer (standard library only), bash, a built `cesar` with its plugins, and the models of
`cargo xtask demo`:

    cargo xtask demo
    tests/tools/session.py --program target/release/cesar --output docs/session.svg

The commands below are typed into a bash in a pseudo-terminal, in an empty folder with an empty cache. Times are those
of the run: nothing is cut out or sped up. The picture shows the end of the session where animation is off.
"""

import argparse
import fcntl
import html
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import sys
import tempfile
import termios
import time
import unicodedata

COLUMNS, ROWS = 92, 30
RECORDING = "tests/fixtures/meeting.flac"
COMMANDS = [
    "time cesar transcribe meeting.flac -o meeting.md",
    "sed -n '9,15p' meeting.md",
    "time cesar transcribe meeting.flac -o meeting.md",
    "time cesar -v transcribe meeting.flac -o meeting.srt",
]
PROMPT = "$ "
SECONDS_A_KEY, PAUSE, END_PAUSE, TIMEOUT = 0.025, 0.8, 6.0, 600.0
FRAME = 0.1
COLOURS = {31: "#ff7b72", 32: "#7ee787", 33: "#e3b341", 34: "#79c0ff", 35: "#d2a8ff", 36: "#56d4dd", 90: "#8b949e"}
PLAIN = ""


class Screen:
    """A terminal that understands what the session prints, and fails at anything else."""

    SEQUENCE = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])|\x1b.|[\x00-\x1f]|[^\x00-\x1f\x1b]", re.S)

    def __init__(self):
        self.cells = [[(" ", PLAIN)] * COLUMNS for _ in range(ROWS)]
        self.row = self.column = 0
        self.style = PLAIN
        self.rest = ""

    def feed(self, text):
        text = self.rest + text
        # A sequence that is not complete waits for the next bytes.
        begun = re.search(r"\x1b(\[[?0-9;]*)?$", text)
        self.rest = text[begun.start():] if begun else ""
        for match in self.SEQUENCE.finditer(text[: begun.start()] if begun else text):
            if match.group(2):
                self.control(match.group(1), match.group(2))
            else:
                self.put(match.group())

    def put(self, letter):
        if letter == "\r":
            self.column = 0
        elif letter == "\n":
            self.line_feed()
        elif letter == "\b":
            self.column = max(self.column - 1, 0)
        elif letter == "\x07":
            pass
        elif letter < " " or letter.startswith("\x1b"):
            sys.exit(f"the session printed {letter!r}, which this script cannot draw")
        else:
            width = 2 if unicodedata.east_asian_width(letter) in "WF" else 1
            if self.column + width > COLUMNS:
                self.column = 0
                self.line_feed()
            self.cells[self.row][self.column] = (letter, self.style)
            if width == 2:
                self.cells[self.row][self.column + 1] = ("", self.style)
            self.column += width

    def line_feed(self):
        self.row += 1
        if self.row == ROWS:
            self.row -= 1
            self.cells = self.cells[1:] + [[(" ", PLAIN)] * COLUMNS]

    def control(self, numbers, letter):
        count = int(numbers) if numbers.isdigit() else 1
        line = self.cells[self.row]
        column = min(self.column, COLUMNS - 1)
        if letter == "A":
            self.row = max(self.row - count, 0)
        elif letter == "B":
            self.row = min(self.row + count, ROWS - 1)
        elif letter == "C":
            self.column = min(self.column + count, COLUMNS - 1)
        elif letter == "D":
            self.column = max(self.column - count, 0)
        elif letter == "G":
            self.column = min(count, COLUMNS) - 1
        elif letter == "K":
            begin, end = {"1": (0, column + 1), "2": (0, COLUMNS)}.get(numbers, (column, COLUMNS))
            line[begin:end] = [(" ", PLAIN)] * (end - begin)
        elif letter == "J" and numbers in ("", "0"):
            line[column:] = [(" ", PLAIN)] * (COLUMNS - column)
            for row in range(self.row + 1, ROWS):
                self.cells[row] = [(" ", PLAIN)] * COLUMNS
        elif letter == "m":
            self.set_style(numbers)
        elif letter not in "hl":
            sys.exit(f"the session printed the sequence {numbers}{letter}, which this script cannot draw")

    def set_style(self, numbers):
        for number in (int(number or 0) for number in numbers.split(";")):
            if number in (0, 39):
                self.style = PLAIN
            elif number in COLOURS:
                self.style = COLOURS[number]

    def lines(self):
        return [tuple(line) for line in self.cells]


class Session:
    """A bash in a pseudo-terminal, and the screens that it has shown."""

    def __init__(self, program, folder):
        self.screen, self.frames, self.seen = Screen(), [], ""
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(folder)
            # The models and ONNX Runtime are the user's; the cache and what was written before are not.
            os.environ.update(
                PATH=f"{program.parent}:{os.environ['PATH']}",
                PS1=PROMPT,
                TERM="xterm-256color",
                TIMEFORMAT="took %3R s",
                XDG_CACHE_HOME=f"{folder}/.cache",
                XDG_STATE_HOME=f"{folder}/.state",
                XDG_CONFIG_HOME=f"{folder}/.config",
            )
            os.execvp("bash", ["bash", "--noprofile", "--norc", "--noediting", "-i"])
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.started = self.last = time.monotonic()

    def read(self, seconds):
        """Reads for this long, and keeps a frame after each `FRAME`."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.terminal], [], [], min(left, FRAME))[0]:
                text = os.read(self.terminal, 65536).decode(errors="replace")
                self.seen += text
                self.screen.feed(text)
            if time.monotonic() - self.last >= FRAME:
                self.keep()

    def keep(self):
        self.last = time.monotonic()
        self.frames.append((self.last - self.started, self.screen.lines()))

    def wait_for_prompt(self):
        deadline = time.monotonic() + TIMEOUT
        while not self.seen.endswith(PROMPT):
            if time.monotonic() > deadline:
                sys.exit(f"no prompt within {TIMEOUT:.0f} s after:\n{self.seen}")
            self.read(0.02)
        self.keep()

    def type(self, line):
        for letter in line:
            os.write(self.terminal, letter.encode())
            self.read(SECONDS_A_KEY)
        self.seen = ""
        os.write(self.terminal, b"\n")
        self.read(0.02)
        self.wait_for_prompt()
        self.read(PAUSE)

    def end(self):
        self.keep()
        os.kill(self.process, signal.SIGHUP)
        os.waitpid(self.process, 0)


def spans(frames):
    """Each line of the screen with its row, and from when to when it was there; without an end, until the last frame."""
    shown, found = {}, []
    for moment, lines in frames:
        for row, line in enumerate(lines):
            was = shown.get(row)
            if was and was[0] == line:
                continue
            if was:
                found.append((row, was[0], was[1], moment))
            shown[row] = (line, moment)
    found += [(row, line, begin, None) for row, (line, begin) in shown.items()]
    return [span for span in found if any(letter.strip() for letter, _ in span[1])]


def drawn(line):
    """A line as `tspan`s, one for each run of cells of one colour."""
    runs = []
    for letter, style in line:
        if runs and runs[-1][1] == style:
            runs[-1][0] += letter
        else:
            runs.append([letter, style])
    while runs and not runs[-1][0].strip():
        runs.pop()
    parts = []
    for text, style in runs:
        text = html.escape(text if (text, style) != tuple(runs[-1]) else text.rstrip(), quote=False)
        parts.append(f'<tspan fill="{style}">{text}</tspan>' if style else text)
    return "".join(parts)


def svg(frames):
    width, height, size, lead = 8.43, 19, 14, 30
    total = frames[-1][0] + END_PAUSE
    styles, texts = {}, []
    for row, line, begin, end in spans(frames):
        key = (begin, end)
        if key not in styles:
            name = f"f{len(styles)}"
            steps = [f"0%{{visibility:{'visible' if begin == 0 else 'hidden'}}}", f"{begin / total:.3%}{{visibility:visible}}"]
            if end is not None:
                steps += [f"{end / total:.3%}{{visibility:hidden}}", "100%{visibility:hidden}"]
            else:
                steps.append("100%{visibility:visible}")
            still = "visible" if end is None else "hidden"
            styles[key] = (
                name,
                f"@keyframes {name}{{{''.join(steps)}}}.{name}{{visibility:{still};animation:{name} {total:.2f}s step-end infinite}}",
            )
        texts.append(f'<text class="{styles[key][0]}" x="14" y="{lead + (row + 1) * height}">{drawn(line)}</text>')
    outer = (COLUMNS * width + 28, lead + (ROWS + 1) * height)
    rules = "\n".join(rule for _, rule in styles.values())
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {outer[0]:.0f} {outer[1]:.0f}" role="img">
<title>A terminal session: the first transcription takes seconds, the same command again and another format milliseconds</title>
<style>
text{{font:{size}px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#e6edf3;white-space:pre}}
{rules}
@media (prefers-reduced-motion:reduce){{text{{animation:none!important}}}}
</style>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<circle cx="20" cy="17" r="6" fill="#ff5f56"/><circle cx="40" cy="17" r="6" fill="#ffbd2e"/><circle cx="60" cy="17" r="6" fill="#27c93f"/>
{chr(10).join(texts)}
</svg>
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=pathlib.Path, default="target/release/cesar", help="the built program")
    parser.add_argument("--output", type=pathlib.Path, default="docs/session.svg", help="the SVG file to write")
    options = parser.parse_args()
    program = options.program.resolve()
    if not os.access(program, os.X_OK):
        sys.exit(f"`{program}` is no program; run `cargo xtask demo`, or name another with --program")
    root = pathlib.Path(__file__).resolve().parents[2]
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(root / RECORDING, folder)
        session = Session(program, folder)
        session.wait_for_prompt()
        for command in COMMANDS:
            session.type(command)
        session.end()
    times = re.findall(r"took (\S+) s", "\n".join("".join(letter for letter, _ in line) for line in session.screen.lines()))
    if len(times) < 3 or not all(float(again) < 0.1 < float(times[0]) for again in times[1:]):
        shown = "\n".join("".join(letter for letter, _ in line).rstrip() for line in session.screen.lines())
        sys.exit(f"the first run is meant to take longer, the others less than 0.1 s each:\n{shown}")
    options.output.write_text(svg(session.frames))
    print(f"`{options.output}`: {', '.join(times)} s")


if __name__ == "__main__":
    main()
