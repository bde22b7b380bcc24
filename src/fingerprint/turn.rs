//! The picture mirrored and turned, for searches that ask for it. What is computed of an image is
//! computed of small pictures, so turning these is as good as turning the image.

use crate::domain::images::Variant;

/// The forms of a picture that are searched on demand.
pub(super) const TURNS: [Variant; 4] =
    [Variant::Mirrored, Variant::TurnedRight, Variant::UpsideDown, Variant::TurnedLeft];

/// A square picture in this form; forms that are no turn leave it as it is.
pub(super) fn turned<T: Copy, const N: usize>(rows: &[[T; N]], form: Variant) -> Vec<[T; N]> {
    let end = N - 1;
    let pixel = |x: usize, y: usize| match form {
        Variant::Mirrored => rows[y][end - x],
        Variant::TurnedRight => rows[end - x][y],
        Variant::UpsideDown => rows[end - y][end - x],
        Variant::TurnedLeft => rows[x][end - y],
        Variant::AsIs | Variant::OnWhite | Variant::OnBlack | Variant::Trimmed => rows[y][x],
    };
    (0..N).map(|y| std::array::from_fn(|x| pixel(x, y))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_as_they_are_called() {
        let rows = [[1, 2], [3, 4]];
        let check = |form, expect: [[u8; 2]; 2]| assert_eq!(turned(&rows, form), expect, "{form:?}");
        check(Variant::Mirrored, [[2, 1], [4, 3]]);
        check(Variant::TurnedRight, [[3, 1], [4, 2]]);
        check(Variant::UpsideDown, [[4, 3], [2, 1]]);
        check(Variant::TurnedLeft, [[2, 4], [1, 3]]);
        check(Variant::AsIs, rows);
    }
}
