//! Tables of text.

use unicode_width::UnicodeWidthStr;

/// A last column that has less room than this stands below its row.
const NARROWEST: usize = 24;
/// How far in.
const INDENT: usize = 4;

/// Rows under a heading, columns as wide as their widest cell. Where that is more than `room`, the last column is
/// folded between words.
#[must_use]
pub fn text(heading: &[&str], rows: &[Vec<String>], room: Option<usize>) -> String {
    let heading: Vec<String> = heading.iter().map(|cell| (*cell).to_owned()).collect();
    let all = || std::iter::once(&heading).chain(rows);
    let width = |column: usize| all().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..heading.len()).map(width).collect();
    let before: usize = widths.iter().rev().skip(1).map(|width| width + 2).sum();
    let last = widths.last().copied().unwrap_or_default();
    let room = room.filter(|room| before + last > *room);
    all()
        .map(|row| {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.width())))
                .collect();
            match (room, row.split_last()) {
                (Some(room), Some((cell, _))) if before + cell.width() > room && row.len() == heading.len() => {
                    let beside = room.saturating_sub(before) >= NARROWEST;
                    let indent = if beside { before } else { INDENT };
                    let folded = fold(cell, room.saturating_sub(indent));
                    let gap = format!("\n{}", " ".repeat(indent));
                    let first = cells[..cells.len() - 1].join("  ");
                    if beside {
                        format!("{first}  {}\n", folded.join(&gap))
                    } else {
                        format!("{}{gap}{}\n", first.trim_end(), folded.join(&gap))
                    }
                }
                _ => format!("{}\n", cells.join("  ").trim_end()),
            }
        })
        .collect()
}

/// A text in lines of `room` columns; a word that is longer has a line for itself.
fn fold(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["api".to_owned(), "up".to_owned()], vec!["größe".to_owned(), String::new()]];
        assert_eq!(text(&["NAME", "STATE"], &rows, None), "NAME   STATE\napi    up\ngröße\n");
        assert_eq!(text(&["NAME", "STATE"], &rows, Some(12)), "NAME   STATE\napi    up\ngröße\n");
    }

    #[test]
    fn what_has_no_room_is_folded_between_words() {
        let row = |name: &str, what: &str| vec![name.to_owned(), what.to_owned()];
        let rows = [row("api", "build ok 53 ms, lint FAILED 1.2 s, in sync"), row("web", "")];
        assert_eq!(
            text(&["NAME", ""], &rows, Some(34)),
            "NAME\napi   build ok 53 ms, lint FAILED\n      1.2 s, in sync\nweb\n"
        );
        assert_eq!(
            text(&["NAME", ""], &rows, Some(28)),
            "NAME\napi\n    build ok 53 ms, lint\n    FAILED 1.2 s, in sync\nweb\n"
        );
    }
}
