//! Plain aligned text: a heading, then a line a row.

/// Lines of aligned columns, without blanks at their ends.
pub(crate) fn render(heading: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = heading.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let heading: Vec<String> = heading.iter().map(|cell| (*cell).to_owned()).collect();
    let mut text = String::new();
    for row in std::iter::once(&heading).chain(rows) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width - cell.chars().count() + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A duration for people: `0:07`, `1:02:03`.
pub(crate) fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["anna".to_owned(), "1".to_owned()], vec!["Jürgen-desk".to_owned(), String::new()]];
        assert_eq!(render(&["NAME", "CALLS"], &rows), "NAME         CALLS\nanna         1\nJürgen-desk\n");
        assert_eq!(render(&["NAME"], &[]), "NAME\n");
    }

    #[test]
    fn durations_read_like_a_clock() {
        assert_eq!([0, 7_999, 3_723_000].map(duration), ["0:00", "0:07", "1:02:03"]);
    }
}
