//! Forms of values.

pub(super) fn is_name(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && characters.all(|other| other.is_ascii_alphanumeric() || matches!(other, '-' | '_' | '.'))
}

fn digits(text: &str, most: Option<u32>) -> bool {
    let all = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    all && most.is_none_or(|most| text.len() == 2 && text.parse::<u32>().is_ok_and(|number| number <= most))
}

pub(super) fn is_clock(text: &str) -> bool {
    let parts: Vec<&str> = text.split([':', '.']).collect();
    let [hours, minutes, seconds, fraction] = parts[..] else {
        return false;
    };
    let shape = text.rfind(':') < text.find('.');
    shape
        && hours.len() >= 2
        && digits(hours, None)
        && digits(minutes, Some(59))
        && digits(seconds, Some(59))
        && digits(fraction, None)
}

pub(super) fn is_offset(text: &str) -> bool {
    let seconds = text.strip_suffix('s').and_then(|number| number.split_once('.'));
    seconds.is_some_and(|(whole, fraction)| digits(whole, None) && digits(fraction, None))
}

pub(super) fn is_date_time(text: &str) -> bool {
    let parts: Vec<&str> = text.split(['-', 'T', ':', 'Z']).collect();
    let [year, month, day, hour, minute, second, ""] = parts[..] else {
        return false;
    };
    let number = |text: &str| text.parse::<u32>().unwrap_or_default();
    let is_leap = number(year) % 4 == 0 && (number(year) % 100 != 0 || number(year) % 400 == 0);
    let days = match number(month) {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    text.len() == 20
        && digits(year, None)
        && number(year) > 0
        && (1..=12).contains(&number(month))
        && (1..=days).contains(&number(day))
        && digits(hour, Some(23))
        && digits(minute, Some(59))
        && digits(second, Some(59))
}

pub(super) fn is_language(text: &str) -> bool {
    let is_part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    text.is_empty() || text.split('-').all(is_part) && text.starts_with(|first: char| first.is_ascii_alphabetic())
}
