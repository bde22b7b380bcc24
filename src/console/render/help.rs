//! The console's help.

use crate::console::line::{self, UsageError};
use crate::console::table::{Align, Style, Table, Tone, wrap};

/// `help`: all commands, a line each.
pub fn list(style: Style) -> String {
    let mut table = Table::new([("", Align::Left), ("", Align::Flexible)]);
    for command in line::commands() {
        let summary = command.get_about().map(ToString::to_string).unwrap_or_default();
        table.row([line::short_usage(command), summary]);
    }
    let more =
        wrap("`help COMMAND` shows its options and examples. Tab completes what you type.", style.width);
    format!("{}\n{}\n", table.render_rows(style), style.paint(Tone::Faint, &more))
}

/// `help COMMAND`.
///
/// # Errors
/// There is no such command.
pub fn of(topic: &str, style: Style) -> Result<String, UsageError> {
    let command = line::find(topic).ok_or_else(|| UsageError::UnknownCommand { word: topic.to_owned() })?;
    let help = line::help_of(command, style.width);
    Ok(if style.colors { help.ansi().to_string() } else { help.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_fits_a_narrow_terminal() {
        let text = list(Style { colors: false, width: 60 });
        assert_eq!(text.lines().count(), line::commands().count() + 3);
        assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
        let usual = Style { colors: false, width: 80 };
        assert!(!list(usual).contains('…'), "{}", list(usual));
        for command in line::commands() {
            let text = of(command.get_name(), usual).unwrap();
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
            assert!(text.contains("Usage: ") && text.contains("\n  ") && text.contains("Example"), "{text}");
        }
        let error = of("scna", usual).unwrap_err();
        assert_eq!(error.to_string(), "unknown command \"scna\": did you mean \"scan\"?");
    }
}
