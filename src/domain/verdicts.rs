//! What people say of accounts and pictures: facts with who said it, when and why. They pass before every
//! rule of the program's own. Here is what a verdict is, which ones contradict each other, and what the
//! verdicts that hold for one page come to. Pure.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::Timestamp;
use crate::base::ids::{AccountKey, PostKey};
use crate::domain::pages::page_form;

/// The longest reason, in characters.
pub const MAX_WHY_CHARS: usize = 500;
/// The longest address of a page, in characters; as that of a query.
pub const MAX_PAGE_CHARS: usize = 256;
/// The longest name of whoever said it, in characters: that of an API key has fewer.
pub const MAX_WHO_CHARS: usize = 64;
/// The longest id of an account or a post, in bytes: all that hold for a page travel in one message.
pub const MAX_NATIVE_BYTES: usize = 256;
/// Verdicts about one page, and about one account everywhere: a page that needs more has another trouble.
pub const MAX_PER_PAGE: usize = 24;
/// Verdicts that count for one query at most. Of more, those that were said last.
pub const MAX_HOLDING: usize = 2 * MAX_PER_PAGE;
/// Bytes of the reasons, pages and names that travel with them; beyond it, a verdict goes without.
const MAX_TEXT_BYTES: usize = 8 * 1024;

/// Names a verdict: made of what it says and who says it, so that the same, said or imported twice, is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VerdictId(pub u64);

impl VerdictId {
    /// As it is shown: 16 hexadecimal digits.
    pub fn parse(text: &str) -> Option<VerdictId> {
        let is_id = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_id.then(|| u64::from_str_radix(text, 16).ok().map(VerdictId)).flatten()
    }
}

impl fmt::Display for VerdictId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Claim {
    /// This account is the artist's, or is not.
    Account { account: AccountKey, is_artists: bool },
    /// The picture of this post and that of the page are the same, or are not. Posts are named by their
    /// networks' own ids, which stay when a picture is read, numbered or fingerprinted anew.
    Picture {
        post: PostKey,
        /// The image of the post, from 1; `None` means each.
        image: Option<u8>,
        is_same: bool,
    },
}

impl Claim {
    /// The name of the kind: in the API, in files, and as commands.
    pub fn kind(&self) -> Kind {
        match self {
            Claim::Account { is_artists: false, .. } => Kind::NotArtist,
            Claim::Account { is_artists: true, .. } => Kind::Artist,
            Claim::Picture { is_same: false, .. } => Kind::Different,
            Claim::Picture { is_same: true, .. } => Kind::Same,
        }
    }

    fn native(&self) -> &str {
        match self {
            Claim::Account { account, .. } => &account.native,
            Claim::Picture { post, .. } => &post.native,
        }
    }

    /// Whether they cannot both be true, where both hold.
    fn contradicts(&self, other: &Claim) -> bool {
        match (self, other) {
            (
                Claim::Account { account, is_artists },
                Claim::Account { account: their_account, is_artists: theirs },
            ) => account == their_account && is_artists != theirs,
            (
                Claim::Picture { post, image, is_same },
                Claim::Picture { post: their_post, image: their_image, is_same: theirs },
            ) => {
                let overlap = image.is_none() || their_image.is_none() || image == their_image;
                post == their_post && is_same != theirs && overlap
            }
            _ => false,
        }
    }
}

/// The kinds of verdicts.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The account is not the artist's: of the page that is named, or of any.
    NotArtist,
    /// The account is the artist's of this page.
    Artist,
    /// The picture of the page and that of the post are not the same.
    Different,
    /// They are the same.
    Same,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::NotArtist, Kind::Artist, Kind::Different, Kind::Same];

    /// As in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::NotArtist => "not_artist",
            Kind::Artist => "artist",
            Kind::Different => "different",
            Kind::Same => "same",
        }
    }
}

/// What somebody said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    pub id: VerdictId,
    pub claim: Claim,
    /// What the account was called then, for people; empty where nobody knew.
    pub handle: String,
    /// For which page it holds, in the form of `pages::page_form`: the artwork's, or one of the artist's.
    /// `None`: for all, which only "not the artist's" can.
    pub page: Option<String>,
    /// The name of the API key, or `console`.
    pub who: String,
    pub at: Timestamp,
    /// In the words of whoever said it. May be empty.
    pub why: String,
}

