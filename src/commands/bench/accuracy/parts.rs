//! How many artworks are found by their parts, after each alteration, in the post and in the query; what the
//! search says of them; and what it finds that it should not.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::Path;

use aotf_parts::{Candidate, n_keypoints};
use image::RgbImage;
use serde::Serialize;

use super::alter::{fit, flat, jpeg};
use super::artworks::{Artwork, BenchAccuracyError, WIDE_RADIUS, keep_file, search};
use super::cores::on_all_cores;
use super::parted::{PARTINGS, Parting, is_in_collage};
use crate::domain::images::{ImageFacts, MatchClass};
use crate::domain::parts::Parts;
use crate::fingerprint::decode::Limits;
use crate::fingerprint::parts::{QueryParts, class_of};
use crate::fingerprint::{QueryImage, analyze_with_parts, query_variants};

/// The longer side of a post's image, and of a query's, at most.
const SIDES: [u32; 2] = [680, 1200];
/// Qualities of their JPEGs.
const QUALITIES: [i32; 2] = [85, 90];
/// An image with fewer keypoints shows too little for features.
const FEW_KEYPOINTS: usize = 12;
/// Artworks that are told by name, of those that are missed.
const MOST_MISSED: usize = 12;
/// Alterations that are the same app's work on both sides: as many queries meet the same frame or letters.
const SAME_APP: [&str; 4] = [
    "screenshot, dark, full width",
    "screenshot, light, 80 %",
    "screenshot, dark, 60 %",
    "watermark all over",
];

/// Which side of a search was altered.
const SIDE_NAMES: [&str; 2] = ["post", "query"];

/// How many were found, and how many were looked for.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Count {
    pub found: usize,
    pub of: usize,
}

impl Count {
    fn add(&mut self, found: bool) {
        self.found += usize::from(found);
        self.of += 1;
    }

    pub fn percent(self) -> f64 {
        if self.of == 0 { 100.0 } else { 100.0 * self.found as f64 / self.of as f64 }
    }
}

/// What was measured of one alteration; the first of each pair is of the post, the second of the query.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PartRow {
    pub name: &'static str,
    /// Counts for the mean: mirrored and inverted queries are told beside it.
    pub counts: bool,
    /// Counts the half of the artworks that the thresholds were chosen by.
    pub chosen_by: [Count; 2],
    /// Of the other half.
    pub held_out: [Count; 2],
    /// Told to be the same picture inside another, of all.
    pub inside: [Count; 2],
    /// Found by the fingerprint of the whole, within 10 bits, of all.
    pub whole: [Count; 2],
    /// Found by either, of all.
    pub either: [Count; 2],
}

/// Pairs of different artworks.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Pairs {
    pub compared: usize,
    /// Keypoints of which three, or four, agree by chance.
    pub three_agree: usize,
    pub four_agree: usize,
    pub part_in_common: usize,
    pub inside_another: usize,
    /// The same, where all that they share correlates by 0.9 at least.
    pub inside_and_correlated: usize,
    /// Found over a whole database.
    pub strictly: usize,
}

impl Pairs {
    fn add(&mut self, candidate: Option<&Candidate>) {
        self.compared += 1;
        let Some(candidate) = candidate else { return };
        self.three_agree += usize::from(candidate.keypoints >= 3);
        self.four_agree += usize::from(candidate.keypoints >= 4);
        let class = candidate.shared().map(class_of);
        let is_inside = class == Some(MatchClass::InsideAnother);
        self.part_in_common += usize::from(class == Some(MatchClass::PartInCommon));
        self.inside_another += usize::from(is_inside);
        self.inside_and_correlated += usize::from(is_inside && candidate.overlay.whole >= 0.9);
        self.strictly += usize::from(candidate.shared_for_sure().is_some());
    }
}

