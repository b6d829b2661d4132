//! In which order is a line read that runs from right to left?
//!
//! A page says where each letter stands. From left to right, a line of Arabic or Hebrew is its letters backwards, with
//! the numbers and the foreign words in it forwards.

/// A line as it stands from left to right, in the order in which it is read.
pub(super) fn as_read(line: &str) -> String {
    let leftward = line.chars().filter(|letter| is_leftward(*letter)).count();
    if leftward == 0 {
        return line.to_owned();
    }
    let rightward = line.chars().filter(|letter| letter.is_alphabetic() && !is_leftward(*letter)).count();
    let mut letters: Vec<char> = line.chars().collect();
    // Names in Latin letters stand in many such lines; a few foreign words make no line of them.
    if 2 * leftward >= rightward {
        turn(&mut letters);
        turn_runs(&mut letters, is_rightward, is_leftward);
    } else {
        turn_runs(&mut letters, is_leftward, is_rightward);
    }
    letters.into_iter().collect()
}

/// Whether a letter belongs to a script that is written from right to left. Its figures are not.
pub(super) fn is_leftward(letter: char) -> bool {
    let script = matches!(letter, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}');
    script && !letter.is_numeric()
}

fn is_rightward(letter: char) -> bool {
    letter.is_alphanumeric() && !is_leftward(letter)
}

/// Turns each run of letters that belong to it, with the signs between them, up to the next letter that is against it.
fn turn_runs(letters: &mut [char], belongs: fn(char) -> bool, against: fn(char) -> bool) {
    let mut start = 0;
    while let Some(rest) = letters.get(start..).filter(|rest| !rest.is_empty()) {
        let within = rest.iter().position(|letter| against(*letter)).unwrap_or(rest.len());
        let last = rest.iter().take(within).rposition(|letter| belongs(*letter));
        let first = rest.iter().take(within).position(|letter| belongs(*letter));
        if let (Some(first), Some(last)) = (first, last)
            && let Some(run) = letters.get_mut(start + first..=start + last)
        {
            turn(run);
        }
        // Behind the letter that is against it.
        start += within + 1;
    }
}

/// Turns a run around, and its brackets with it.
fn turn(run: &mut [char]) {
    run.reverse();
    for letter in run {
        *letter = match *letter {
            '(' => ')',
            ')' => '(',
            '[' => ']',
            ']' => '[',
            '{' => '}',
            '}' => '{',
            '«' => '»',
            '»' => '«',
            other => other,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_from_right_to_left_are_read_from_their_right() {
        let backwards = |text: &str| text.chars().rev().collect::<String>();
        let (peace, good) = ("שלום", "טוב");
        assert_eq!(as_read(&backwards(peace)), peace);
        // A name, a number and brackets.
        let shown = format!("({}) Python 3.12 {}", backwards(good), backwards(peace));
        assert_eq!(as_read(&shown), format!("{peace} Python 3.12 ({good})"));
        // Two words in a line that runs from left to right.
        let shown = format!("Le mot « {} {} » veut dire bonjour.", backwards(good), backwards(peace));
        assert_eq!(as_read(&shown), format!("Le mot « {peace} {good} » veut dire bonjour."));
        assert_eq!(as_read("Le conseil (12) siège."), "Le conseil (12) siège.");
    }
}
