//! yt-dlp, an external program: search, queries about a URL, and download of its best audio.
//!
//! Two calls. `-J` returns yt-dlp's description as JSON ([`info`]) without a download; it decides refusals (several recordings, a
//! live stream, too large), and the [`info::Found::identity`] shows whether the host's copy is current. `--load-info-json` then
//! fetches the described recording, without asking the site again. The URL comes after `--`, so that no URL is an option, and
//! yt-dlp's own configuration is read only if the option requires it.
//!
//! | module | content |
//! |---|---|
//! | `process` | one call, until it ends or the host stops it |
//! | [`info`] | its JSON |
//! | [`messages`] | the meanings of its errors |
//! | [`sites`] | URLs that are certainly pages |

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use plugin_api::download::{Answer, Entry, Known, Media, Order, Program, Reason};

use crate::options::Options;
use crate::proxy::Proxy;
use crate::refusal::{self, Refused, because};
use crate::watch::Watch;

pub mod info;
pub mod messages;
mod process;
pub mod sites;

use info::Found;
use process::Finished;

/// The name of the program.
pub const NAME: &str = "yt-dlp";
/// The oldest version with all required arguments.
const OLDEST: &str = "2023.03.04";
const INSTALL: &str = "install it with `pipx install yt-dlp` or `pip install yt-dlp`, or name it with --yt-dlp";
/// One stream, without video if possible.
const BEST_AUDIO: &str = "bestaudio/best";
/// The same for streams through the proxy.
const BEST_GUARDED: &str = "bestaudio[protocol^=http][protocol!*=m3u8]/bestaudio[protocol=m3u8_native]/best[protocol^=http]/best[protocol=m3u8_native]";
/// The name of the file, without its extension.
const STEM: &str = "media";
const INFO: &str = "info.json";
const COOKIES: &str = "cookies.txt";

