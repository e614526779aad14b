//! How deep a text nests, found without parsing it. The parser tries every reading of a bracket anew at each level, which
//! doubles its work with every one: twenty are enough to keep it busy for minutes.

use grc_policy::engine::SourceError;

/// How many brackets may be open at once.
pub const DEPTH_MAX: usize = 10;

/// What is wrong with how deep a text nests, where something is.
pub fn too_deep(rego: &str) -> Option<SourceError> {
    let mut depth = 0_usize;
    let (mut line, mut column) = (1_u32, 0_u32);
    let mut state = State::Code;
    let mut characters = rego.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\n' {
            line = line.saturating_add(1);
            column = 0;
        } else {
            column = column.saturating_add(1);
        }
        state = match (state, character) {
            (State::Code, '#') => State::Comment,
            (State::Code, '"') => State::Text,
            (State::Code, '`') => State::Raw,
            (State::Code, '(' | '[' | '{') => {
                depth += 1;
                if depth > DEPTH_MAX {
                    let message = format!("more than {DEPTH_MAX} brackets are open at once");
                    return Some(SourceError { message, line: Some(line), column: Some(column) });
                }
                State::Code
            }
            (State::Code, ')' | ']' | '}') => {
                depth = depth.saturating_sub(1);
                State::Code
            }
            (State::Text, '\\') => {
                // What is escaped ends nothing. A line break may not be: it is left for the next round.
                if characters.peek().is_some_and(|next| *next != '\n') {
                    characters.next();
                    column = column.saturating_add(1);
                }
                State::Text
            }
            // A text that its line does not end is an error that the parser reports.
            (State::Text, '"' | '\n') | (State::Raw, '`') | (State::Comment, '\n') => State::Code,
            (state, _) => state,
        };
    }
    None
}

#[derive(Clone, Copy)]
enum State {
    Code,
    Comment,
    Text,
    Raw,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_of_code_count_and_no_others() {
        let most = "[".repeat(DEPTH_MAX);
        let over = "(".repeat(DEPTH_MAX + 1);
        assert_eq!(too_deep(&most), None);
        assert_eq!(too_deep(&"[] {} ()\n".repeat(100)), None);
        for harmless in [format!("# {over}"), format!("\"{over}\""), format!("`{over}`"), format!("\"\\\"{over}\"")] {
            assert_eq!(too_deep(&harmless), None, "{harmless}");
        }
        let found = too_deep(&format!("package x\n# {over}\n  {over}")).unwrap();
        assert_eq!((found.line, found.column), (Some(3), Some(2 + 11)));
        assert!(too_deep(&format!("\"unfinished\n{over}")).is_some());
    }
}
