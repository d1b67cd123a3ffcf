//! A plugin with the fault in its option `behaviour`: while it loads, opens, runs, or closes.
//!
//! The behaviour while loading cannot be an option: a copy of the library with `load-` in its file name has the one that follows.

use std::io::Write as _;
use std::time::Duration;

use plugin_api::asr::{Segment, Transcription};
use plugin_api::{Audio, Ctx, Stage, StageError, cesar_plugin};

unsafe extern "C" {
    safe fn abort() -> !;
    safe fn close(descriptor: i32) -> i32;
    safe fn getpid() -> i32;
    safe fn getppid() -> i32;
    safe fn kill(process: i32, signal: i32) -> i32;
    safe fn setsid() -> i32;
    fn write(descriptor: i32, bytes: *const u8, length: usize) -> isize;
}

/// Called by the dynamic loader.
#[used]
#[unsafe(link_section = ".init_array")]
static LOADED: extern "C" fn() = on_load;

extern "C" fn on_load() {
    let words = std::fs::read_to_string("/proc/self/cmdline").unwrap_or_default();
    let file = words.split('\0').find(|word| word.contains("load-")).unwrap_or_default();
    match file.rsplit_once("load-").and_then(|(_, rest)| rest.split('_').next()).unwrap_or_default() {
        "segfault" => segfault(),
        "hang" => sleep_for_ever(),
        "exit" => std::process::exit(0),
        "garbage" => babble(),
        _ => {}
    }
}

fn segfault() -> ! {
    // The first signal may only remove a handler of the standard library.
    loop {
        kill(getpid(), 11);
    }
}

fn sleep_for_ever() -> ! {
    loop {
        std::thread::sleep(Duration::from_secs(1000));
    }
}

/// Writes garbage, which is no frame, to every socket that it finds.
fn babble() {
    for descriptor in 3..64 {
        let link = std::fs::read_link(format!("/proc/self/fd/{descriptor}")).unwrap_or_default();
        if link.to_string_lossy().starts_with("socket:") {
            let garbage = [0xff_u8; 64];
            // SAFETY: the bytes are lent for the call.
            unsafe { write(descriptor, garbage.as_ptr(), garbage.len()) };
        }
    }
}

struct Zoo {
    behaviour: String,
    runs: usize,
    hoard: Vec<Vec<u8>>,
}

#[derive(serde::Deserialize)]
struct Options {
    behaviour: String,
}

#[derive(serde::Deserialize)]
struct Request {}

/// A transcription, or an invalid output.
#[derive(serde::Serialize)]
#[serde(untagged)]
enum Output {
    Good(Transcription),
    Wrong(String),
}

impl Stage for Zoo {
    type Options = Options;
    type Request = Request;
    type Output = Output;

    fn open(options: Options) -> Result<Self, StageError> {
        match options.behaviour.as_str() {
            "open-panic" => panic!("the zoo is closed"),
            "open-segfault" => segfault(),
            "open-hang" => sleep_for_ever(),
            _ => {}
        }
        let behaviour = options.behaviour;
        Ok(Self { behaviour, runs: 0, hoard: Vec::new() })
    }

    fn run(&mut self, _: Request, audio: Audio<'_>, ctx: &mut Ctx<'_>) -> Result<Output, StageError> {
        self.runs += 1;
        let end_ms = audio.milliseconds(audio.samples.len());
        let mut transcription = Transcription { language: Some("en".into()), ..Transcription::default() };
        let seconds = end_ms.div_ceil(1000);
        for second in 0..seconds {
            match self.behaviour.as_str() {
                "deaf" => std::thread::sleep(Duration::from_millis(100)),
                _ => ctx.checkpoint()?,
            }
            let segment = Segment::new(second * 1000, (second * 1000 + 1000).min(end_ms), format!(" second {second}"));
            ctx.segment(&segment);
            ctx.progress(second + 1, seconds);
            transcription.segments.push(segment);
        }
        self.misbehave(&mut transcription, end_ms, ctx)
    }
}

impl Zoo {
    fn misbehave(
        &mut self,
        transcription: &mut Transcription,
        end_ms: u64,
        ctx: &mut Ctx<'_>,
    ) -> Result<Output, StageError> {
        match self.behaviour.as_str() {
            "panic" => panic!("a lion is out"),
            "segfault" => segfault(),
            "abort" => abort(),
            "exit" => std::process::exit(0),
            "overflow" => {
                deep(0);
            }
            "endless" => loop {
                std::hint::spin_loop();
            },
            "stop" => {
                kill(getpid(), 19);
            }
            "parricide" => {
                kill(getppid(), 9);
                sleep_for_ever();
            }
            "orphaned-orphans" => {
                leave_orphans();
                kill(getppid(), 9);
                sleep_for_ever();
            }
            "gluttony" => loop {
                self.hoard.push(vec![1; 8 << 20]);
            },
            "hoard" => self.hoard.push(vec![1; 10 << 20]),
            "logs" => (0..1_000_000).for_each(|number| tracing::info!("roar {number}")),
            "stderr" => (0..100_000).for_each(|number| eprintln!("roar {number}")),
            "segments" => (0..1_000_000).for_each(|_| ctx.segment(&Segment::new(0, 1, " again"))),
            "stdout" => {
                let mut stdout = std::io::stdout();
                (0..100_000).for_each(|number| drop(writeln!(stdout, "line {number}")));
            }
            "endless-line" => {
                let mut stderr = std::io::stderr();
                (0..400).for_each(|_| drop(stderr.write_all(&[b'x'; 1 << 16])));
            }
            "close-streams" => (0..3).for_each(|descriptor| drop(close(descriptor))),
            "out-of-order" => {
                transcription.segments = vec![Segment::new(1, 2, " b"), Segment::new(0, 1, " a")];
            }
            "shown-out-of-order" => [(5, 6), (1, 2)].into_iter().for_each(|(start, end)| ctx.segment(&Segment::new(start, end, " x"))),
            "past-the-end" => transcription.segments.push(Segment::new(end_ms, end_ms + 1_000_000, " later")),
            "not-utf-8" => {
                // SAFETY: none. That it is not UTF-8 is the misbehaviour.
                let text = unsafe { String::from_utf8_unchecked(vec![b' ', 0xff, 0xfe]) };
                transcription.segments = vec![Segment::new(0, end_ms.min(1), text)];
            }
            "not-a-transcription" => return Ok(Output::Wrong("nothing to see".into())),
            "enormous" => return Ok(Output::Wrong("x".repeat(300 << 20))),
            "garbage" => babble(),
            "backwards" => ctx.progress(0, 10),
            "moody" => transcription.language = Some(format!("{:?}", std::time::Instant::now())),
            "orphans" => leave_orphans(),
            _ => {}
        }
        Ok(Output::Good(std::mem::take(transcription)))
    }
}

/// Recurses until the stack ends.
fn deep(level: usize) -> usize {
    let here = [level; 512];
    std::hint::black_box(&here);
    deep(level + 1) + here[level % 512]
}

/// A process in its own session, whose parent is gone.
fn leave_orphans() {
    use std::os::unix::process::CommandExt as _;
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "sleep 1000 & :"]);
    // SAFETY: setsid may be called between fork and exec.
    unsafe { shell.pre_exec(|| { setsid(); Ok(()) }) };
    drop(shell.status());
}

impl Drop for Zoo {
    fn drop(&mut self) {
        match self.behaviour.as_str() {
            "drop-panic" => panic!("panic in drop"),
            "drop-segfault" => segfault(),
            _ => {}
        }
    }
}

cesar_plugin!(Zoo, "cesar-plugin.json");
