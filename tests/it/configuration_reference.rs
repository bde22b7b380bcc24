//! `docs/configuration.md` is made of the sample, which other tests hold against the code: it names every
//! key, and its values are the defaults.

use crate::golden;

const HEAD: &str = "\
# Configuration

Every key of `parameters.toml`, with its default. This page is made from [parameters.sample.toml](../parameters.sample.toml) by
`AOTF_TEST_UPDATE=1 cargo test --test it configuration_reference`, and tests hold that file against the program.

`aotf init` writes the file, `aotf check` says what is wrong with it. It is looked up: `--config FILE`, `$AOTF_CONFIG`, `./parameters.toml`,
`/etc/aotf/parameters.toml`. The environment wins over it: `AOTF_HTTP__PORT=3301` sets `port` of `[http]`, a list has commas between its items, and
`AOTF_TWITTER__CREDENTIALS__0__BEARER_TOKEN_FILE` reaches into the first section of a list. A key that is unknown is an error that names the nearest one. Files
that are named are looked for among systemd's credentials, then beside the parameter file; a file with secrets must not be readable by others.
";

/// One key: what it is set to, and what the comment above it says.
#[derive(Default)]
struct Page {
    text: String,
    comment: Vec<String>,
    in_list: bool,
}

impl Page {
    fn line(&mut self, line: &str) {
        let bare = line.strip_prefix('#').unwrap_or(line);
        let is_comment = line.starts_with("# ") || line == "#";
        if self.in_list {
            self.in_list = line != "]";
        } else if is_comment {
            self.comment.push(line.trim_start_matches('#').trim().to_owned());
        } else if bare.starts_with('[') {
            let about = self.take_comment();
            self.text.push_str(&format!("\n## `{bare}`\n\n{about}"));
            if !about.is_empty() {
                self.text.push_str("\n\n");
            }
            self.text.push_str("| key | default | |\n|---|---|---|\n");
        } else if let Some((key, value)) = bare.split_once(" = ") {
            self.in_list = value == "[";
            let value = match (line.starts_with('#'), self.in_list) {
                (true, _) => format!("none; for example `{value}`"),
                (false, true) => "see the sample".to_owned(),
                (false, false) => format!("`{value}`"),
            };
            let about = self.take_comment();
            self.text.push_str(&format!("| `{}` | {} | {about} |\n", key.trim(), value.replace('|', "\\|")));
        } else if line.is_empty() {
            self.comment.clear();
        }
    }

    fn take_comment(&mut self) -> String {
        std::mem::take(&mut self.comment).join(" ").replace('|', "\\|")
    }
}

#[test]
fn the_reference_is_that_of_the_sample() {
    let sample = include_str!("../../parameters.sample.toml");
    let mut page = Page { text: format!("{HEAD}\n| key | default | |\n|---|---|---|\n"), ..Page::default() };
    // Its first lines are about the file itself.
    sample.lines().skip_while(|line| !line.is_empty()).for_each(|line| page.line(line));
    for key in ["`data_dir`", "`bind`", "`bearer_token_file`", "`daily_usd`", "`group`"] {
        assert!(page.text.contains(key), "{key}");
    }
    golden::check("docs/configuration.md", &page.text);
}
