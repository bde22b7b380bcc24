//! The picture mirrored and turned, for searches that ask for it. What is computed of an image is
//! computed of small pictures, so turning these is as good as turning the image.

use super::analysis::VariantKind;

/// The forms of a picture that are searched on demand.
pub(super) const TURNS: [VariantKind; 4] =
    [VariantKind::Mirrored, VariantKind::TurnedRight, VariantKind::UpsideDown, VariantKind::TurnedLeft];

/// A square picture in this form; forms that are no turn leave it as it is.
pub(super) fn turned<T: Copy, const N: usize>(rows: &[[T; N]], form: VariantKind) -> Vec<[T; N]> {
    let end = N - 1;
    let pixel = |x: usize, y: usize| match form {
        VariantKind::Mirrored => rows[y][end - x],
        VariantKind::TurnedRight => rows[end - x][y],
        VariantKind::UpsideDown => rows[end - y][end - x],
        VariantKind::TurnedLeft => rows[x][end - y],
        VariantKind::AsIs | VariantKind::OnWhite | VariantKind::OnBlack | VariantKind::Trimmed => rows[y][x],
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
        check(VariantKind::Mirrored, [[2, 1], [4, 3]]);
        check(VariantKind::TurnedRight, [[3, 1], [4, 2]]);
        check(VariantKind::UpsideDown, [[4, 3], [2, 1]]);
        check(VariantKind::TurnedLeft, [[2, 4], [1, 3]]);
        check(VariantKind::AsIs, rows);
    }
}
