//! Imports among the modules of each crate: siblings in one folder import each other one way only.
//!
//! Every path counts, in `use` and elsewhere, also through a re-export; a path between a module and what lies below it does not, nor
//! does the code of tests. Glob imports count for the module that they name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::workspace;

mod tokens;

use tokens::{tokens, without_tests};

/// A module by the names on the way to it; the crate's root is empty.
type Module = Vec<String>;
/// The nodes that each node imports, each with an example: the importing file and the path.
type Graph = BTreeMap<Module, BTreeMap<Module, String>>;

/// The paths of a `use` behind `prefix`, each with the name that it binds. Returns the position behind them.
fn imports(tokens: &[&str], mut at: usize, prefix: &[String], found: &mut Vec<(Module, String)>) -> usize {
    let mut path = prefix.to_vec();
    loop {
        match tokens.get(at).copied() {
            Some("::") => at += 1,
            Some("{") => {
                at += 1;
                while tokens
                    .get(at)
                    .is_some_and(|token| is_word(token) || matches!(*token, "*" | "{" | "::"))
                {
                    at = imports(tokens, at, &path, found);
                    at += usize::from(tokens.get(at) == Some(&","));
                }
                return at + 1;
            }
            Some("as") => {
                found.push((path, tokens[at + 1].to_owned()));
                return at + 2;
            }
            Some("self") if !path.is_empty() => at += 1,
            Some(word) if is_word(word) || word == "*" => {
                path.push(word.to_owned());
                at += 1;
            }
            _ => {
                let name = path.last().cloned().unwrap_or_default();
                found.push((path, name));
                return at;
            }
        }
    }
}

/// The paths that a module names, and the names that its imports bind.
#[derive(Default)]
struct Paths {
    all: Vec<Module>,
    bound: BTreeMap<String, Module>,
}

impl Paths {
    fn read(tokens: &[&str]) -> Self {
        let mut paths = Self::default();
        let mut at = 0;
        while at < tokens.len() {
            // `use<…>` is the part of a type that captures.
            if tokens[at] == "use" && tokens.get(at + 1) != Some(&"<") {
                let mut found = Vec::new();
                at = imports(tokens, at + 1, &[], &mut found);
                for (path, name) in found {
                    paths.all.push(path.clone());
                    paths.bound.insert(name, path);
                }
                continue;
            }
            let mut end = at;
            while tokens.get(end + 1) == Some(&"::") && tokens.get(end + 2).is_some_and(|token| is_word(token)) {
                end += 2;
            }
            if end > at && is_word(tokens[at]) {
                let words = tokens[at..=end].iter().filter(|token| is_word(token));
                paths.all.push(words.map(|word| (*word).to_owned()).collect());
            }
            at = end + 1;
        }
        paths
    }
}

fn is_word(token: &str) -> bool {
    token.starts_with(|character: char| character == '_' || character.is_alphanumeric())
}

/// The modules of one crate.
struct Crate(BTreeMap<Module, Paths>);

impl Crate {
    /// Reads the crate from the text of its modules.
    fn read(sources: &BTreeMap<Module, String>) -> Self {
        let mut modules = BTreeMap::new();
        let mut tests = BTreeSet::new();
        for (module, text) in sources {
            let Some((tokens, names)) = without_tests(&tokens(text)) else {
                tests.insert(module.clone());
                continue;
            };
            tests.extend(names.into_iter().map(|name| [module.clone(), vec![name]].concat()));
            modules.insert(module.clone(), Paths::read(&tokens));
        }
        modules.retain(|module: &Module, _| !tests.iter().any(|test| module.starts_with(test)));
        Self(modules)
    }

    /// The module that has what `path` names in `module`; `None` for something of another crate or of the module itself.
    fn target(&self, module: &[String], path: &[String], depth: usize) -> Option<Module> {
        let (mut current, mut rest) = match path.first()?.as_str() {
            "crate" => (Vec::new(), &path[1..]),
            "self" => (module.to_vec(), &path[1..]),
            "super" => (module.to_vec(), path),
            first => {
                let child = [module, &[first.to_owned()]].concat();
                let bound = self.0.get(module)?.bound.get(first);
                return match bound {
                    _ if self.0.contains_key(&child) => self.below(child, &path[1..], depth),
                    Some(bound) if depth > 0 && bound != path && bound[0] != first => {
                        self.target(module, &[bound, &path[1..]].concat(), depth - 1)
                    }
                    _ => None,
                };
            }
        };
        while let Some((_, after)) = rest.split_first().filter(|(first, _)| *first == "super") {
            current.pop();
            rest = after;
        }
        self.below(current, rest, depth)
    }

    /// As [`Self::target`], for a path that begins in `current`.
    fn below(&self, mut current: Module, mut rest: &[String], depth: usize) -> Option<Module> {
        while let Some((first, after)) = rest.split_first() {
            let child = [current.as_slice(), std::slice::from_ref(first)].concat();
            if !self.0.contains_key(&child) {
                break;
            }
            (current, rest) = (child, after);
        }
        let exported = rest.first().and_then(|name| self.0.get(&current)?.bound.get(name));
        let source = exported.filter(|_| depth > 0);
        let source = source.and_then(|path| self.target(&current, &[path, &rest[1..]].concat(), depth - 1));
        source.or(Some(current))
    }

    /// The imports among siblings in one folder, also from and to what lies below them.
    fn siblings(&self) -> Graph {
        let mut graph = Graph::new();
        for (module, paths) in &self.0 {
            for path in &paths.all {
                let Some(target) = self.target(module, path, 8) else {
                    continue;
                };
                let common = module
                    .iter()
                    .zip(&target)
                    .take_while(|(one, other)| one == other)
                    .count();
                if common == module.len() || common == target.len() {
                    continue;
                }
                let node = |module: &Module| module[..=common].to_vec();
                let example = format!("{} names {}", module.join("/"), path.join("::"));
                let from = graph.entry(node(module)).or_default();
                from.entry(node(&target)).or_insert(example);
            }
        }
        graph
    }

