//! The size of terms in a prompt, in tokens of Whisper.
//!
//! A limit of bytes or characters would treat scripts differently: a token of Whisper's multilingual models holds 2.6 Latin letters, two
//! Cyrillic ones, or less than one Chinese character. The estimates are averages over names and technical terms, which have more tokens
//! than the words of a sentence.

/// Parts of a token, so that sizes are whole numbers.
const PARTS: usize = 8;

/// The estimated size of a text, in eighths of a token.
fn size(text: &str) -> usize {
    text.chars().map(size_of).sum()
}

/// The estimated size of a character, in eighths of a token.
fn size_of(character: char) -> usize {
    match character {
        '\0'..='\x7f' => 3,
        // Cyrillic, Arabic.
        '\u{400}'..='\u{52f}' | '\u{600}'..='\u{6ff}' => 4,
        // Greek, Hebrew.
        '\u{370}'..='\u{3ff}' | '\u{590}'..='\u{5ff}' => 6,
        // Latin letters with accents.
        '\u{80}'..='\u{36f}' | '\u{1e00}'..='\u{1eff}' => 8,
        // Scripts of India, Thai, punctuation, kana, Hangul.
        '\u{900}'..='\u{d7f}' | '\u{e00}'..='\u{e7f}' | '\u{2000}'..='\u{206f}' => 9,
        '\u{3000}'..='\u{30ff}' | '\u{ac00}'..='\u{d7a3}' => 9,
        // Chinese characters.
        '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' => 11,
        // A token a byte, which no tokenizer exceeds.
        other => PARTS * other.len_utf8(),
    }
}

/// The first terms joined by commas, as far as they fit into `tokens`, and how many these are.
pub(crate) fn joined(terms: &[&str], tokens: usize) -> (String, usize) {
    let (mut prompt, mut left, mut count) = (String::new(), tokens * PARTS, 0);
    for term in terms {
        let separator = if prompt.is_empty() { "" } else { ", " };
        let Some(rest) = left.checked_sub(size(separator) + size(term)) else {
            break;
        };
        left = rest;
        prompt.push_str(separator);
        prompt.push_str(term);
        count += 1;
    }
    (prompt, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names and terms by script, with their tokens in the tokenizer of Whisper's multilingual models, separators among them.
    const MEASURED: [(&str, usize); 9] = [
        (
            "Kubernetes, PostgreSQL, Ceausescu, Lindqvist, iPhone, GmbH, Wi-Fi, Nebuchadnezzar, Grafana, Terraform, azathioprine, \
             methotrexate, Anders Lindqvist, Rotterdam, OpenTelemetry, Heidelberg, Siobhan, Krzysztof",
            80,
        ),
        (
            "Żółkiewski, Škoda, Đurđević, Çağlar, Øresund, Müller, Gößweinstein, Łódź, Hölderlin, señorita, Đặng Thị Hương, \
             Nguyễn Văn Thiệu, Třebíč",
            70,
        ),
        (
            "Кубернетес, Солженицын, Днепропетровск, Метотрексат, Иннокентий Смоктуновский, Екатеринбург, Постгрес, Новосибирск, \
             Владикавказ, Зеленський, Хмельницький, Ћирић",
            81,
        ),
        (
            "Παπαδόπουλος, Θεσσαλονίκη, Μητσοτάκης, Αλεξανδρούπολη, Καποδίστριας",
            47,
        ),
        ("בן גוריון, נתניהו, ירושלים, קוברנטיס, אוניברסיטה, רבינוביץ", 39),
        ("عبد الرحمن, المملكة العربية السعودية, كوبرنيتس, القاهرة, الإسكندرية", 35),
        (
            "北京大学, 深度求索, 清华大学, 阿里巴巴, 量子计算, 甲氨蝶呤, 诸葛亮, 台灣積體電路",
            58,
        ),
        (
            "クバネティス, コンピューター, たなかさん, メトトレキサート, マクドナルド, ポケモン",
            44,
        ),
        ("쿠버네티스, 서울대학교, 김정은, 삼성전자, 메토트렉세이트, 인공지능", 36),
    ];

    #[test]
    fn sizes_are_near_the_tokens_of_each_script() {
        for (terms, tokens) in MEASURED {
            let estimated = size(terms).div_ceil(PARTS);
            assert!(
                estimated.abs_diff(tokens) * 5 <= tokens,
                "{estimated} estimated, {tokens} measured: {terms}"
            );
        }
    }

    #[test]
    fn each_script_fills_the_same_tokens() {
        let length = |term: &str| {
            let terms = vec![term; 1000];
            let (prompt, count) = joined(&terms, 150);
            assert_eq!(prompt.matches(", ").count() + 1, count);
            assert!(size(&prompt) <= 150 * PARTS && size(&prompt) + size(term) + size(", ") > 150 * PARTS);
            prompt.chars().count()
        };
        assert_eq!(length("Kubernetes"), 394);
        assert_eq!(length("Екатеринбург"), 306);
        assert_eq!(length("コンピューター"), 151);
        assert_eq!(length("北京大学"), 142);
    }

    #[test]
    fn a_term_that_does_not_fit_ends_the_prompt() {
        assert_eq!(joined(&["abcdefgh", "ij", "k"], 4), ("abcdefgh, ij"[..8].to_owned(), 1));
        assert_eq!(joined(&["\u{10d0}"], 2), (String::new(), 0));
        assert_eq!(joined(&[], 2), (String::new(), 0));
    }
}
