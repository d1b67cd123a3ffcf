//! Credentials of the files `~/.aws/credentials` and `~/.aws/config`, which the object store does not read.
//!
//! They count where the environment names no credentials. Without any, the object store asks for those of the machine's role.
//! Only static keys are read; for others (SSO, assumed roles, processes) `aws configure export-credentials --format env` helps.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use super::error::{RemoteError, Result};

/// Variables that name credentials.
const IN_ENVIRONMENT: [&str; 4] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

/// What a profile has.
#[derive(Default, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) key: Option<(String, String)>,
    pub(crate) token: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) endpoint: Option<String>,
}

/// Reads the profile that the environment names, else `default`; an empty one where the environment has credentials.
pub(crate) fn profile(variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Profile> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    if IN_ENVIRONMENT.iter().any(|name| set(name).is_some()) {
        return Ok(Profile::default());
    }
    let named = set("AWS_PROFILE").and_then(|name| name.into_string().ok());
    let name = named.clone().unwrap_or_else(|| "default".to_owned());
    let home = set("HOME").map(PathBuf::from);
    let file = |variable: &str, default: &str| {
        let path = set(variable).map(PathBuf::from);
        path.or_else(|| Some(home.as_ref()?.join(".aws").join(default)))
    };
    let Some(path) = file("AWS_SHARED_CREDENTIALS_FILE", "credentials") else {
        return Ok(Profile::default());
    };
    let keys = section(&path, &name)?;
    let config = match file("AWS_CONFIG_FILE", "config") {
        Some(config) if name == "default" => section(&config, &name)?,
        Some(config) => section(&config, &format!("profile {name}"))?,
        None => None,
    };
    if let (Some(name), None, None) = (&named, &keys, &config) {
        let why = format!("it has no profile `{}`, which `AWS_PROFILE` names", name.escape_debug());
        return Err(RemoteError::Credentials { path, why });
    }
    let (mut keys, mut config) = (keys.unwrap_or_default(), config.unwrap_or_default());
    let mut take = |name: &str| keys.remove(name).or_else(|| config.remove(name));
    let (id, secret) = (take("aws_access_key_id"), take("aws_secret_access_key"));
    Ok(Profile {
        key: id.zip(secret),
        token: take("aws_session_token"),
        region: take("region"),
        endpoint: take("endpoint_url"),
    })
}

/// The entries of a section; `None` if the file or the section does not exist.
fn section(path: &std::path::Path, name: &str) -> Result<Option<BTreeMap<String, String>>> {
    let text = match std::fs::read_to_string(path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        text => text.map_err(|error| RemoteError::Credentials {
            path: path.to_owned(),
            why: error.to_string(),
        })?,
    };
    let (mut found, mut is_inside) = (None, false);
    for line in text.lines() {
        // Indented lines belong to a nested table.
        if line.starts_with([' ', '\t', '#', ';']) {
            continue;
        }
        if let Some(head) = line
            .trim_end()
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            is_inside = head.trim() == name;
            if is_inside {
                found.get_or_insert_with(BTreeMap::new);
            }
        } else if let (true, Some((key, value)), Some(found)) = (is_inside, line.split_once('='), &mut found) {
            found.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &str)], variables: &[(&str, &str)]) -> Result<Profile> {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".aws")).unwrap();
        for (name, text) in files {
            std::fs::write(home.path().join(".aws").join(name), text).unwrap();
        }
        profile(&|name| match name {
            "HOME" => Some(home.path().into()),
            name => {
                let found = variables.iter().find(|(variable, _)| *variable == name);
                found.map(|(_, value)| value.into())
            }
        })
    }

    const CREDENTIALS: &str = "# mine\n[default]\naws_access_key_id = A\naws_secret_access_key=B\n\n\
        [ci]\naws_access_key_id=C\naws_secret_access_key=D==\naws_session_token=E\n";
    const CONFIG: &str =
        "[default]\nregion = eu-1\n[profile ci]\nregion=eu-2\ns3 =\n  region = nested\nendpoint_url = http://x\n";

    #[test]
    fn a_profile_has_its_keys_and_its_region() {
        let files = [("credentials", CREDENTIALS), ("config", CONFIG)];
        let found = read(&files, &[]).unwrap();
        assert_eq!(found.key, Some(("A".to_owned(), "B".to_owned())));
        assert_eq!((found.region.as_deref(), found.token), (Some("eu-1"), None));
        let found = read(&files, &[("AWS_PROFILE", "ci")]).unwrap();
        assert_eq!(found.key, Some(("C".to_owned(), "D==".to_owned())));
        assert_eq!(
            (found.region.as_deref(), found.token.as_deref()),
            (Some("eu-2"), Some("E"))
        );
        assert_eq!(found.endpoint.as_deref(), Some("http://x"));
    }

    #[test]
    fn the_environment_goes_first_and_a_missing_profile_is_refused() {
        let files = [("credentials", CREDENTIALS)];
        assert!(read(&files, &[("AWS_ACCESS_KEY_ID", "X")]).unwrap() == Profile::default());
        assert!(read(&[], &[]).unwrap() == Profile::default());
        let refused = read(&files, &[("AWS_PROFILE", "other")]).err().unwrap().to_string();
        assert!(refused.contains("no profile `other`"), "{refused}");
    }
}