/// What was measured.
#[derive(Debug, Default, Serialize)]
pub struct PartsMeasured {
    pub rows: Vec<PartRow>,
    /// Mean over the alterations that count, over both sides and all artworks: with enough keypoints.
    pub with_keypoints: Count,
    pub few_keypoints: usize,
    pub strictly: Count,
    pub by_kind: BTreeMap<&'static str, Count>,
    pub other_artists: Pairs,
    pub same_artist: Pairs,
    pub same_group: Pairs,
    /// Both sides altered by the same app, different artists; and how many true pairs are found then.
    pub same_app: Pairs,
    pub same_app_found: Count,
    /// Artworks that are missed most often: file, misses, keypoints of the plain post.
    pub missed: Vec<(String, usize, usize)>,
    /// Posts, and the bytes of their features: of all, and of one at most.
    pub images: usize,
    pub bytes: usize,
    pub most_bytes: usize,
}

/// Whose an artwork is, as its family in the manifest says, and what kind of art.
fn artist_and_kind(family: &str) -> (&str, &'static str) {
    match family.split(':').next().unwrap_or_default() {
        "wesnoth" | "bmr" | "gse" => ("wesnoth", "portraits"),
        "renpy" => ("renpy", "cartoons"),
        "noto" => ("noto", "emoji"),
        "kde" => ("kde", "wallpapers"),
        "sketch" => ("sketch", "line art"),
        artist @ ("arthur" | "potter") => (artist, "book illustrations"),
        artist @ "shattered-pixel-dungeon" => (artist, "pixel art"),
        artist => (artist, "paintings"),
    }
}

/// One altered picture on either side of a search.
struct Made {
    /// As a post.
    stored: ImageFacts,
    /// As a query.
    whole: QueryImage,
    parts: QueryParts,
}

/// One alteration at a time: what a query needs takes a megabyte.
///
/// # Errors
/// When a picture cannot be made or read back.
pub fn measure(artworks: &[Artwork], keep: Option<&Path>) -> Result<PartsMeasured, BenchAccuracyError> {
    let pictures: Vec<RgbImage> = artworks.iter().map(|artwork| flat(&artwork.pixels, 255)).collect();
    let make_all = |alteration: &Parting| -> Result<Vec<Made>, BenchAccuracyError> {
        on_all_cores(artworks.len(), |at| {
            make(&artworks[at], (alteration.make)(&pictures, at), alteration, keep)
        })
        .into_iter()
        .collect()
    };
    // What is not altered is the plain picture.
    let plain = make_all(&PARTINGS[0])?;
    let keypoints: Vec<usize> = plain.iter().map(|one| n_keypoints(&one.parts_of_post().0)).collect();
    let mut measured = PartsMeasured {
        few_keypoints: keypoints.iter().filter(|&&n| n < FEW_KEYPOINTS).count(),
        ..PartsMeasured::default()
    };
    let mut misses = vec![0; artworks.len()];
    for alteration in &PARTINGS {
        let altered = make_all(alteration)?;
        let mut row =
            PartRow { name: alteration.name, counts: alteration.is_plain_query, ..PartRow::default() };
        for (side, queries, posts) in [(0, &plain, &altered), (1, &altered, &plain)] {
            for (artwork, candidates) in search_all(queries, posts).iter().enumerate() {
                for other in (0..artworks.len()).filter(|&other| other != artwork) {
                    let (collage, inner) = if side == 0 { (other, artwork) } else { (artwork, other) };
                    if !is_pasted(artworks, alteration, collage, inner) {
                        let candidate = candidates.iter().find(|one| one.index == other);
                        measured.pairs_of(&artworks[artwork], &artworks[other]).add(candidate);
                    }
                }
                let candidate = candidates.iter().find(|one| one.index == artwork);
                let class = candidate.and_then(Candidate::shared).map(class_of);
                let (query, post) = (&queries[artwork].whole, &posts[artwork].stored);
                let whole = search(query, post).is_some_and(|(distance, ..)| distance <= WIDE_RADIUS);
                row.add(side, is_chosen_by(&artworks[artwork]), class, whole);
                if row.counts {
                    misses[artwork] += usize::from(class.is_none());
                    measured.strictly.add(candidate.is_some_and(|one| one.shared_for_sure().is_some()));
                    let (_, kind) = artist_and_kind(&artworks[artwork].family);
                    measured.by_kind.entry(kind).or_default().add(class.is_some());
                    if keypoints[artwork] >= FEW_KEYPOINTS {
                        measured.with_keypoints.add(class.is_some());
                    }
                }
            }
        }
        if SAME_APP.contains(&alteration.name) {
            measured.add_same_app(artworks, &search_all(&altered, &altered));
        }
        measured.add_bytes(&altered);
        measured.rows.push(row);
    }
    let mut order: Vec<usize> = (0..artworks.len()).filter(|&at| misses[at] > 0).collect();
    order.sort_by_key(|&at| (Reverse(misses[at]), at));
    order.truncate(MOST_MISSED);
    measured.missed =
        order.into_iter().map(|at| (artworks[at].file.clone(), misses[at], keypoints[at])).collect();
    Ok(measured)
}

