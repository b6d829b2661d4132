//! How is this number of a list or heading written: as a decimal, a letter, a Roman number?

/// Lists have nine levels.
pub const LEVELS: usize = 9;

/// How far each level of a list has counted.
pub type Counts = [Option<u32>; LEVELS];

/// Counts one item: levels above it that have no number yet start, those below it begin anew.
pub fn count_item(counts: &mut Counts, depth: usize, anew: Option<u32>, start: impl Fn(usize) -> u32) {
    for (level, count) in counts.iter_mut().enumerate().take(depth) {
        count.get_or_insert_with(|| start(level));
    }
    let next = counts[depth].map_or_else(|| start(depth), |count| count.saturating_add(1));
    counts[depth] = Some(anew.unwrap_or(next));
    counts[depth + 1..].fill(None);
}

/// Roman and alphabetic numbers stay short up to here; higher ones are shown as decimals.
const FANCY_NUMBERS: u32 = 4_000;

/// A number in a format, which is named as Word does.
pub fn show_number(format: &str, number: u32) -> String {
    if number == 0 || number >= FANCY_NUMBERS {
        return number.to_string();
    }
    match format {
        "lowerLetter" => letters(number),
        "upperLetter" => letters(number).to_uppercase(),
        "lowerRoman" => roman(number).to_lowercase(),
        "upperRoman" => roman(number),
        "decimalZero" => format!("{number:02}"),
        "none" => String::new(),
        _ => number.to_string(),
    }
}

/// a to z, then aa to zz, then aaa…
fn letters(number: u32) -> String {
    let index = u8::try_from((number - 1) % 26).unwrap_or_default();
    char::from(b'a' + index).to_string().repeat(((number - 1) / 26 + 1) as usize)
}

fn roman(mut number: u32) -> String {
    const SIGNS: [(u32, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let mut text = String::new();
    for (value, sign) in SIGNS {
        while number >= value {
            text.push_str(sign);
            number -= value;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::show_number;

    #[test]
    fn numbers_letters_and_roman_numbers() {
        for (format, number, expected) in [
            ("decimal", 12, "12"),
            ("decimalZero", 7, "07"),
            ("lowerLetter", 28, "bb"),
            ("upperRoman", 1994, "MCMXCIV"),
            ("lowerRoman", 4_000, "4000"),
            ("none", 3, ""),
        ] {
            assert_eq!(show_number(format, number), expected, "{format} {number}");
        }
    }
}