/// The program's path.
fn find(options: &Options) -> Result<PathBuf, Refused> {
    let name = named(options);
    if name.contains('/') {
        let path = PathBuf::from(name);
        return match path.is_file() {
            true => Ok(path),
            false => Err(because(
                Reason::ProgramMissing,
                format!("`{name}` is not there; {INSTALL}"),
            )),
        };
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates = std::env::split_paths(&folders).map(|folder| folder.join(name));
    candidates.find(|path| is_program(path)).ok_or_else(|| {
        because(
            Reason::ProgramMissing,
            format!("what is behind web pages is fetched by yt-dlp, and `{name}` is not on the PATH; {INSTALL}"),
        )
    })
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// The program that would be called.
pub(crate) fn present(options: &Options, watch: &Watch) -> Result<Program, Refused> {
    Ok(described(options, version(&find(options)?, watch)?))
}

fn described(options: &Options, version: String) -> Program {
    Program {
        name: NAME.to_owned(),
        version,
        file: Some(named(options).to_owned()),
    }
}

fn named(options: &Options) -> &str {
    options.yt_dlp.as_deref().unwrap_or(NAME)
}

fn version(program: &Path, watch: &Watch) -> Result<String, Refused> {
    let finished = process::run(
        Command::new(program).args(["--ignore-config", "--version"]),
        watch,
        &mut |_| Ok(()),
    )?;
    let text = String::from_utf8_lossy(&finished.stdout).trim().to_owned();
    if !finished.success || text.is_empty() || text.len() > 100 {
        return Err(because(
            Reason::ProgramMissing,
            format!(
                "`{}` does not report its version, so it is no working yt-dlp; {INSTALL}",
                program.display()
            ),
        ));
    }
    Ok(text)
}

/// The program, ready for a URL.
#[derive(Debug)]
pub struct YtDlp<'a> {
    options: &'a Options,
    order: &'a Order,
    watch: &'a Watch,
    program: PathBuf,
    version: String,
    /// A copy, because yt-dlp writes cookies of sites into the file.
    cookies: Option<PathBuf>,
    /// The proxy that it must use.
    proxy: Option<Proxy>,
}

impl<'a> YtDlp<'a> {
    /// Finds it, and checks its version.
    ///
    /// # Errors
    /// If it is missing or too old.
    pub fn ready(options: &'a Options, order: &'a Order, watch: &'a Watch) -> Result<Self, Refused> {
        let program = find(options)?;
        let version = version(&program, watch)?;
        // Versions are dates.
        if version.as_str() < OLDEST {
            return Err(because(
                Reason::ProgramTooOld,
                format!(
                    "yt-dlp {version} is too old; bring it to {OLDEST} or later, with `yt-dlp -U` or as it was installed"
                ),
            ));
        }
        let cookies = options.cookies.as_deref();
        let cookies = cookies.map(|file| copied(file, &order.folder)).transpose()?;
        let proxy = order
            .public_only
            .then(Proxy::start)
            .transpose()
            .map_err(Refused::Disk)?;
        Ok(Self {
            options,
            order,
            watch,
            program,
            version,
            cookies,
            proxy,
        })
    }

    /// The recordings of the URL.
    ///
    /// # Errors
    /// The reason why there are none.
    pub fn entries(&self) -> Result<Answer, Refused> {
        let found = self.ask()?;
        if !found.is_playlist() {
            let entry = Entry {
                url: self.order.url.clone(),
                title: found.title(),
            };
            return Ok(Answer::Entries { entries: vec![entry] });
        }
        let entries = found.entries();
        if entries.is_empty() {
            return Err(because(
                Reason::Unsupported,
                format!("the playlist `{}` is empty; check the address", self.order.url),
            ));
        }
        Ok(Answer::Entries { entries })
    }

    /// The recording, or the answer that the known one is current.
    ///
    /// # Errors
    /// The reason why there is none.
    pub fn media(&self) -> Result<Answer, Refused> {
        let found = self.ask()?;
        self.check(&found)?;
        let known = Known {
            program: Some(described(self.options, self.version.clone())),
            identity: found.identity(),
            ..Known::default()
        };
        if let Some(before) = &self.order.known
            && before.identity.is_some()
            && before.identity == known.identity
        {
            return Ok(Answer::Unchanged { known });
        }
        let file = self.fetch(&found)?;
        Ok(Answer::Media(Media { file, known }))
    }

    fn check(&self, found: &Found) -> Result<(), Refused> {
        let url = &self.order.url;
        match found.count() {
            0 => {
                return Err(because(
                    Reason::Unsupported,
                    format!("there is no recording behind `{url}`; name the page of one"),
                ));
            }
            1 => {}
            count => {
                return Err(because(
                    Reason::Playlist,
                    format!(
                        "`{url}` is a playlist of {count} recordings; name one of them, or transcribe all with --playlist"
                    ),
                ));
            }
        }
        if found.is_live() {
            return Err(because(
                Reason::LiveStream,
                format!("`{url}` is live and has no end yet; transcribe it when it is over"),
            ));
        }
        match (found.size(), self.order.limits.bytes) {
            (Some(size), Some(limit)) if size > limit => Err(refusal::too_large(url, limit)),
            _ => Ok(()),
        }
    }

    /// A call with the common arguments.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if !self.options.yt_dlp_config {
            command.arg("--ignore-config");
        }
        // A URL that may be one recording or a list is taken as one recording.
        command.args(["--no-playlist", "--no-warnings", "--no-progress"]);
        let silence = self.order.limits.silence_ms.div_ceil(1000).max(1).to_string();
        command.args([
            "--socket-timeout",
            &silence,
            "--retries",
            "3",
            "--extractor-retries",
            "1",
        ]);
        command.args(["-f", if self.proxy.is_some() { BEST_GUARDED } else { BEST_AUDIO }]);
        if let Some(cookies) = &self.cookies {
            command.arg("--cookies").arg(cookies);
        }
        if let Some(proxy) = &self.proxy {
            command.args(["--proxy", &proxy.url()]);
            for name in ["no_proxy", "NO_PROXY"] {
                command.env_remove(name);
            }
        }
        command.args(&self.options.yt_dlp_args);
        command.env("NO_COLOR", "1").current_dir(&self.order.folder);
        command
    }

    fn ask(&self) -> Result<Found, Refused> {
        let mut command = self.command();
        command.args(["--flat-playlist", "-J", "--"]).arg(&self.order.url);
        let finished = process::run(&mut command, self.watch, &mut |_| Ok(()))?;
        if !finished.success {
            return Err(self.failed(&finished));
        }
        Found::parse(&finished.stdout).ok_or_else(|| {
            because(
                Reason::Other,
                format!(
                    "yt-dlp {} says nothing of `{}` that can be read; bring it up to date",
                    self.version, self.order.url
                ),
            )
        })
    }

    fn fetch(&self, found: &Found) -> Result<String, Refused> {
        let info = self.order.folder.join(INFO);
        fs::write(&info, found.json()).map_err(Refused::Disk)?;
        let mut command = self.command();
        command.args(["--fixup", "never", "--no-mtime", "--newline", "--progress"]);
        command.args(["--progress-template", process::PROGRESS]);
        if let Some(limit) = self.order.limits.bytes {
            command.args(["--max-filesize", &limit.to_string()]);
        }
        command.arg("-o").arg(self.template());
        command.arg("--load-info-json").arg(&info);
        let limit = self.order.limits.bytes;
        let finished = process::run(&mut command, self.watch, &mut |(done, total)| {
            self.watch.progress(done, total);
            // A download in pieces has no size in advance.
            match limit {
                Some(limit) if done > limit => Err(refusal::too_large(&self.order.url, limit)),
                _ => Ok(()),
            }
        })?;
        if !finished.success {
            return Err(self.failed(&finished));
        }
        let media = fetched(&self.order.folder).map_err(Refused::Disk)?;
        media.ok_or_else(|| match limit {
            Some(limit) if finished.says("max-filesize") => refusal::too_large(&self.order.url, limit),
            _ => because(
                Reason::Other,
                format!(
                    "yt-dlp {} left no file for `{}`; bring it up to date",
                    self.version, self.order.url
                ),
            ),
        })
    }

    /// `%` has a special meaning in a template.
    fn template(&self) -> OsString {
        let folder = self.order.folder.to_string_lossy().replace('%', "%%");
        format!("{folder}/{STEM}.%(ext)s").into()
    }

    fn failed(&self, finished: &Finished) -> Refused {
        messages::meaning(&self.order.url, &self.version, &finished.stderr)
    }
}

/// A copy of the user's cookies for this download, which only the user can read.
fn copied(cookies: &str, folder: &Path) -> Result<PathBuf, Refused> {
    let unreadable = |error: std::io::Error| {
        because(
            Reason::Other,
            format!(
                "the file with cookies `{cookies}` cannot be read ({error}); check `--cookies` or `download.cookies`"
            ),
        )
    };
    let bytes = fs::read(cookies).map_err(unreadable)?;
    let copy = folder.join(COOKIES);
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(&copy);
    file.and_then(|mut file| file.write_all(&bytes))
        .map_err(Refused::Disk)?;
    Ok(copy)
}

/// The name of the fetched file.
fn fetched(folder: &Path) -> std::io::Result<Option<String>> {
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let Some(name) = name.to_str() else { continue };
        let extension = name.strip_prefix(STEM).and_then(|rest| rest.strip_prefix('.'));
        if extension.is_some_and(|extension| !extension.ends_with("part") && !extension.ends_with("ytdl")) {
            return Ok(Some(name.to_owned()));
        }
    }
    Ok(None)
}
