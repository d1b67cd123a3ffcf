//! A file by a table of elements.

use std::collections::BTreeSet;

use roxmltree::Node;

use super::forms;
use super::tables::{Element, Type};

/// The prefix that the tables have for a namespace.
fn prefixed(namespace: Option<&str>, name: &str) -> String {
    let prefix = match namespace {
        None | Some("http://www.w3.org/ns/ttml") => "",
        Some("http://www.w3.org/ns/ttml#metadata") => "ttm:",
        Some("http://www.w3.org/ns/ttml#parameter") => "ttp:",
        Some("http://www.w3.org/ns/ttml#styling") => "tts:",
        Some("http://www.w3.org/XML/1998/namespace") => "xml:",
        Some("http://www.w3.org/2001/XMLSchema-instance") => "xsi:",
        Some(other) => panic!("the namespace `{other}`"),
    };
    format!("{prefix}{name}")
}

fn name_of(node: Node<'_, '_>) -> String {
    prefixed(node.tag_name().namespace(), node.tag_name().name())
}

fn rule_of<'a>(rules: &'a [Element], name: &str) -> Result<&'a Element, String> {
    let found = rules.iter().find(|rule| rule.name == name);
    found.ok_or_else(|| format!("there is no element `{name}`"))
}

/// The first violation in a file.
pub(super) fn check(file: &str, root: &str, rules: &[Element]) -> Result<(), String> {
    let parsed = roxmltree::Document::parse(file).map_err(|error| error.to_string())?;
    let first = name_of(parsed.root_element());
    if first != root {
        return Err(format!("the root is `{first}`"));
    }
    let elements = || parsed.descendants().filter(Node::is_element);
    let (mut ids, mut targets) = (BTreeSet::new(), BTreeSet::new());
    for element in elements() {
        let rule = rule_of(rules, &name_of(element))?;
        for (name, value) in attributes(element) {
            let kind = rule
                .required
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, kind)| kind);
            let is_new = match kind {
                Some(Type::Id) => ids.insert(value) && targets.insert((rule.name, value)),
                Some(Type::Key) => targets.insert((rule.name, value)),
                _ => true,
            };
            if !is_new {
                return Err(format!("{name}=\"{value}\" is there twice"));
            }
        }
    }
    for element in elements() {
        let rule = rule_of(rules, &name_of(element))?;
        attributes_fit(element, rule, |target, id| targets.contains(&(target, id)))?;
        children_fit(element, rule)?;
    }
    Ok(())
}

fn attributes<'a>(element: Node<'a, '_>) -> Vec<(String, &'a str)> {
    let attributes = element.attributes();
    attributes
        .map(|one| (prefixed(one.namespace(), one.name()), one.value()))
        .collect()
}

fn attributes_fit(
    element: Node<'_, '_>,
    rule: &Element,
    exists: impl Fn(&'static str, &str) -> bool,
) -> Result<(), String> {
    let given = attributes(element);
    for (name, _) in rule.required {
        if !given.iter().any(|(attribute, _)| attribute == name) {
            return Err(format!("`{}` has no `{name}`", rule.name));
        }
    }
    for (name, value) in given {
        let known = rule.required.iter().chain(rule.optional);
        let Some((_, kind)) = known.clone().find(|(attribute, _)| *attribute == name) else {
            return Err(format!("`{}` has `{name}`", rule.name));
        };
        let fits = match kind {
            Type::Text => true,
            Type::Id => forms::is_name(value),
            Type::Key => !value.is_empty(),
            Type::Reference(target) => exists(target, value),
            Type::Clock => forms::is_clock(value),
            Type::Offset => forms::is_offset(value),
            Type::DateTime => forms::is_date_time(value),
            Type::Language => forms::is_language(value),
            Type::Unsigned => value.parse::<u32>().is_ok(),
            Type::OneOf(values) => values.contains(&value),
        };
        if !fits {
            return Err(format!("`{}` has {name}=\"{value}\"", rule.name));
        }
    }
    Ok(())
}

fn children_fit(element: Node<'_, '_>, rule: &Element) -> Result<(), String> {
    let mut last = 0;
    let mut names = Vec::new();
    for child in element.children() {
        if child.is_text() && !rule.mixed && !child.text().unwrap_or_default().trim().is_empty() {
            return Err(format!("`{}` has text", rule.name));
        }
        // Animation precedes all content.
        if child.is_element() && name_of(child) == "set" && child.prev_sibling().is_some() {
            return Err(format!("`set` is inside the text of `{}`", rule.name));
        }
        if !child.is_element() {
            continue;
        }
        let name = name_of(child);
        let Some(place) = rule.children.iter().position(|known| *known == name) else {
            return Err(format!("`{}` has `{name}`", rule.name));
        };
        if place < last && !rule.mixed {
            return Err(format!("`{name}` is behind its place in `{}`", rule.name));
        }
        last = place;
        names.push(name);
    }
    for once in rule.once {
        let count = names.iter().filter(|name| name == once).count();
        if count != 1 {
            return Err(format!("`{}` has `{once}` {count} times", rule.name));
        }
    }
    Ok(())
}
