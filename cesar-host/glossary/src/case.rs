//! Capitals of a replacement.
//!
//! A right side in small letters follows the match: capitals throughout if the match has them and as many words (more words are those of an
//! abbreviation), a capital at the beginning if the match has one. A right side with capitals at the beginnings of words (`Kubernetes`) keeps them; where all of the segment is in
//! capitals it is, too. Any other (`iPhone`, `GmbH`) is written as it is everywhere.

/// Numbers of letters by case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Letters {
    upper: usize,
    lower: usize,
}

impl Letters {
    /// Those of a text.
    pub(crate) fn of(text: &str) -> Self {
        text.chars()
            .fold(Self::default(), |Self { upper, lower }, letter| Self {
                upper: upper + usize::from(letter.is_uppercase()),
                lower: lower + usize::from(letter.is_lowercase()),
            })
    }

    fn without(self, part: Self) -> Self {
        Self {
            upper: self.upper.saturating_sub(part.upper),
            lower: self.lower.saturating_sub(part.lower),
        }
    }

    fn are_capitals(self) -> bool {
        self.upper > 0 && self.lower == 0
    }
}

/// The right side of a rule as it replaces `matched`, in a segment with these letters.
pub(crate) fn following(right: &str, matched: &str, segment: Letters) -> String {
    if has_inner_capitals(right) {
        return right.to_owned();
    }
    let letters = Letters::of(matched);
    let is_loud = letters.are_capitals() && letters.upper > 1;
    if is_loud && segment.without(letters).are_capitals() {
        return right.to_uppercase();
    }
    if Letters::of(right).upper > 0 {
        return right.to_owned();
    }
    let count = |text: &str| text.split_whitespace().count();
    if is_loud {
        // Capitals of an abbreviation are not those of its words.
        let has_as_many = count(right) == count(matched);
        if has_as_many {
            right.to_uppercase()
        } else {
            right.to_owned()
        }
    } else if first_letter(matched).is_some_and(char::is_uppercase) {
        capitalised(right)
    } else {
        right.to_owned()
    }
}

/// Whether a word has a capital behind its beginning.
fn has_inner_capitals(text: &str) -> bool {
    let mut before = ' ';
    text.chars().any(|letter| {
        let is_inner = before.is_alphanumeric() && letter.is_uppercase();
        before = letter;
        is_inner
    })
}

/// The letter that a text begins with; none if it begins with a digit.
fn first_letter(text: &str) -> Option<char> {
    text.chars()
        .find(|letter| letter.is_alphanumeric())
        .filter(|letter| letter.is_alphabetic())
}

fn capitalised(text: &str) -> String {
    let Some(letter) = first_letter(text) else {
        return text.to_owned();
    };
    let mut capitals = letter.to_uppercase().to_string();
    // The capitals of `ß` are two.
    if let Some(rest) = capitals.char_indices().nth(1).map(|(place, _)| place) {
        let small = capitals.split_off(rest).to_lowercase();
        capitals.push_str(&small);
    }
    text.replacen(letter, &capitals, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(right: &str, matched: &str, segment: &str) -> String {
        following(right, matched, Letters::of(segment))
    }

    #[test]
    fn small_right_sides_follow_the_match() {
        assert_eq!(follow("colour", "color", "a color"), "colour");
        assert_eq!(follow("colour", "Color", "Color it"), "Colour");
        assert_eq!(follow("colour", "COLOR", "a COLOR here"), "COLOUR");
        assert_eq!(
            follow("as soon as possible", "ASAP", "do it ASAP"),
            "as soon as possible"
        );
        assert_eq!(follow("3 amigos", "Amigos", "Amigos"), "3 amigos");
        assert_eq!(follow("straße", "Strasse", "Strasse"), "Straße");
    }

    #[test]
    fn capitals_of_the_right_side_stay() {
        assert_eq!(follow("Kubernetes", "kube", "a kube"), "Kubernetes");
        assert_eq!(
            follow("Amazon Web Services", "AWS", "on AWS now"),
            "Amazon Web Services"
        );
        assert_eq!(follow("Kubernetes", "KUBE", "KUBE IS GREAT"), "KUBERNETES");
        assert_eq!(follow("Kubernetes", "KUBE", "KUBE."), "Kubernetes");
        for right in ["iPhone", "GmbH", "IBM", "McDonald"] {
            assert_eq!(follow(right, "XYZ", "ALL IN XYZ CAPITALS"), right);
        }
    }

    #[test]
    fn scripts_without_case_are_left_alone() {
        assert_eq!(follow("北京", "背景", "我在背景"), "北京");
    }
}
