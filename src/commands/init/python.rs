//! Reads the assignments of a Python file without running it: strings, numbers, `True`, `False`,
//! `None`, lists, tuples and dictionaries of them, with comments. Whatever else stands there is
//! named by its line, so that nothing is passed over in silence. Pure.

/// Lists in lists, and so on, at most.
const MAX_DEPTH: usize = 16;

/// A value as it stands in the file.
#[derive(Clone, PartialEq)]
pub enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Value>),
    Dict(Vec<(Value, Value)>),
}

/// What a line (or several) of the file says.
#[derive(PartialEq)]
pub struct Statement {
    /// From 1: where it begins.
    pub line: usize,
    pub what: What,
}

#[derive(PartialEq)]
pub enum What {
    Set {
        name: String,
        value: Value,
    },
    /// An assignment of which Python alone knows the value, with the reason.
    Unread {
        name: String,
        why: &'static str,
    },
    /// Anything else, by its first word.
    Other {
        word: String,
    },
}

/// Everything that the file says, in order. Comments and texts that are assigned to nothing say
/// nothing.
pub fn statements(text: &str) -> Vec<Statement> {
    let mut reader = Reader { bytes: text.as_bytes(), at: 0, line: 1 };
    let mut found = Vec::new();
    while reader.skip_to_statement() {
        let line = reader.line;
        if let Some(what) = reader.statement() {
            found.push(Statement { line, what });
        }
        reader.skip_rest();
    }
    found
}

const COMPUTED: &str = "is computed, which only Python can do";
const BROKEN: &str = "is not written as Python is";
const TOO_DEEP: &str = "is nested too deeply";
const IN_BLOCK: &str = "stands in a block, which Python may or may not run";

