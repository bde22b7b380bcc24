//! The picture mirrored and turned, for searches that ask for it, and for images whose EXIF data says
//! so. What is computed of an image is computed of small pictures, so turning these is as good as turning
//! the image.

use crate::domain::images::Variant;

/// How a picture is turned; the numbers are those of EXIF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Orientation {
    /// Left and right exchanged.
    Mirrored = 2,
    UpsideDown = 3,
    /// Top and bottom exchanged.
    Flipped = 4,
    /// Rows become columns.
    Transposed = 5,
    /// By a quarter, clockwise.
    TurnedRight = 6,
    /// Rows become columns, from the other ends.
    Transversed = 7,
    /// By a quarter, counterclockwise.
    TurnedLeft = 8,
}

/// The forms of a picture that are searched on demand.
pub(super) const TURNS: [Orientation; 4] =
    [Orientation::Mirrored, Orientation::TurnedRight, Orientation::UpsideDown, Orientation::TurnedLeft];

impl Orientation {
    /// How an image with this number in its EXIF data is turned for showing; none where it is upright, or
    /// where the number says nothing.
    pub(super) fn from_exif(number: u16) -> Option<Orientation> {
        Some(match number {
            2 => Orientation::Mirrored,
            3 => Orientation::UpsideDown,
            4 => Orientation::Flipped,
            5 => Orientation::Transposed,
            6 => Orientation::TurnedRight,
            7 => Orientation::Transversed,
            8 => Orientation::TurnedLeft,
            _ => return None,
        })
    }

    /// As it is called in answers. What is mirrored and turned by EXIF data, which hardly any program
    /// writes, has no name of its own there.
    pub(super) fn variant(self) -> Variant {
        match self {
            Orientation::TurnedRight => Variant::TurnedRight,
            Orientation::UpsideDown => Variant::UpsideDown,
            Orientation::TurnedLeft => Variant::TurnedLeft,
            Orientation::Mirrored
            | Orientation::Flipped
            | Orientation::Transposed
            | Orientation::Transversed => Variant::Mirrored,
        }
    }
}

/// A square picture, turned like this.
pub(super) fn turned<T: Copy, const N: usize>(rows: &[[T; N]], turn: Orientation) -> Vec<[T; N]> {
    let end = N - 1;
    let pixel = |x: usize, y: usize| match turn {
        Orientation::Mirrored => rows[y][end - x],
        Orientation::UpsideDown => rows[end - y][end - x],
        Orientation::Flipped => rows[end - y][x],
        Orientation::Transposed => rows[x][y],
        Orientation::TurnedRight => rows[end - x][y],
        Orientation::Transversed => rows[end - x][end - y],
        Orientation::TurnedLeft => rows[x][end - y],
    };
    (0..N).map(|y| std::array::from_fn(|x| pixel(x, y))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_as_they_are_called() {
        let rows = [[1, 2], [3, 4]];
        let check = |turn, expect: [[u8; 2]; 2]| assert_eq!(turned(&rows, turn), expect, "{turn:?}");
        check(Orientation::Mirrored, [[2, 1], [4, 3]]);
        check(Orientation::TurnedRight, [[3, 1], [4, 2]]);
        check(Orientation::UpsideDown, [[4, 3], [2, 1]]);
        check(Orientation::TurnedLeft, [[2, 4], [1, 3]]);
        check(Orientation::Flipped, [[3, 4], [1, 2]]);
        check(Orientation::Transposed, [[1, 3], [2, 4]]);
        check(Orientation::Transversed, [[4, 2], [3, 1]]);
    }
}