/// Searches each among all posts.
fn search_all(queries: &[Made], posts: &[Made]) -> Vec<Vec<Candidate>> {
    let posts: Vec<Parts> = posts.iter().map(Made::parts_of_post).collect();
    on_all_cores(queries.len(), |at| queries[at].parts.candidates(&posts))
}

impl Made {
    fn parts_of_post(&self) -> Parts {
        self.stored.parts.clone().unwrap_or_default()
    }
}

impl PartRow {
    fn add(&mut self, side: usize, is_chosen_by: bool, class: Option<MatchClass>, whole: bool) {
        let half = if is_chosen_by { &mut self.chosen_by } else { &mut self.held_out };
        half[side].add(class.is_some());
        self.inside[side].add(class == Some(MatchClass::InsideAnother));
        self.whole[side].add(whole);
        self.either[side].add(whole || class.is_some());
    }
}

impl PartsMeasured {
    fn pairs_of(&mut self, one: &Artwork, other: &Artwork) -> &mut Pairs {
        if one.group == other.group {
            &mut self.same_group
        } else if artist_and_kind(&one.family).0 == artist_and_kind(&other.family).0 {
            &mut self.same_artist
        } else {
            &mut self.other_artists
        }
    }

    /// The same frame, or the same letters, on both sides.
    fn add_same_app(&mut self, artworks: &[Artwork], searches: &[Vec<Candidate>]) {
        for (artwork, candidates) in searches.iter().enumerate() {
            let artist = artist_and_kind(&artworks[artwork].family).0;
            for (other, known) in artworks.iter().enumerate() {
                let candidate = candidates.iter().find(|one| one.index == other);
                if other == artwork {
                    self.same_app_found.add(candidate.and_then(Candidate::shared).map(class_of).is_some());
                } else if artist_and_kind(&known.family).0 != artist {
                    self.same_app.add(candidate);
                }
            }
        }
    }

    fn add_bytes(&mut self, made: &[Made]) {
        for parts in made.iter().filter_map(|one| one.stored.parts.as_ref()) {
            self.images += 1;
            self.bytes += parts.0.len();
            self.most_bytes = self.most_bytes.max(parts.0.len());
        }
    }
}

/// Whether the thresholds were chosen by it: groups of even numbers. Variants of one drawing are on one side.
fn is_chosen_by(artwork: &Artwork) -> bool {
    artwork.group.bytes().next_back().is_some_and(|digit| digit % 2 == 0)
}

/// Whether the collage of one artwork shows the other, or another one of its artist's.
fn is_pasted(artworks: &[Artwork], alteration: &Parting, collage: usize, other: usize) -> bool {
    let n_fields = match alteration.name {
        "collage of 2" => 2,
        "collage of 4" => 4,
        _ => return false,
    };
    let artist = |at: usize| artist_and_kind(&artworks[at].family).0;
    let shows = |at: usize| is_in_collage(artworks.len(), collage, n_fields, at);
    (0..artworks.len()).any(|at| shows(at) && artist(at) == artist(other))
}