impl Verdict {
    /// A verdict that can be kept.
    ///
    /// # Errors
    /// What is wrong and what to give, for people.
    pub fn new(
        claim: Claim,
        page: Option<&str>,
        who: &str,
        at: Timestamp,
        why: &str,
    ) -> Result<Verdict, String> {
        let page = page.map(str::trim).filter(|page| !page.is_empty());
        let page = page.map(page_named).transpose()?;
        match (&claim, &page) {
            (Claim::Account { is_artists: false, .. }, _) | (_, Some(_)) => {}
            (Claim::Account { is_artists: true, .. }, None) => {
                return Err(
                    "an account is the artist's for a page: give the address of the artwork's page, or \
                            of one of the artist's pages"
                        .to_owned(),
                );
            }
            (Claim::Picture { .. }, None) => {
                return Err("two pictures are compared: give the address of the artwork's page".to_owned());
            }
        }
        let native = claim.native();
        if native.is_empty() || native.len() > MAX_NATIVE_BYTES || has_control(native) {
            return Err(format!("an id has 1 to {MAX_NATIVE_BYTES} bytes, all of them visible"));
        }
        if let Claim::Picture { image: Some(0), .. } = claim {
            return Err("the images of a post are counted from 1".to_owned());
        }
        let who = checked_text("the name of whoever says it", who, MAX_WHO_CHARS)?;
        if who.is_empty() {
            return Err("the name of whoever says it is missing".to_owned());
        }
        let why = checked_text("the reason", why, MAX_WHY_CHARS)?;
        let id = id_of(&claim, page.as_deref(), &who);
        Ok(Verdict { id, claim, handle: String::new(), page, who, at, why })
    }

    /// Whether the two cannot both be true, where their pages are the same or one holds for all.
    pub fn contradicts(&self, other: &Verdict) -> bool {
        let share_a_page = self.page.is_none() || other.page.is_none() || self.page == other.page;
        share_a_page && self.claim.contradicts(&other.claim)
    }

    /// What its texts take in a message.
    pub fn len_bytes(&self) -> usize {
        self.claim.native().len() + self.text_bytes()
    }

    fn text_bytes(&self) -> usize {
        self.why.len() + self.who.len() + self.handle.len() + self.page.as_ref().map_or(0, String::len)
    }
}

/// What came of verdicts that were to be kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeptVerdicts {
    Kept {
        new: u32,
        /// Those that were said already, by the same person about the same page.
        known: u32,
        /// Those that contradict them.
        against: Vec<Verdict>,
    },
    /// None of them: about this page, or about this account everywhere, as much is said as may be.
    Full { about: String },
}

/// A page as people name it, in one form.
///
/// # Errors
/// What is wrong with it, for people.
pub fn page_named(text: &str) -> Result<String, String> {
    if text.chars().count() > MAX_PAGE_CHARS {
        return Err(format!("the address of the page is longer than {MAX_PAGE_CHARS} characters"));
    }
    let form = page_form(text).ok_or_else(|| {
        "this is not the address of a page: give all of it, beginning with https://".to_owned()
    })?;
    match form.chars().count() > MAX_PAGE_CHARS {
        true => Err(format!("the address of the page is longer than {MAX_PAGE_CHARS} characters")),
        false => Ok(form),
    }
}

fn checked_text(what: &str, text: &str, most: usize) -> Result<String, String> {
    let text = text.trim();
    let count = text.chars().count();
    if count > most {
        return Err(format!("{what} has {count} characters, and may have {most}"));
    }
    match has_control(text) {
        true => Err(format!("{what} has line ends or other control characters: write it on one line")),
        false => Ok(text.to_owned()),
    }
}

fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

