//! Text for a terminal: aligned tables that fit its width, colors where they are wanted, and
//! nothing in it that could steer the terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::base::Shown;

/// How to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    pub colors: bool,
    /// Columns of the terminal.
    pub width: usize,
}

/// A color by what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Strong,
    Faint,
    Good,
    Bad,
}

impl Style {
    /// `text`, colored where colors are wanted.
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        if !self.colors || text.is_empty() {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Strong => "1",
            Tone::Faint => "2",
            Tone::Good => "32",
            Tone::Bad => "31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
    /// Left, and the first to give way where the table is too wide.
    Flexible,
}

/// A table under construction.
pub struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

/// Between columns.
const GAP: usize = 2;
/// A flexible column is never narrower.
const MIN_FLEXIBLE: usize = 8;

impl Table {
    pub fn new(columns: impl IntoIterator<Item = (&'static str, Align)>) -> Table {
        Table { columns: columns.into_iter().collect(), rows: Vec::new() }
    }

    /// Adds a row; cells beyond the columns are left out.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| clean(&cell)).collect());
    }

    /// The table with its header, each line ended by a line break.
    pub fn render(&self, style: Style) -> String {
        let header: Vec<String> = self.columns.iter().map(|(title, _)| (*title).to_owned()).collect();
        let header = self.line(&header, &self.widths(style.width));
        style.paint(Tone::Faint, &header) + "\n" + &self.render_rows(style)
    }

    /// The same without the header, where titles would say nothing.
    pub fn render_rows(&self, style: Style) -> String {
        let widths = self.widths(style.width);
        self.rows.iter().map(|row| self.line(row, &widths) + "\n").collect()
    }

    /// True when no cell has to be cut.
    pub fn fits(&self, width: usize) -> bool {
        self.widths(usize::MAX).iter().sum::<usize>() + GAP * self.columns.len().saturating_sub(1) <= width
    }

    fn widths(&self, available: usize) -> Vec<usize> {
        let mut widths: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(index, (title, _))| {
                let cells = self.rows.iter().filter_map(|row| row.get(index)).map(|cell| cell.width());
                cells.fold(title.width(), usize::max)
            })
            .collect();
        let gaps = GAP * widths.len().saturating_sub(1);
        // Takes from the widest flexible column, one by one: tables are small.
        while widths.iter().sum::<usize>() + gaps > available {
            let widest = widths
                .iter_mut()
                .zip(&self.columns)
                .filter(|(width, (_, align))| *align == Align::Flexible && **width > MIN_FLEXIBLE)
                .map(|(width, _)| width)
                .max();
            match widest {
                Some(width) => *width -= 1,
                None => break,
            }
        }
        widths
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for (index, ((_, align), width)) in self.columns.iter().zip(widths).enumerate() {
            if index > 0 {
                line += &" ".repeat(GAP);
            }
            let cell = fit(cells.get(index).map_or("", String::as_str), *width);
            let padding = " ".repeat(width.saturating_sub(cell.width()));
            match align {
                Align::Right => line += &(padding + &cell),
                Align::Left | Align::Flexible => line += &(cell + &padding),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// `text` in at most `width` columns, with `…` where it was cut.
pub fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut fitted = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        fitted.push(c);
    }
    fitted + "…"
}

/// `text` in lines of at most `width` columns, broken between words; a longer word keeps a line of its own.
pub fn wrap(text: &str, width: usize) -> String {
    let mut wrapped = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let columns = word.width();
        if used > 0 && used + 1 + columns > width {
            wrapped.push('\n');
            used = 0;
        }
        if used > 0 {
            wrapped.push(' ');
            used += 1;
        }
        wrapped.push_str(word);
        used += columns;
    }
    wrapped
}

/// What strangers wrote must not steer the terminal.
pub fn clean(text: &str) -> String {
    Shown(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table =
            Table::new([("name", Align::Left), ("count", Align::Right), ("what", Align::Flexible)]);
        table.row(["a".into(), "1".into(), "https://a.example/a/long/address".into()]);
        table.row(["画家".into(), "1000".into(), "x\x1b[2Jy".into()]);
        table
    }

    #[test]
    fn columns_are_aligned() {
        let style = Style { colors: false, width: 80 };
        let expect = "\
name  count  what
a         1  https://a.example/a/long/address
画家   1000  x\u{fffd}[2Jy
";
        assert_eq!(table().render(style), expect);
    }

    #[test]
    fn a_narrow_terminal_cuts_the_flexible_column() {
        let expect = "\
name  count  what
a         1  https://a.…
画家   1000  x\u{fffd}[2Jy
";
        assert_eq!(table().render(Style { colors: false, width: 24 }), expect);
        // Too narrow for anything: still a table.
        assert_eq!(table().render(Style { colors: false, width: 5 }).lines().count(), 3);
    }

    #[test]
    fn prose_breaks_between_words() {
        assert_eq!(wrap("one two three", 7), "one two\nthree");
        assert_eq!(wrap("one https://a.example/ b", 7), "one\nhttps://a.example/\nb");
        assert_eq!(wrap("画家 画家", 8), "画家\n画家");
        assert_eq!(wrap("", 8), "");
    }

    #[test]
    fn colors_only_where_wanted() {
        assert_eq!(Style { colors: false, width: 80 }.paint(Tone::Bad, "x"), "x");
        assert_eq!(Style { colors: true, width: 80 }.paint(Tone::Bad, "x"), "\x1b[31mx\x1b[0m");
    }
}
