//! Whether matches of single features agree on one place: where one picture lies in the other.

use crate::features::{Keypoint, ratio_of};

/// A region of a picture: four corners, x and y in per mille of its width and height. Each corner of the
/// region in one picture shows what the same corner of the region in the other does.
pub type Corners = [[i16; 2]; 4];

/// Two keypoints that look alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match {
    pub stored: Keypoint,
    pub asked: Keypoint,
}

/// From the pixels of the stored picture to those of the query picture: `x' = a x + b y + c`,
/// `y' = d x + e y + f`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Map {
    pub x: [f32; 3],
    pub y: [f32; 3],
}

impl Map {
    pub fn of(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x[0] * x + self.x[1] * y + self.x[2], self.y[0] * x + self.y[1] * y + self.y[2])
    }

    /// By how much an area grows; negative where the picture is mirrored.
    pub fn growth(&self) -> f32 {
        self.x[0] * self.y[1] - self.x[1] * self.y[0]
    }

    fn inverse(&self) -> Map {
        let growth = self.growth();
        let (a, b, c, d) = (self.y[1] / growth, -self.x[1] / growth, -self.y[0] / growth, self.x[0] / growth);
        Map { x: [a, b, -(a * self.x[2] + b * self.y[2])], y: [c, d, -(c * self.x[2] + d * self.y[2])] }
    }

    /// The one that brings the first keypoint onto the second, of its size and turn.
    fn between(stored: &Keypoint, asked: &Keypoint) -> Map {
        let scale = ratio_of(i32::from(asked.size) - i32::from(stored.size));
        let (cosine, sine) = crate::describe::direction(asked.turn - stored.turn);
        let (a, b) = (cosine * scale, sine * scale);
        Map {
            x: [a, -b, asked.x - a * stored.x + b * stored.y],
            y: [b, a, asked.y - b * stored.x - a * stored.y],
        }
    }

    /// A turn, a growth and little else: not a picture pressed into a line.
    fn is_plausible(&self) -> bool {
        const MOST_GROWTH: f32 = 400.0;
        const MOST_PRESSED: f32 = 1.8;
        let growth = self.growth();
        let squares =
            self.x[0] * self.x[0] + self.x[1] * self.x[1] + self.y[0] * self.y[0] + self.y[1] * self.y[1];
        // The singular values' sum of squares over twice their product is 1 for a turn with a growth.
        growth > 1.0 / MOST_GROWTH
            && growth < MOST_GROWTH
            && squares / (2.0 * growth) < (MOST_PRESSED + 1.0 / MOST_PRESSED) / 2.0
    }
}

/// Most pixels of the query picture by which a keypoint may miss its place, for one hypothesis.
const COARSE: f32 = 12.0;
/// The same after the map was fitted to all that agree.
const FINE: f32 = 7.0;
/// Keypoints nearer to each other than so many pixels, in either picture, count once.
const APART: f32 = 5.0;
/// Sizes may differ by so many eighths of a doubling.
const SIZES: i32 = 5;
/// Turns may differ by so much.
const TURNS: f32 = 0.07;

/// A map on which keypoints agree.
#[derive(Clone, Debug, PartialEq)]
pub struct Agreement {
    pub map: Map,
    /// Counted apart from each other.
    pub keypoints: usize,
}