fn id_of(claim: &Claim, page: Option<&str>, who: &str) -> VerdictId {
    let (network, native, image) = match claim {
        Claim::Account { account, .. } => (account.network, &account.native, None),
        Claim::Picture { post, image, .. } => (post.network, &post.native, *image),
    };
    let image = image.map_or_else(String::new, |image| image.to_string());
    // No part has a line end, so that no two are written the same.
    let text = [claim.kind().as_str(), network.as_str(), native, &image, page.unwrap_or_default(), who];
    let digest = ring::digest::digest(&ring::digest::SHA256, text.join("\n").as_bytes());
    let first = digest.as_ref().iter().take(8);
    VerdictId(first.fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// Those that count for one query, newest first, and as much of their texts as fits beside other things in a
/// message.
pub fn holding(mut verdicts: Vec<Verdict>) -> Vec<Verdict> {
    verdicts.sort_by_key(|verdict| (std::cmp::Reverse(verdict.at), verdict.id));
    verdicts.dedup_by_key(|verdict| verdict.id);
    verdicts.truncate(MAX_HOLDING);
    let mut bytes = 0;
    for verdict in &mut verdicts {
        bytes += verdict.text_bytes();
        if bytes > MAX_TEXT_BYTES {
            verdict.why.clear();
            verdict.who.clear();
            verdict.handle.clear();
        }
    }
    verdicts
}

/// What became of a verdict in an answer.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The account was added, or is believed for this reason.
    Added,
    /// The account, or the post, was left out.
    LeftOut,
    /// The post stands first.
    First,
    /// Others say the opposite: none of them acts.
    Conflict,
    /// It holds, and nothing came of it: the account cannot be read or is blocked, the post is not there.
    Nothing,
}

/// The verdicts that hold for one query, and which of them have acted.
#[derive(Clone, Debug, Default)]
pub struct Rulings {
    verdicts: Vec<Verdict>,
    /// Those that others contradict.
    conflicting: BTreeSet<VerdictId>,
    acted: BTreeSet<VerdictId>,
}

impl Rulings {
    /// What they say.
    pub fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.verdicts.iter().map(|verdict| &verdict.claim)
    }

    pub fn retain(&mut self, is_kept: impl Fn(&Claim) -> bool) {
        self.verdicts.retain(|verdict| is_kept(&verdict.claim));
    }

    /// These hold from now on. What has acted is told to the end, unless it was taken back since.
    pub fn learn(&mut self, verdicts: Vec<Verdict>) {
        self.conflicting.clear();
        // All of them hold for the page of this query, whichever of its pages they name.
        for (place, one) in verdicts.iter().enumerate() {
            for other in verdicts.iter().skip(place + 1).filter(|other| one.claim.contradicts(&other.claim)) {
                self.conflicting.extend([one.id, other.id]);
            }
        }
        self.acted.retain(|id| verdicts.iter().any(|verdict| verdict.id == *id));
        self.verdicts = verdicts;
    }

    fn acting(&self) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter().filter(|verdict| !self.conflicting.contains(&verdict.id))
    }

    /// The accounts that are the artist's by a person's word; each is told as added.
    pub fn artists(&mut self) -> Vec<Verdict> {
        let said = |verdict: &&Verdict| verdict.claim.kind() == Kind::Artist;
        let said: Vec<Verdict> = self.acting().filter(said).cloned().collect();
        self.acted.extend(said.iter().map(|verdict| verdict.id));
        said
    }

    /// Whether the account is not the artist's by a person's word; told as left out.
    pub fn leaves_out(&mut self, account: &AccountKey) -> bool {
        let says = |verdict: &&Verdict| {
            matches!(&verdict.claim,
            Claim::Account { account: said, is_artists: false } if said == account)
        };
        let ids: Vec<VerdictId> = self.acting().filter(says).map(|verdict| verdict.id).collect();
        self.acted.extend(&ids);
        !ids.is_empty()
    }

    /// Why the account was left out, as the end of a sentence.
    pub fn why_left_out(&self, account: &AccountKey) -> Option<String> {
        let says = |verdict: &&Verdict| {
            matches!(&verdict.claim,
            Claim::Account { account: said, is_artists: false } if said == account)
        };
        let verdict = self.acting().find(says)?;
        Some(format!("is not the artist's: {}", said(verdict)))
    }

    /// What people say of this image: `Some(true)` that it is the page's picture, `Some(false)` that it is
    /// not.
    pub fn of_image(&mut self, post: &PostKey, position: u8) -> Option<bool> {
        let mut answer = None;
        let mut ids = Vec::new();
        for verdict in self.acting() {
            if let Claim::Picture { post: said, image, is_same } = &verdict.claim
                && said == post
                && image.is_none_or(|image| image == position)
            {
                ids.push(verdict.id);
                answer = Some(*is_same);
            }
        }
        self.acted.extend(ids);
        answer
    }

    /// Posts whose pictures are the page's by a person's word.
    pub fn same_posts(&self) -> impl Iterator<Item = &PostKey> {
        self.acting().filter_map(|verdict| match &verdict.claim {
            Claim::Picture { post, is_same: true, .. } => Some(post),
            _ => None,
        })
    }

    /// The accounts that they are about.
    pub fn accounts(&self) -> impl Iterator<Item = &AccountKey> {
        self.verdicts.iter().filter_map(|verdict| match &verdict.claim {
            Claim::Account { account, .. } => Some(account),
            Claim::Picture { .. } => None,
        })
    }

    /// What is told of them in an answer: those that have acted, and those that contradict each other; of an
    /// answer that is over, also those of which nothing came, though something should have. `is_shown` tells
    /// whether an account is among those of the answer.
    pub fn told(&self, is_over: bool, is_shown: impl Fn(&AccountKey) -> bool) -> Vec<(&Verdict, Effect)> {
        let effect = |verdict: &Verdict| {
            if self.conflicting.contains(&verdict.id) {
                return Some(Effect::Conflict);
            }
            let has_acted = self.acted.contains(&verdict.id);
            match &verdict.claim {
                Claim::Account { account, is_artists: true } if is_over && !is_shown(account) => {
                    Some(Effect::Nothing)
                }
                Claim::Account { is_artists: true, .. } => has_acted.then_some(Effect::Added),
                Claim::Picture { is_same: true, .. } if has_acted => Some(Effect::First),
                Claim::Picture { is_same: true, .. } => is_over.then_some(Effect::Nothing),
                Claim::Account { is_artists: false, .. } | Claim::Picture { is_same: false, .. } => {
                    has_acted.then_some(Effect::LeftOut)
                }
            }
        };
        self.verdicts.iter().filter_map(|verdict| Some((verdict, effect(verdict)?))).collect()
    }
}