fn make(
    artwork: &Artwork,
    picture: RgbImage,
    one: &Parting,
    keep: Option<&Path>,
) -> Result<Made, BenchAccuracyError> {
    let file = || artwork.file.clone();
    let limits = Limits::default();
    let bytes = |side: usize| {
        let quality = one.quality.unwrap_or(QUALITIES[side]);
        let alteration = || format!("{} of the {}", one.name, SIDE_NAMES[side]);
        let bytes = jpeg(&fit(&picture, SIDES[side]), quality)
            .map_err(|source| BenchAccuracyError::Alter { file: file(), alteration: alteration(), source })?;
        if let Some(folder) = keep {
            keep_file(folder, &format!("parts_{}/{}", SIDE_NAMES[side], one.name), artwork, &bytes)?;
        }
        Ok(bytes)
    };
    let unread =
        |source| BenchAccuracyError::Altered { file: file(), alteration: one.name.to_owned(), source };
    let (post, query) = (bytes(0)?, bytes(1)?);
    let whole = query_variants(&query, &limits).map_err(unread)?;
    let stored = analyze_with_parts(&post, &limits).map_err(unread)?;
    Ok(Made { stored, parts: QueryParts::of(&whole.picture), whole })
}

/// Each column's mean over the alterations that count.
fn means(measured: &PartsMeasured, column: impl Fn(&PartRow) -> Count) -> f64 {
    let rows = || measured.rows.iter().filter(|row| row.counts);
    rows().map(|row| column(row).percent()).sum::<f64>() / rows().count().max(1) as f64
}

/// The tables, in Markdown.
pub fn markdown(measured: &PartsMeasured) -> String {
    use std::fmt::Write as _;
    let mut text =
        "| altered: post / query | held out | chosen by | same picture | whole, 10 bits | either |\n\
                    |---|---:|---:|---:|---:|---:|\n"
            .to_owned();
    let cell = |[post, query]: [f64; 2]| format!("{post:.1} / {query:.1}");
    let columns: [fn(&PartRow) -> [Count; 2]; 5] =
        [|row| row.held_out, |row| row.chosen_by, |row| row.inside, |row| row.whole, |row| row.either];
    for row in &measured.rows {
        let cells: Vec<String> = columns.iter().map(|column| cell(column(row).map(Count::percent))).collect();
        let _ = writeln!(text, "| {} | {} |", row.name, cells.join(" | "));
    }
    let cells: Vec<String> = columns
        .iter()
        .map(|column| cell([0, 1].map(|side| means(measured, |row| column(row)[side]))))
        .collect();
    let _ = writeln!(text, "| **mean of the thirty** | {} |", cells.join(" | "));
    let _ = writeln!(
        text,
        "\nWith at least {FEW_KEYPOINTS} keypoints: {:.2} % ({} artworks have fewer). By the stricter rule for whole \
         databases: {:.2} %.\nAn image's features take {} bytes in the mean, {} at most.",
        measured.with_keypoints.percent(),
        measured.few_keypoints,
        measured.strictly.percent(),
        measured.bytes / measured.images.max(1),
        measured.most_bytes,
    );
    text += "\n| kind | found, percent | searches |\n|---|---:|---:|\n";
    for (kind, count) in &measured.by_kind {
        let _ = writeln!(text, "| {kind} | {:.2} | {} |", count.percent(), count.of);
    }
    text += "\n| pairs of different artworks | compared | 3 keypoints agree | 4 agree | part in common | same picture \
             | and correlated by 0.9 | by the stricter rule |\n|---|---:|---:|---:|---:|---:|---:|---:|\n";
    for (name, pairs) in [
        ("other artists", &measured.other_artists),
        ("one artist, other groups", &measured.same_artist),
        ("one group: variants of a drawing, no error", &measured.same_group),
        ("other artists, the same app on both sides", &measured.same_app),
    ] {
        let Pairs {
            compared,
            three_agree,
            four_agree,
            part_in_common,
            inside_another,
            inside_and_correlated,
            strictly,
        } = pairs;
        let _ = writeln!(
            text,
            "| {name} | {compared} | {three_agree} | {four_agree} | {part_in_common} | {inside_another} | \
             {inside_and_correlated} | {strictly} |"
        );
    }
    let _ = writeln!(
        text,
        "\nThe same app on both sides: {:.2} % of the true pairs are found.\n",
        measured.same_app_found.percent()
    );
    text += "| missed most often | of 60 searches | keypoints |\n|---|---:|---:|\n";
    for (file, misses, keypoints) in &measured.missed {
        let _ = writeln!(text, "| {file} | {misses} | {keypoints} |");
    }
    text
}
