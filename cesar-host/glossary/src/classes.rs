//! The number of large character classes in a regular expression.
//!
//! The compiler folds the case of every class, one character at a time, also of classes that leave no trace in the compiled expression
//! (`\\W{0}`), which its limit of size does not bound. A class of many characters takes up to 10 ms.

use std::convert::Infallible;

use regex_syntax::ast::parse::ParserBuilder;
use regex_syntax::ast::{Ast, ClassSetBinaryOp, ClassSetItem, Visitor, visit};

/// Characters of a range from which on it counts.
const LARGE: u32 = 1_000;

/// The number of negated classes, properties, long ranges and operations on classes; none for what is no regular expression.
pub(crate) fn count_large(source: &str, nest_limit: u32) -> Option<usize> {
    let ast = ParserBuilder::new().nest_limit(nest_limit).build().parse(source).ok()?;
    visit(&ast, Counter(0)).ok()
}

struct Counter(usize);

impl Counter {
    fn add(&mut self, is_large: bool) -> Result<(), Infallible> {
        self.0 += usize::from(is_large);
        Ok(())
    }
}

impl Visitor for Counter {
    type Output = usize;
    type Err = Infallible;

    fn finish(self) -> Result<usize, Infallible> {
        Ok(self.0)
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), Infallible> {
        self.add(match ast {
            Ast::ClassUnicode(_) => true,
            Ast::ClassPerl(class) => class.negated,
            Ast::ClassBracketed(class) => class.negated,
            _ => false,
        })
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Result<(), Infallible> {
        self.add(match item {
            ClassSetItem::Unicode(_) => true,
            ClassSetItem::Perl(class) => class.negated,
            ClassSetItem::Ascii(class) => class.negated,
            ClassSetItem::Bracketed(class) => class.negated,
            ClassSetItem::Range(range) => u32::from(range.end.c).saturating_sub(u32::from(range.start.c)) >= LARGE,
            _ => false,
        })
    }

    fn visit_class_set_binary_op_pre(&mut self, _: &ClassSetBinaryOp) -> Result<(), Infallible> {
        self.add(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_classes_are_counted() {
        for (source, wanted) in [
            (r"(\d+) per ?cent", 0),
            (r"[a-z]\w*.", 0),
            (r"[^a]\W\p{L}", 3),
            (r"[\W\pL[^a]]{0}", 3),
            (r"[\w&&\D--[a-z]]", 3),
            ("[ -\u{ffff}]|[а-я]", 1),
            (r"[[:^alpha:]]", 1),
        ] {
            assert_eq!(count_large(source, 50), Some(wanted), "{source}");
        }
        assert_eq!(count_large("(a", 50), None);
    }
}
