//! Cesar's `download` stage: a URL to a file with a recording.
//!
//! ```text
//! order ─► is it a site that only yt-dlp knows? ──yes──► yt_dlp: what is it? ─► unchanged, or its best audio ─┐
//!            │ no                                              ▲                                            ├─► file in the host's folder
//!            └─► direct: GET, conditional where something is known ── it is a page ─┘                       │
//!                  └─ a recording: to its end, resumed where the connection breaks ─────────────────────────┘
//! ```
//! The stage is stateless: the host passes the state of its copy ([`Order::known`]), and the stage asks the server, or yt-dlp,
//! whether that is current.
//!
//! | module | content |
//! |---|---|
//! | `options` | the options of a request |
//! | [`direct`] | one file by HTTP: redirects, limits, ranges after a break |
//! | [`sniff`] | recognition of recordings and pages |
//! | [`yt_dlp`] | finding, querying and running yt-dlp, and its messages |
//! | [`guard`], `proxy` | public addresses only: as the resolver of the HTTP client, and as the proxy that yt-dlp must use |
//! | [`watch`] | progress, cancelling and the time limit, around work on another thread |
//! | `trust` | TLS root certificates |
//! | [`refusal`] | refusals, in one sentence |
//!
//! # Coverage of `public_only`
//! The HTTP client connects only to checked addresses, after each redirect. yt-dlp must use this stage's proxy on a loopback port,
//! which resolves and checks itself; formats that yt-dlp fetches by other programs or other protocols (rtmp, rtsp, ffmpeg) are not
//! chosen. The operator's `yt_dlp_args` and `yt_dlp_config`, and plugins of yt-dlp, are not covered. Proxies named in the
//! environment are not used then.

use plugin_api::download::{Answer, Order, Wanted};
use plugin_api::{Audio, Ctx, ErrorKind, Stage, StageError, cesar_plugin};
use serde::Deserialize;

pub mod direct;
pub mod guard;
mod options;
mod proxy;
pub mod refusal;
pub mod sniff;
mod trust;
pub mod watch;
pub mod yt_dlp;

pub use options::{Options, Via};
use refusal::Refused;
use watch::Watch;
use yt_dlp::YtDlp;

/// The manifest in the form that the host reads.
pub const MANIFEST: &str = include_str!("cesar-plugin.json");

/// The stage; there is nothing to load.
#[derive(Debug)]
pub struct Download;

/// The session has no options.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoOptions {}

/// One request: the options, and the order.
#[derive(Debug, Clone, Deserialize)]
pub struct Request {
    /// The options.
    #[serde(flatten)]
    pub options: Options,
    /// The order.
    pub order: Order,
}

impl Stage for Download {
    type Options = NoOptions;
    type Request = Request;
    type Output = Answer;

    fn open(_: NoOptions) -> Result<Self, StageError> {
        Ok(Self)
    }

    fn run(&mut self, request: Request, _: Audio<'_>, ctx: &mut Ctx<'_>) -> Result<Answer, StageError> {
        let limits = request.order.limits;
        let answered = watch::watched(limits.total_ms, ctx, |watch| answer(&request, watch));
        match answered {
            Ok(answer) => Ok(answer),
            Err(Refused::Because(refusal)) => Ok(Answer::Refused(refusal)),
            Err(Refused::Cancelled) => Err(StageError::new(ErrorKind::Cancelled, "cancelled")),
            Err(Refused::Disk(error)) => Err(StageError::new(
                ErrorKind::Transient,
                format!(
                    "the download cannot be written ({error}); make room, or choose another place with `--cache-dir` or `TMPDIR`"
                ),
            )),
        }
    }
}

/// Answers one request, without a host.
///
/// # Errors
/// The reason why there is no answer.
pub fn answer(request: &Request, watch: &Watch) -> Result<Answer, Refused> {
    let Request { options, order } = request;
    match order.wanted {
        Wanted::Program => Ok(Answer::Program {
            program: yt_dlp::present(options, watch).ok(),
        }),
        Wanted::Entries => YtDlp::ready(options, order, watch)?.entries(),
        Wanted::Media => media(options, order, watch),
    }
}

fn media(options: &Options, order: &Order, watch: &Watch) -> Result<Answer, Refused> {
    let by_program = |known: &plugin_api::download::Known| known.program.is_some();
    let is_page = match options.via {
        Via::Direct => false,
        Via::YtDlp => true,
        Via::Auto => yt_dlp::sites::knows(&order.url) || order.known.as_ref().is_some_and(by_program),
    };
    if !is_page {
        match direct::fetch(order, watch)? {
            direct::Fetched::Answer(answer) => return Ok(answer),
            direct::Fetched::Page if options.via == Via::Direct => return Err(refusal::page(&order.url)),
            direct::Fetched::Page => {}
        }
    }
    YtDlp::ready(options, order, watch)?.media()
}

cesar_plugin!(Download, "cesar-plugin.json");