/// The map on which most matches agree; `None` where fewer than `least` do.
pub fn agreement(matches: &[Match], least: usize) -> Option<Agreement> {
    if matches.len() < least {
        return None;
    }
    let mut best: (usize, Vec<usize>) = (0, Vec::new());
    for hypothesis in matches {
        let map = Map::between(&hypothesis.stored, &hypothesis.asked);
        let steps = i32::from(hypothesis.asked.size) - i32::from(hypothesis.stored.size);
        let turn = hypothesis.asked.turn - hypothesis.stored.turn;
        let agrees = |other: &Match| {
            let other_steps = i32::from(other.asked.size) - i32::from(other.stored.size);
            let turned = other.asked.turn - other.stored.turn - turn;
            let turned = turned - turned.round();
            let (x, y) = map.of(other.stored.x, other.stored.y);
            let (dx, dy) = (x - other.asked.x, y - other.asked.y);
            // A turn that is off by a little is off by more the farther away.
            let (far_x, far_y) = (other.asked.x - hypothesis.asked.x, other.asked.y - hypothesis.asked.y);
            let reach = COARSE + 0.12 * (far_x * far_x + far_y * far_y).sqrt();
            (other_steps - steps).abs() <= SIZES
                && turned.abs() <= TURNS
                && dx * dx + dy * dy <= reach * reach
        };
        let agreeing: Vec<usize> =
            matches.iter().enumerate().filter(|(_, other)| agrees(other)).map(|(at, _)| at).collect();
        if agreeing.len() > best.0 {
            best = (agreeing.len(), agreeing);
        }
    }
    let mut chosen: Vec<&Match> = best.1.iter().map(|&at| &matches[at]).collect();
    if apart(&chosen) < least {
        return None;
    }
    let mut found = None;
    for _ in 0..3 {
        let Some(map) = fitted(&chosen) else { break };
        let near = |other: &&Match| {
            let (x, y) = map.of(other.stored.x, other.stored.y);
            let (dx, dy) = (x - other.asked.x, y - other.asked.y);
            dx * dx + dy * dy <= FINE * FINE
        };
        let steps = size_steps(&map);
        let fits = |other: &&Match| {
            let other_steps = i32::from(other.asked.size) - i32::from(other.stored.size);
            near(other) && (other_steps - steps).abs() <= SIZES
        };
        let fitting: Vec<&Match> = matches.iter().filter(fits).collect();
        let keypoints = apart(&fitting);
        if keypoints >= least && map.is_plausible() {
            found = Some(Agreement { map, keypoints });
        }
        if fitting.len() < 3 || fitting == chosen {
            break;
        }
        chosen = fitting;
    }
    found
}

/// The growth of a map as a difference of sizes.
fn size_steps(map: &Map) -> i32 {
    let length = map.growth().abs().sqrt();
    (-80..=80).find(|&steps| ratio_of(steps) >= length).unwrap_or(80)
}

/// How many of them are apart from each other in both pictures.
fn apart(matches: &[&Match]) -> usize {
    let mut counted: Vec<&Match> = Vec::new();
    let is_near =
        |a: &Keypoint, b: &Keypoint| (a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y) < APART * APART;
    for one in matches {
        if counted
            .iter()
            .all(|other| !is_near(&one.stored, &other.stored) && !is_near(&one.asked, &other.asked))
        {
            counted.push(one);
        }
    }
    counted.len()
}

/// The affine map with the least squares of errors; a turn with a growth where there are few.
fn fitted(matches: &[&Match]) -> Option<Map> {
    const FEW: usize = 6;
    let n = matches.len() as f64;
    if matches.len() < 2 {
        return None;
    }
    let mean = |of: fn(&Match) -> f32| matches.iter().map(|one| f64::from(of(one))).sum::<f64>() / n;
    let (mx, my) = (mean(|one| one.stored.x), mean(|one| one.stored.y));
    let (nx, ny) = (mean(|one| one.asked.x), mean(|one| one.asked.y));
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    let (mut xu, mut yu, mut xv, mut yv) = (0.0, 0.0, 0.0, 0.0);
    for one in matches {
        let (x, y) = (f64::from(one.stored.x) - mx, f64::from(one.stored.y) - my);
        let (u, v) = (f64::from(one.asked.x) - nx, f64::from(one.asked.y) - ny);
        xx += x * x;
        xy += x * y;
        yy += y * y;
        xu += x * u;
        yu += y * u;
        xv += x * v;
        yv += y * v;
    }
    let determinant = xx * yy - xy * xy;
    let is_line = determinant < 0.02 * (xx + yy) * (xx + yy);
    let (a, b, c, d) = if matches.len() < FEW || is_line {
        let sum = xx + yy;
        if sum <= 0.0 {
            return None;
        }
        let (along, across) = ((xu + yv) / sum, (xv - yu) / sum);
        (along, -across, across, along)
    } else {
        (
            (xu * yy - yu * xy) / determinant,
            (yu * xx - xu * xy) / determinant,
            (xv * yy - yv * xy) / determinant,
            (yv * xx - xv * xy) / determinant,
        )
    };
    Some(Map {
        x: [a as f32, b as f32, (nx - a * mx - b * my) as f32],
        y: [c as f32, d as f32, (ny - c * mx - d * my) as f32],
    })
}