    /// The circles among siblings in one folder.
    fn circles(&self) -> Vec<String> {
        circles(&self.siblings())
    }
}

/// The imports that lie on a circle.
fn circles(graph: &Graph) -> Vec<String> {
    let reached = |from: &Module| {
        let (mut reached, mut ahead) = (BTreeSet::new(), vec![from]);
        while let Some(next) = ahead.pop() {
            for node in graph.get(next).into_iter().flat_map(BTreeMap::keys) {
                if reached.insert(node) {
                    ahead.push(node);
                }
            }
        }
        reached
    };
    let reached: BTreeMap<&Module, BTreeSet<&Module>> = graph.keys().map(|node| (node, reached(node))).collect();
    let edges = graph
        .iter()
        .flat_map(|(from, to)| to.iter().map(move |(to, example)| (from, to, example)));
    let on_circle = edges.filter(|(from, to, _)| reached.get(to).is_some_and(|reached| reached.contains(from)));
    on_circle
        .map(|(from, to, example)| format!("{} -> {}: {example}", from.join("/"), to.join("/")))
        .collect()
}

/// The text of each module below a folder of sources.
fn sources(folder: &Path, module: &[String], found: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("an entry").path();
        let stem = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .expect("names are UTF-8")
            .to_owned();
        let below = [module, std::slice::from_ref(&stem)].concat();
        if path.is_dir() {
            sources(&path, &below, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let is_folders = stem == "mod" || module.is_empty() && matches!(stem.as_str(), "lib" | "main");
            let module = if is_folders { module.to_vec() } else { below };
            let text = fs::read_to_string(&path).expect("sources are UTF-8");
            found.entry(module).or_default().push_str(&text);
        }
    }
}

/// The folders with a crate's sources, relative to the workspace; without the frozen first plugin-api.
fn crates() -> Vec<String> {
    let root = workspace();
    let mut folders = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        if folder.join("Cargo.toml").is_file() && folder.join("src").is_dir() {
            let source = folder.join("src");
            let source = source.strip_prefix(&root).expect("it lies in the workspace");
            found.push(source.to_str().expect("names are UTF-8").to_owned());
        }
        let entries = fs::read_dir(&folder).expect("the folder can be read");
        let entries = entries.map(|entry| entry.expect("an entry").path());
        folders.extend(entries.filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            path.is_dir() && !name.starts_with('.') && !matches!(name, "src" | "target" | "node_modules" | "abi-1")
        }));
    }
    found
}

#[test]
fn sibling_modules_import_each_other_one_way() {
    let crates = crates();
    assert!(crates.len() > 20, "only {crates:?}");
    let mut found = Vec::new();
    for folder in &crates {
        let mut texts = BTreeMap::new();
        sources(&workspace().join(folder), &[], &mut texts);
        let circles = Crate::read(&texts).circles();
        found.extend(circles.into_iter().map(|circle| format!("{folder}: {circle}")));
    }
    assert_eq!(found, [""; 0], "move what both need into a module below them");
}

/// The circles of a crate with these modules.
fn circles_of(modules: &[(&str, &str)]) -> Vec<String> {
    let sources = modules.iter().map(|(name, text)| {
        let path = name
            .split('/')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        (path, (*text).to_owned())
    });
    Crate::read(&sources.collect()).circles()
}

#[test]
fn a_circle_is_found_through_folders_and_reexports() {
    let root = ("", "mod a; mod b; mod c; pub use a::inner::Thing;");
    let a = ("a/inner", "use crate::{b::{self, Other as Another}, c};");
    let folder = ("a", "mod inner;");
    let c = ("c", "");
    assert_eq!(circles_of(&[root, folder, a, ("b", "use std::fmt;"), c]), [""; 0]);
    for b in ["use crate::Thing;", "fn f() -> super::a::inner::Thing { }"] {
        let found = circles_of(&[root, folder, a, ("b", b), c]);
        assert_eq!(found.len(), 2, "{b}: {found:?}");
        assert!(found[0].starts_with("a -> b: a/inner names crate::b"), "{found:?}");
    }
    let long = [
        root,
        folder,
        a,
        ("b", "use super::c::X;"),
        ("c", "use crate::a::inner;"),
    ];
    assert_eq!(circles_of(&long).len(), 4);
}

#[test]
fn tests_comments_and_literals_are_no_imports() {
    let a = ("a", "use crate::b::B; fn f<'a>(a: &'a str) -> char { '\"' }");
    for b in [
        "// use crate::a::A;\n/* /* */ use crate::a::A; */",
        "const A: &str = \"\\\" use crate::a::A;\"; const B: &str = r#\"\" use crate::a::A;\"#;",
        "#[cfg(test)]\nmod tests { use crate::a::A; }",
        "#[cfg(test)]\n#[path = \"b\"]\nuse crate::a::A;",
        "#![cfg(test)]\nuse crate::a::A;",
    ] {
        assert_eq!(circles_of(&[a, ("b", b)]), [""; 0], "{b}");
    }
    assert_eq!(
        circles_of(&[a, ("b", "#[cfg(test)] mod tests; #[cfg(not(test))] use crate::a::A;")]).len(),
        2
    );
    assert_eq!(
        circles_of(&[a, ("b", "#[cfg(test)] mod tests;"), ("b/tests", "use crate::a::A;")]),
        [""; 0]
    );
}
