//! `vendor`: fetches the modules that the page of the server is built from.
//!
//! The files are those of the npm packages but for two changes: bare imports name the files beside them, because browsers resolve no
//! package names without an inline import map, and the comment that names a source map is dropped. A test compares the files with the
//! digests in `VENDOR.md`.

use crate::{
    failure::{Failure, Outcome, quiet_step},
    output::{announce, shown},
};
use cesar_tests::workspace;
use sha2::{Digest as _, Sha256};
use std::{fs, path::Path, process::Command};

/// A file of a package of npm.
struct Module {
    /// The name by which other modules import it.
    import: &'static str,
    package: &'static str,
    version: &'static str,
    path: &'static str,
    /// The name of the file here.
    file: &'static str,
    license: &'static str,
}

const MODULES: [Module; 5] = [
    Module {
        import: "preact",
        package: "preact",
        version: "11.2.0",
        path: "dist/preact.mjs",
        file: "preact.js",
        license: "MIT, © 2015-present Jason Miller",
    },
    Module {
        import: "preact/hooks",
        package: "preact",
        version: "11.2.0",
        path: "hooks/dist/hooks.mjs",
        file: "hooks.js",
        license: "MIT, © 2015-present Jason Miller",
    },
    Module {
        import: "@preact/signals-core",
        package: "@preact/signals-core",
        version: "1.14.5",
        path: "dist/signals-core.mjs",
        file: "signals-core.js",
        license: "MIT, © 2022-present Preact Team",
    },
    Module {
        import: "@preact/signals",
        package: "@preact/signals",
        version: "2.11.4",
        path: "dist/signals.mjs",
        file: "signals.js",
        license: "MIT, © 2022-present Preact Team",
    },
    Module {
        import: "htm",
        package: "htm",
        version: "3.1.1",
        path: "dist/htm.module.js",
        file: "htm.js",
        license: "Apache-2.0, © 2018 Google Inc.",
    },
];

const HEAD: &str = "# Vendored modules

Written by `cargo xtask vendor`, which takes the files from the npm registry, rewrites their bare imports to these files and drops the comment that
names a source map. The `.d.ts` files are written by hand: they declare what the page uses.

| file | package | version | licence | SHA-256 of the file |
|---|---|---|---|---|
";

/// Fetches all modules, then writes them and the list of their digests.
pub(crate) fn run() -> Outcome {
    let folder = workspace().join("cesar-host/server/page/vendor");
    let scratch = tempfile::tempdir().map_err(|error| Failure::new(format!("no temporary folder: {error}")))?;
    let mut list = HEAD.to_owned();
    for module in &MODULES {
        announce(&format!("{}@{}", module.package, module.version));
        let text = rewritten(&fetch(module, scratch.path())?);
        let digest = hex::encode(Sha256::digest(&text));
        let path = folder.join(module.file);
        fs::write(&path, &text).map_err(|error| Failure::path(&path, &error))?;
        list += &format!(
            "| `{}` | {}, `{}` | {} | {} | `{digest}` |\n",
            module.file, module.package, module.path, module.version, module.license
        );
    }
    let path = folder.join("VENDOR.md");
    fs::write(&path, list).map_err(|error| Failure::path(&path, &error))?;
    announce(&format!("written to {}", shown(&folder)));
    Ok(())
}

/// The text of a module in the archive that npm downloads and verifies.
fn fetch(module: &Module, scratch: &Path) -> Outcome<String> {
    let name = module.package.trim_start_matches('@').replace('/', "-");
    let archive = scratch.join(format!("{name}-{}.tgz", module.version));
    if !archive.exists() {
        let mut npm = Command::new("npm");
        npm.args(["pack", "--silent", "--pack-destination"]).arg(scratch);
        quiet_step(npm.arg(format!("{}@{}", module.package, module.version)))?;
    }
    let inside = format!("package/{}", module.path);
    quiet_step(
        Command::new("tar")
            .arg("-xzf")
            .arg(&archive)
            .arg("-C")
            .arg(scratch)
            .arg(&inside),
    )?;
    let path = scratch.join(inside);
    fs::read_to_string(&path).map_err(|error| Failure::path(&path, &error))
}

/// A module whose imports name the files here.
fn rewritten(text: &str) -> String {
    let code = text.rsplit_once("//# sourceMappingURL=").map_or(text, |(code, _)| code);
    let mut text = format!("{}\n", code.trim_end());
    for module in &MODULES {
        let file = format!("\"./{}\"", module.file);
        text = text.replace(&format!("from\"{}\"", module.import), &format!("from{file}"));
        text = text.replace(&format!("import\"{}\"", module.import), &format!("import{file}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_name_the_files_beside_them() {
        let text = "import{h}from\"preact\";import\"preact/hooks\";export{a}from\"@preact/signals-core\";\n//# sourceMappingURL=x.map";
        assert_eq!(
            rewritten(text),
            "import{h}from\"./preact.js\";import\"./hooks.js\";export{a}from\"./signals-core.js\";\n"
        );
    }
}
