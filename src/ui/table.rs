//! Tables of text.

use unicode_width::UnicodeWidthStr;

/// Rows under a heading, columns as wide as their widest cell.
#[must_use]
pub fn text(heading: &[&str], rows: &[Vec<String>]) -> String {
    let heading: Vec<String> = heading.iter().map(|cell| (*cell).to_owned()).collect();
    let all = || std::iter::once(&heading).chain(rows);
    let width = |column: usize| all().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..heading.len()).map(width).collect();
    all()
        .map(|row| {
            let cells =
                row.iter().zip(&widths).map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.width())));
            format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["api".to_owned(), "up".to_owned()], vec!["größe".to_owned(), String::new()]];
        assert_eq!(text(&["NAME", "STATE"], &rows), "NAME   STATE\napi    up\ngröße\n");
    }
}