struct Reader<'t> {
    bytes: &'t [u8],
    at: usize,
    line: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        self.line += usize::from(byte == b'\n');
        Some(byte)
    }

    fn skip(&mut self) {
        self.next();
    }

    fn skip_while(&mut self, is_skipped: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&is_skipped) {
            self.next();
        }
    }

    /// Past empty lines and comments. False at the end of the file.
    fn skip_to_statement(&mut self) -> bool {
        // A mark that some editors put before a text.
        if self.at == 0 && self.bytes.starts_with(b"\xef\xbb\xbf") {
            self.at = 3;
        }
        loop {
            let begin = self.at;
            self.skip_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\x0c'));
            match self.peek() {
                None => return false,
                Some(b'#') => self.skip_while(|byte| byte != b'\n'),
                Some(b'\n') => self.skip(),
                Some(_) => {
                    // The indentation belongs to the statement.
                    self.at = begin;
                    return true;
                }
            }
        }
    }

    fn statement(&mut self) -> Option<What> {
        let begin = self.at;
        self.skip_blanks();
        let is_indented = self.at > begin;
        if self.is_text() && self.text().is_ok() && self.is_at_end() {
            return None;
        }
        let word = self.word();
        if word.is_empty() {
            let shown: String = self.peek().map(char::from).into_iter().collect();
            return Some(What::Other { word: shown });
        }
        self.skip_blanks();
        // `NAME: int = 1`
        if self.peek() == Some(b':') {
            let mark = (self.at, self.line);
            self.next();
            self.skip_while(|byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'[' | b']' | b' ' | b',')
            });
            if self.peek() != Some(b'=') {
                (self.at, self.line) = mark;
            }
        }
        if self.peek() != Some(b'=') || self.bytes.get(self.at + 1) == Some(&b'=') {
            return Some(What::Other { word });
        }
        self.next();
        if is_indented {
            return Some(What::Unread { name: word, why: IN_BLOCK });
        }
        let mark = (self.at, self.line);
        let why = match self.value(0, false) {
            Ok(value) if self.is_at_end() => return Some(What::Set { name: word, value }),
            Ok(_) => COMPUTED,
            Err(why) => why,
        };
        // Its end is found from its beginning.
        (self.at, self.line) = mark;
        Some(What::Unread { name: word, why })
    }

    /// Nothing more stands on this line but perhaps a comment.
    fn is_at_end(&mut self) -> bool {
        self.skip_blanks();
        matches!(self.peek(), None | Some(b'\n' | b'#' | b';'))
    }

    /// To the end of the statement, over brackets and texts of several lines.
    fn skip_rest(&mut self) {
        let mut depth = 0_usize;
        loop {
            if self.is_text() {
                // Whatever it says; it is passed over in any case, as far as it goes.
                let _ = self.text();
                continue;
            }
            match self.peek() {
                None => return,
                Some(b'#') => self.skip_while(|byte| byte != b'\n'),
                Some(b'(' | b'[' | b'{') => {
                    depth += 1;
                    self.next();
                }
                Some(b')' | b']' | b'}') => {
                    depth = depth.saturating_sub(1);
                    self.next();
                }
                Some(b'\\') => {
                    self.next();
                    self.next();
                }
                Some(b';') if depth == 0 => {
                    self.next();
                    return self.skip_blanks();
                }
                Some(b'\n') if depth == 0 => {
                    self.next();
                    return;
                }
                Some(_) => self.skip(),
            }
        }
    }

    /// Spaces, and lines that are joined by a backslash.
    fn skip_blanks(&mut self) {
        loop {
            self.skip_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\x0c'));
            if self.rest().starts_with(b"\\\n") || self.rest().starts_with(b"\\\r\n") {
                self.next();
                self.skip_while(|byte| byte == b'\r');
                self.next();
            } else {
                return;
            }
        }
    }

    /// What may stand between values: within brackets, new lines and comments too.
    fn skip_between(&mut self, in_brackets: bool) {
        loop {
            self.skip_blanks();
            match self.peek() {
                Some(b'\n') if in_brackets => self.skip(),
                Some(b'#') if in_brackets => self.skip_while(|byte| byte != b'\n'),
                _ => return,
            }
        }
    }

    fn word(&mut self) -> String {
        let begin = self.at;
        self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80);
        String::from_utf8_lossy(self.bytes.get(begin..self.at).unwrap_or_default()).into_owned()
    }

    fn value(&mut self, depth: usize, in_brackets: bool) -> Result<Value, &'static str> {
        if depth > MAX_DEPTH {
            return Err(TOO_DEEP);
        }
        self.skip_between(in_brackets);
        if self.is_text() {
            let mut text = self.text()?;
            loop {
                self.skip_between(in_brackets);
                if !self.is_text() {
                    return Ok(Value::Text(text));
                }
                text += &self.text()?;
            }
        }
        match self.peek().ok_or(BROKEN)? {
            b'[' => self.list(b']', depth).map(|(list, _)| Value::List(list)),
            b'(' => match self.list(b')', depth)? {
                // Brackets around one value change nothing.
                (mut one, false) if one.len() == 1 => one.pop().ok_or(BROKEN),
                (list, _) => Ok(Value::List(list)),
            },
            b'{' => self.dict(depth),
            b'-' | b'+' | b'.' | b'0'..=b'9' => self.number(),
            _ => match self.word().as_str() {
                "True" => Ok(Value::Bool(true)),
                "False" => Ok(Value::Bool(false)),
                "None" => Ok(Value::None),
                _ => Err(COMPUTED),
            },
        }
    }

    /// The values of a list, and whether there was a comma.
    fn list(&mut self, end: u8, depth: usize) -> Result<(Vec<Value>, bool), &'static str> {
        self.next();
        let (mut values, mut has_comma) = (Vec::new(), false);
        loop {
            self.skip_between(true);
            if self.peek() == Some(end) {
                self.next();
                return Ok((values, has_comma));
            }
            values.push(self.value(depth + 1, true)?);
            self.skip_between(true);
            match self.peek() {
                Some(b',') => {
                    has_comma = true;
                    self.next();
                }
                Some(byte) if byte == end => {}
                Some(_) => return Err(COMPUTED),
                None => return Err(BROKEN),
            }
        }
    }

    fn dict(&mut self, depth: usize) -> Result<Value, &'static str> {
        self.next();
        let mut entries = Vec::new();
        loop {
            self.skip_between(true);
            if self.peek() == Some(b'}') {
                self.next();
                return Ok(Value::Dict(entries));
            }
            let key = self.value(depth + 1, true)?;
            self.skip_between(true);
            if self.peek() != Some(b':') {
                return Err(COMPUTED); // a set, for instance
            }
            self.next();
            entries.push((key, self.value(depth + 1, true)?));
            self.skip_between(true);
            match self.peek() {
                Some(b',') => self.skip(),
                Some(b'}') => {}
                Some(_) => return Err(COMPUTED),
                None => return Err(BROKEN),
            }
        }
    }

    fn number(&mut self) -> Result<Value, &'static str> {
        let begin = self.at;
        self.skip_while(|byte| matches!(byte, b'-' | b'+'));
        self.skip_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'));
        let text = String::from_utf8_lossy(self.bytes.get(begin..self.at).unwrap_or_default());
        let text = text.replace('_', "");
        if let Ok(number) = text.parse() {
            return Ok(Value::Int(number));
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::Float(number)),
            Ok(_) | Err(_) => Err(COMPUTED),
        }
    }

    /// A text begins here, perhaps with the letters that may stand before one.
    fn is_text(&self) -> bool {
        let rest = self.rest();
        let letters = rest.iter().take_while(|byte| b"rRbBuUfF".contains(byte)).count();
        letters <= 2 && matches!(rest.get(letters), Some(b'\'' | b'"'))
    }

    fn text(&mut self) -> Result<String, &'static str> {
        let (mut is_raw, mut is_computed) = (false, false);
        while let Some(letter) = self.peek().filter(u8::is_ascii_alphabetic) {
            is_raw |= matches!(letter, b'r' | b'R');
            is_computed |= matches!(letter, b'f' | b'F');
            self.next();
        }
        let quote = self.peek().ok_or(BROKEN)?;
        let long = [quote; 3];
        let is_long = self.rest().starts_with(&long);
        for _ in 0..if is_long { 3 } else { 1 } {
            self.next();
        }
        let mut bytes = Vec::new();
        loop {
            if is_long && self.rest().starts_with(&long) {
                (0..3).for_each(|_| self.skip());
                break;
            }
            if !is_long && self.peek() == Some(b'\n') {
                return Err(BROKEN);
            }
            match self.next().ok_or(BROKEN)? {
                byte if byte == quote && !is_long => break,
                b'\\' if is_raw => {
                    bytes.push(b'\\');
                    bytes.extend(self.next());
                }
                b'\\' => self.escape(&mut bytes)?,
                byte => bytes.push(byte),
            }
        }
        if is_computed {
            return Err(COMPUTED);
        }
        String::from_utf8(bytes).map_err(|_| BROKEN)
    }

    fn escape(&mut self, into: &mut Vec<u8>) -> Result<(), &'static str> {
        let byte = self.next().ok_or(BROKEN)?;
        let plain = match byte {
            b'\n' => return Ok(()),
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'\\' | b'\'' | b'"' => byte,
            b'x' | b'u' | b'U' => {
                let digits = match byte {
                    b'x' => 2,
                    b'u' => 4,
                    _ => 8,
                };
                let code = self.rest().get(..digits).and_then(|digits| std::str::from_utf8(digits).ok());
                let code = code.and_then(|digits| u32::from_str_radix(digits, 16).ok());
                let letter = code.and_then(char::from_u32).ok_or(BROKEN)?;
                self.at += digits;
                into.extend(letter.to_string().bytes());
                return Ok(());
            }
            b'0'..=b'9' | b'N' | b'a' | b'b' | b'f' | b'v' => return Err(COMPUTED),
            // Python leaves what it does not know as it stands.
            other => {
                into.push(b'\\');
                other
            }
        };
        into.push(plain);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(value: &Value) -> String {
        match value {
            Value::None => "None".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::Text(value) => format!("{value:?}"),
            Value::List(values) => format!("[{}]", values.iter().map(shown).collect::<Vec<_>>().join(", ")),
            Value::Dict(entries) => {
                let entries = entries.iter().map(|(key, value)| format!("{}: {}", shown(key), shown(value)));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn read(text: &str) -> Vec<String> {
        let shown = |Statement { line, what }: &Statement| match what {
            What::Set { name, value } => format!("{line} {name} {}", shown(value)),
            What::Unread { name, why } => format!("{line} {name} ! {why}"),
            What::Other { word } => format!("{line} ? {word}"),
        };
        statements(text).iter().map(shown).collect()
    }

    #[track_caller]
    fn check(text: &str, expect: &[&str]) {
        assert_eq!(read(text), expect, "{text}");
    }

    #[test]
    fn plain_values() {
        check(
            "A = True # yes\nB=None\nC = 1_000\nD = -2.5\n",
            &["1 A true", "2 B None", "3 C 1000", "4 D -2.5"],
        );
        check("A = 'it\\'s' \"\\u00e9\\n\" r'\\n'", &["1 A \"it'sé\\n\\\\n\""]);
        check("A = \"a # b\" ; B = 3", &["1 A \"a # b\"", "1 B 3"]);
        check("A : int = 3\nB = (4)\nC = (4,)\nD = ()", &["1 A 3", "2 B 4", "3 C [4]", "4 D []"]);
        check("A = [ 1, # one\n\n  'b',\n]\nB = 2", &["1 A [1, \"b\"]", "5 B 2"]);
        check("A = [ {\n 'x' : '',\n 'y' : 2 }, {} ]", &["1 A [{\"x\": \"\", \"y\": 2}, {}]"]);
        check("A = 'a' \\\n  'b'", &["1 A \"ab\""]);
        check("\u{feff}A = 1\r\nB = 2\r\n", &["1 A 1", "2 B 2"]);
        check("A = '''a\nb'''\nB = 1", &["1 A \"a\\nb\"", "3 B 1"]);
    }

    #[test]
    fn what_says_nothing_and_what_python_alone_knows() {
        check("#!/usr/bin/python3\n\"\"\"\nA = 1\n\"\"\"\n'text'\n", &[]);
        check(
            "A = 2 * 3\nB = f(1,\n 2)\nC = 4",
            &[
                "1 A ! is computed, which only Python can do",
                "2 B ! is computed, which only Python can do",
                "4 C 4",
            ],
        );
        check(
            "A = f'{x}'\nB = os.environ['B']\nC = [ x ]",
            &[
                "1 A ! is computed, which only Python can do",
                "2 B ! is computed, which only Python can do",
                "3 C ! is computed, which only Python can do",
            ],
        );
        check(
            "from os import chmod\nchmod(__file__, 1)\nif True:\n    A = 1\nA == 2",
            &[
                "1 ? from",
                "2 ? chmod",
                "3 ? if",
                "4 A ! stands in a block, which Python may or may not run",
                "5 ? A",
            ],
        );
        check("A = 'open\nB = 2", &["1 A ! is not written as Python is", "2 B 2"]);
        check("A = [1, 2", &["1 A ! is not written as Python is"]);
    }

    #[test]
    fn hostile_files_are_read_within_bounds() {
        let deep = format!("A = {}1{}\nB = 2", "[".repeat(100_000), "]".repeat(100_000));
        check(&deep, &["1 A ! is nested too deeply", "2 B 2"]);
        check(&"[".repeat(100_000), &["1 ? ["]);
        check(&format!("A = {}", "-".repeat(100_000)), &["1 A ! is computed, which only Python can do"]);
        check(
            "A = 99999999999999999999\nB = 1e999",
            &["1 A 100000000000000000000", "2 B ! is computed, which only Python can do"],
        );
        check(
            "A = \0\n=\n)\nB = 1",
            &["1 A ! is computed, which only Python can do", "2 ? =", "3 ? )", "4 B 1"],
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in "[A-Z=\\[\\](){}'\"\\\\#:;, \n0-9frb-]{0,200}") {
            let found = statements(&text);
            prop_assert!(found.len() <= text.len());
            prop_assert!(found.windows(2).all(|pair| pair[0].line <= pair[1].line));
        }
    }
}
