//! The part of the host's environment that is passed to plugins.
//!
//! A host's environment holds secrets (keys of the server, of a cloud, of a model hub) and settings of Cesar, which reach plugins
//! as options. So a plugin gets general variables (paths, language, time zone, proxies and certificates), tuning variables of the
//! engines' libraries, both by name or by prefix, and those of the setting `plugins.environment`.

use std::ffi::OsString;

/// Variables that are passed.
const NAMES: &[&str] = &[
    "ALL_PROXY",
    "DYLD_LIBRARY_PATH",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LANG",
    "LANGUAGE",
    "LD_LIBRARY_PATH",
    "LOGNAME",
    "NO_COLOR",
    "NO_PROXY",
    "ORT_DYLIB_PATH",
    "PATH",
    "SHELL",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TEMP",
    "TERM",
    "TMP",
    "TMPDIR",
    "TZ",
    "USER",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// Prefixes of variables that are passed: languages, the user's folders, and numeric libraries.
const BEGINNINGS: &[&str] = &[
    "CT2_",
    "CUDA_",
    "CUDNN_",
    "DNNL_",
    "GGML_",
    "GOMP_",
    "HIP_",
    "HSA_",
    "KMP_",
    "LC_",
    "MKL_",
    "NVIDIA_",
    "OMP_",
    "ONEDNN_",
    "OPENBLAS_",
    "ROCR_",
    "RUST_BACKTRACE",
    "RUST_LIB_BACKTRACE",
    "XDG_",
];

/// The variables that are passed, including those of the settings.
pub(super) fn passed(more: &[String]) -> Vec<(OsString, OsString)> {
    std::env::vars_os()
        .filter(|(name, _)| name.to_str().is_some_and(|name| passes(name, more)))
        .collect()
}

fn passes(name: &str, more: &[String]) -> bool {
    NAMES.contains(&name)
        || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
        || more.iter().any(|wanted| wanted == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_removed_and_named_variables_pass() {
        for name in [
            "PATH",
            "LC_ALL",
            "OMP_NUM_THREADS",
            "XDG_DATA_HOME",
            "https_proxy",
            "MINE",
        ] {
            assert!(passes(name, &["MINE".to_owned()]), "{name}");
        }
        for name in [
            "CESAR_SERVER_WEBHOOK_SECRET",
            "AWS_SECRET_ACCESS_KEY",
            "HF_TOKEN",
            "PATHS",
            "LD_PRELOAD",
            "MINE",
        ] {
            assert!(!passes(name, &[]), "{name}");
        }
    }
}
