//! `aotf db add`: notes single posts, which the daemon looks up and indexes with those that are tried again.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use crate::base::counted;
use crate::base::ids::{Network, PostKey};
use crate::config::text_file;
use crate::sites::{self, Kind};
use crate::store::state::StateFile;

#[derive(Debug, Args)]
pub struct AddArgs {
    /// Posts of X, by address or number
    #[arg(required_unless_present = "file")]
    posts: Vec<String>,
    /// A file (- for standard input) that names one on each line; what follows a # is a comment
    #[arg(long)]
    file: Option<PathBuf>,
}

/// A list of posts in bytes at most: some hundred thousand of them.
const MAX_LIST_BYTES: u64 = 16 * 1024 * 1024;

/// Notes all of them or, if one of them is none, nothing.
pub fn run(args: &AddArgs, state: &Path, out: &mut impl Write) -> anyhow::Result<()> {
    let listed = match &args.file {
        Some(file) => text_file::read_or_stdin(file, MAX_LIST_BYTES)
            .with_context(|| format!("could not read the list of posts {}", file.display()))?,
        None => String::new(),
    };
    let lines = listed.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let named = args.posts.iter().map(|post| post.trim()).chain(lines).filter(|name| !name.is_empty());
    let posts: Vec<PostKey> = named.map(post_named).collect::<anyhow::Result<_>>()?;
    let new = StateFile::open(state)?.want_posts(&posts)?;
    let known = posts.len() - new;
    writeln!(out, "{} noted, {known} were already.", counted(new, "post"))?;
    writeln!(
        out,
        "While the daemon runs, it looks for noted posts every ten minutes, and reads and indexes them."
    )?;
    Ok(())
}

fn post_named(text: &str) -> anyhow::Result<PostKey> {
    const MAX_DIGITS: usize = 19;
    if (1..=MAX_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(PostKey::new(Network::Twitter, text));
    }
    let found = sites::identify(text);
    match (found.site, found.kind, found.id) {
        (Some("twitter"), Kind::Post, Some(id)) => Ok(PostKey::new(Network::Twitter, id)),
        (Some(site), Kind::Post, _) => bail!(
            "{text}: single posts are read from X alone; of {site}, scan the account (`aotf scan NAME`): it costs nothing there"
        ),
        _ => bail!(
            "{text:?} is no post: give its address, such as https://x.com/NAME/status/NUMBER, or its number"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posts_are_named_by_address_or_number() {
        let id = |text: &str| post_named(text).map(|post| post.native).map_err(|error| error.to_string());
        for text in [
            "20",
            "https://twitter.com/jack/status/20",
            "x.com/i/web/status/20",
            "https://x.com/a/status/20/photo/1",
        ] {
            assert_eq!(id(text).as_deref(), Ok("20"), "{text}");
        }
        assert!(id("https://bsky.app/profile/a.example/post/3k").unwrap_err().contains("aotf scan"));
        for text in ["jack", "https://x.com/jack", "99999999999999999999", "https://example.com/1", "-1", ""]
        {
            assert!(id(text).unwrap_err().contains("is no post"), "{text}");
        }
    }

    #[test]
    fn a_list_with_an_odd_line_notes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (state, file) = (dir.path().join("state.db"), dir.path().join("posts.txt"));
        let args = AddArgs { posts: vec!["5".to_owned()], file: Some(file.clone()) };
        let run = || {
            let mut out = Vec::new();
            run(&args, &state, &mut out).map(|()| String::from_utf8(out).unwrap())
        };
        assert!(run().unwrap_err().to_string().contains("posts.txt"));
        std::fs::write(&file, "6 # six\nnonsense\n").unwrap();
        assert!(run().unwrap_err().to_string().contains("nonsense"));
        assert!(!state.exists());
        std::fs::write(&file, "# mine\n\n6 # six\nhttps://x.com/a/status/7\n").unwrap();
        assert!(run().unwrap().starts_with("3 posts noted, 0 were already."));
        assert!(run().unwrap().starts_with("0 posts noted, 3 were already."));
        assert_eq!(StateFile::open(&state).unwrap().count_wanted().unwrap(), (3, 0));
    }
}