/// The regions that two pictures share, in the query picture and in the stored one. That of which more is
/// shared is the one that lies in the other: its part is a rectangle of its own.
pub fn regions(stored_size: Place, query_size: Place, map: &Map) -> (Corners, Corners) {
    let back = map.inverse();
    let in_query = shared(stored_size, query_size, map);
    let in_stored = shared(query_size, stored_size, &back);
    let part =
        |[x0, y0, x1, y1]: [f32; 4], (width, height): (f32, f32)| (x1 - x0) * (y1 - y0) / (width * height);
    let corners = |[x0, y0, x1, y1]: [f32; 4]| [(x0, y0), (x1, y0), (x1, y1), (x0, y1)];
    let per_mille = |corners: [(f32, f32); 4], (width, height): (f32, f32)| {
        let one = |at: f32, length: f32| (at / length * 1000.0).clamp(0.0, 1000.0).round() as i16;
        corners.map(|(x, y)| [one(x, width), one(y, height)])
    };
    let (mut of_query, mut of_stored) = if part(in_stored, stored_size) >= part(in_query, query_size) {
        let corners = corners(in_stored);
        (corners.map(|(x, y)| map.of(x, y)), corners)
    } else {
        let corners = corners(in_query);
        (corners, corners.map(|(x, y)| back.of(x, y)))
    };
    // In the order in which the stored picture shows them: the query's may be turned against it.
    let first = (0..4).min_by(|&a, &b| {
        let from_top_left = |at: usize| of_stored[at].0 / stored_size.0 + of_stored[at].1 / stored_size.1;
        from_top_left(a).total_cmp(&from_top_left(b))
    });
    of_query.rotate_left(first.unwrap_or(0));
    of_stored.rotate_left(first.unwrap_or(0));
    (per_mille(of_query, query_size), per_mille(of_stored, stored_size))
}

/// x and y, or width and height, in pixels.
type Place = (f32, f32);

/// The smallest rectangle of a picture of size `size` that holds all that another of size `other` shows of
/// it. `map`: from the other picture to this one.
fn shared(other: Place, size: Place, map: &Map) -> [f32; 4] {
    let corners = [(0.0, 0.0), (other.0, 0.0), other, (0.0, other.1)];
    let mut outline: Vec<Place> = corners.iter().map(|&(x, y)| map.of(x, y)).collect();
    // Cut off at each border in turn, after I. Sutherland and G. Hodgman, "Reentrant polygon clipping"
    // (1974).
    let inside: [fn(Place, Place) -> f32; 4] =
        [|(x, _), _| x, |(x, _), (width, _)| width - x, |(_, y), _| y, |(_, y), (_, height)| height - y];
    for depth in inside {
        let mut cut = Vec::with_capacity(outline.len() + 1);
        for (at, &from) in outline.iter().enumerate() {
            let to = outline[(at + 1) % outline.len()];
            let (a, b) = (depth(from, size), depth(to, size));
            if a >= 0.0 {
                cut.push(from);
            }
            if (a >= 0.0) != (b >= 0.0) {
                let part = a / (a - b);
                cut.push((from.0 + (to.0 - from.0) * part, from.1 + (to.1 - from.1) * part));
            }
        }
        outline = cut;
    }
    outline.iter().fold([size.0, size.1, 0.0, 0.0], |[x0, y0, x1, y1], &(x, y)| {
        [x0.min(x), y0.min(y), x1.max(x), y1.max(y)]
    })
}