/// A verdict as a reason: `a person said so on 2026-11-30: a repost bot`.
pub fn said(verdict: &Verdict) -> String {
    let date = verdict.at.to_rfc3339();
    let day = date.get(..10).unwrap_or(&date);
    match verdict.why.as_str() {
        "" => format!("a person said so on {day}"),
        why => format!("a person said so on {day}: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::Network;

    const PAGE: &str = "https://a.example/art/1";

    fn account(is_artists: bool) -> Claim {
        Claim::Account { account: AccountKey::new(Network::Twitter, "12"), is_artists }
    }

    fn picture(image: Option<u8>, is_same: bool) -> Claim {
        Claim::Picture { post: PostKey::new(Network::Twitter, "34"), image, is_same }
    }

    fn verdict(claim: Claim, page: Option<&str>, who: &str) -> Verdict {
        Verdict::new(claim, page, who, Timestamp(1_790_000_000_000), "because").unwrap()
    }

    #[test]
    fn the_same_said_twice_is_one() {
        let one = verdict(account(true), Some(PAGE), "a");
        let again = Verdict::new(
            account(true),
            Some(" http://www.a.example/art/1/?utm_source=x "),
            "a",
            Timestamp(5),
            "other",
        );
        assert_eq!(one.id, again.unwrap().id);
        for other in [
            verdict(account(false), Some(PAGE), "a"),
            verdict(account(true), Some("https://a.example/art/2"), "a"),
            verdict(account(true), Some(PAGE), "b"),
            verdict(picture(None, true), Some(PAGE), "a"),
        ] {
            assert_ne!(one.id, other.id);
        }
        assert_ne!(
            verdict(picture(None, true), Some(PAGE), "a").id,
            verdict(picture(Some(1), true), Some(PAGE), "a").id
        );
        assert_eq!(VerdictId::parse(&one.id.to_string()), Some(one.id));
        for wrong in ["", "1", "+123456789abcdef", "zzzzzzzzzzzzzzzz", "00000000000000000"] {
            assert_eq!(VerdictId::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_kept_is_told() {
        let at = Timestamp(0);
        let check = |claim: Claim, page: Option<&str>, who: &str, why: &str, expect: &str| {
            let told = Verdict::new(claim, page, who, at, why).unwrap_err();
            assert!(told.contains(expect), "{told}");
        };
        check(account(true), None, "a", "", "for a page");
        check(account(true), Some("  "), "a", "", "for a page");
        check(picture(None, true), None, "a", "", "the artwork's page");
        check(account(false), Some("a.example"), "a", "", "https://");
        check(account(false), Some("ftp://a.example/"), "a", "", "https://");
        let long = format!("https://a.example/{}", "x".repeat(256));
        check(account(false), Some(&long), "a", "", "longer than 256");
        check(account(false), None, "", "", "is missing");
        check(account(false), None, "a", &"x".repeat(501), "501 characters");
        check(account(false), None, "a", "two\nlines", "one line");
        check(account(false), None, "a", "\u{1b}[2J", "control characters");
        check(picture(Some(0), true), Some(PAGE), "a", "", "from 1");
        for native in [String::new(), "x".repeat(257), "1\n2".to_owned()] {
            let claim =
                Claim::Account { account: AccountKey::new(Network::Mastodon, native), is_artists: false };
            check(claim, None, "a", "", "1 to 256 bytes");
        }
        let wide = Verdict::new(account(false), None, "a", at, &"\u{753b}".repeat(500));
        assert!(wide.is_ok(), "characters count, not bytes");
    }

    #[test]
    fn contradictions_need_one_subject_and_one_page() {
        let (yes, no) = (verdict(account(true), Some(PAGE), "a"), verdict(account(false), None, "b"));
        assert!(yes.contradicts(&no) && no.contradicts(&yes));
        assert!(yes.contradicts(&verdict(account(false), Some(PAGE), "b")));
        assert!(!yes.contradicts(&verdict(account(false), Some("https://a.example/art/2"), "b")));
        assert!(!yes.contradicts(&verdict(account(true), Some(PAGE), "b")));
        let same = |image, is_same| verdict(picture(image, is_same), Some(PAGE), "a");
        assert!(same(None, true).contradicts(&same(Some(2), false)));
        assert!(!same(Some(1), true).contradicts(&same(Some(2), false)));
        assert!(!same(None, true).contradicts(&yes));
    }

    #[test]
    fn contradictory_verdicts_are_told_and_do_nothing() {
        let post = PostKey::new(Network::Twitter, "34");
        let mut rulings = Rulings::default();
        let said = vec![
            verdict(account(true), Some("https://a.example/artist"), "a"),
            verdict(account(false), Some(PAGE), "b"),
            verdict(picture(None, true), Some(PAGE), "a"),
        ];
        rulings.learn(said.clone());
        assert_eq!(rulings.artists(), []);
        let known = AccountKey::new(Network::Twitter, "12");
        assert!(!rulings.leaves_out(&known));
        assert_eq!(rulings.of_image(&post, 3), Some(true));
        let told: Vec<Effect> = rulings.told(true, |_| true).into_iter().map(|(_, effect)| effect).collect();
        assert_eq!(told, [Effect::Conflict, Effect::Conflict, Effect::First]);
        // One of the two is taken back: the other acts.
        rulings.learn(vec![said[1].clone()]);
        assert!(rulings.leaves_out(&known));
        let reason = rulings.why_left_out(&known).unwrap();
        assert_eq!(reason, "is not the artist's: a person said so on 2026-09-21: because");
        let told: Vec<Effect> = rulings.told(true, |_| true).into_iter().map(|(_, effect)| effect).collect();
        assert_eq!(told, [Effect::LeftOut]);
    }

    #[test]
    fn what_holds_for_a_query_is_bounded() {
        let many = (0..200).map(|n| {
            let claim = Claim::Picture {
                post: PostKey::new(Network::Twitter, n.to_string()),
                image: None,
                is_same: false,
            };
            Verdict::new(claim, Some(PAGE), "a", Timestamp(n), &"\u{753b}".repeat(MAX_WHY_CHARS)).unwrap()
        });
        let held = holding(many.collect());
        assert_eq!(held.len(), MAX_HOLDING);
        assert_eq!(held[0].at, Timestamp(199), "the latest");
        assert!(!held[0].why.is_empty() && held[MAX_HOLDING - 1].why.is_empty());
        assert!(postcard::to_stdvec(&held).unwrap().len() < 16 * 1024);
    }
}
