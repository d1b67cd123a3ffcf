//! Failures of a transfer without a whole answer.

use std::io;

use plugin_api::download::Reason;
use ureq::Timeout;

use super::{CONNECT, End, REDIRECTS, Transfer, host};
use crate::guard::AddressRefused;
use crate::refusal::{self, Refused, because};

impl Transfer<'_> {
    pub(super) fn broken(&self, error: &io::Error) -> Result<End, Refused> {
        self.watch.check()?;
        let why = if is_timeout(error) { self.silent() } else { self.short() };
        Ok(End::Broken(why))
    }

    /// The meaning of a request without an answer.
    pub(super) fn judge(&self, error: &ureq::Error) -> Result<End, Refused> {
        self.watch.check()?;
        let (url, host) = (&self.order.url, host(&self.order.url));
        let down = |what: String| because(Reason::NetworkDown, what);
        match error {
            ureq::Error::Other(other) if other.is::<AddressRefused>() => {
                let refused = other.downcast_ref::<AddressRefused>();
                Err(refused.map_or_else(|| self.short(), Refused::from))
            }
            error if error.to_string().contains("certificate") => Err(because(
                Reason::Other,
                format!(
                    "`{host}` does not prove who it is ({error}); check the address, or name a file with authorities that you trust in `SSL_CERT_FILE`"
                ),
            )),
            ureq::Error::HostNotFound => Err(down(format!(
                "`{host}` cannot be found; check the address, and whether this machine is online"
            ))),
            ureq::Error::Io(error) if error.to_string().contains("lookup") => Err(down(format!(
                "`{host}` cannot be found ({error}); check the address, and whether this machine is online"
            ))),
            ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => Err(down(format!(
                "`{host}` cannot be reached within {} s; check the address, and whether this machine is online",
                CONNECT.as_secs()
            ))),
            ureq::Error::Timeout(_) => Ok(End::Broken(self.silent())),
            ureq::Error::Io(error) if self.done == 0 && error.kind() == io::ErrorKind::ConnectionRefused => Err(down(
                format!("`{host}` refuses the connection; check the address, and try again later"),
            )),
            ureq::Error::Io(_) if self.farthest > 0 => Ok(End::Broken(self.short())),
            ureq::Error::Io(error) => Ok(End::Broken(down(format!(
                "the connection to `{host}` breaks ({error}); check the network, and try again later"
            )))),
            ureq::Error::TooManyRedirects | ureq::Error::RedirectFailed => Err(because(
                Reason::Unsupported,
                format!(
                    "`{url}` leads from one address to the next, more than {REDIRECTS} times; name the recording's own address"
                ),
            )),
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => Err(because(
                Reason::Unsupported,
                format!("`{url}`, or where it leads to, is no address that can be fetched ({error}); check it"),
            )),
            error => Err(because(
                Reason::ServerError,
                format!("`{url}` cannot be fetched ({error}); check the address, and try again later"),
            )),
        }
    }

    pub(super) fn short(&self) -> Refused {
        let of = self.total.map(|total| format!(" of {total}")).unwrap_or_default();
        because(
            Reason::NetworkDown,
            format!(
                "the server of `{}` breaks off after {}{of} bytes, again and again; try again later",
                self.order.url, self.farthest
            ),
        )
    }

    pub(super) fn silent(&self) -> Refused {
        refusal::silent(host(&self.order.url), self.order.limits.silence_ms)
    }
}

fn is_timeout(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
    error.kind() == io::ErrorKind::TimedOut || matches!(inner, Some(ureq::Error::Timeout(_)))
}
