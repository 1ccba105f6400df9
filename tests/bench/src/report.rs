//! What was measured, beside the bars, as a table or one line of JSON.

use std::fmt::Write;

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bar {
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
    /// Only told.
    None,
}

#[derive(Debug)]
struct Row {
    key: &'static str,
    text: String,
    value: f64,
    bar: Bar,
}

/// All rows of a run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
    /// What makes a number doubtful or void.
    remarks: Vec<String>,
}

impl Report {
    /// Adds a value; it is told at once on standard error, for runs are long.
    pub(crate) fn add(&mut self, key: &'static str, text: impl Into<String>, value: f64, bar: Bar) {
        let row = Row { key, text: text.into(), value, bar };
        eprintln!("{}", row.line());
        self.rows.push(row);
    }

    /// Adds a remark; any makes the run fail.
    pub(crate) fn remark(&mut self, text: impl Into<String>) {
        let text = text.into();
        eprintln!("! {text}");
        self.remarks.push(text);
    }

    /// Whether every bar is met and nothing was remarked.
    pub(crate) fn is_good(&self) -> bool {
        self.remarks.is_empty() && self.rows.iter().all(|row| row.is_met() != Some(false))
    }

    /// The table.
    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(text, "{:<64} {:>10}   bar", "", "this build");
        for row in &self.rows {
            let _ = writeln!(text, "{}", row.line());
        }
        for remark in &self.remarks {
            let _ = writeln!(text, "! {remark}");
        }
        text
    }

    /// The same as one line of JSON.
    pub(crate) fn json(&self) -> String {
        let values: serde_json::Map<String, serde_json::Value> = self
            .rows
            .iter()
            .map(|row| {
                let bar = match row.bar {
                    Bar::AtMost(bar) | Bar::AtLeast(bar) => Some(bar),
                    Bar::None => None,
                };
                let value = serde_json::json!({ "value": row.value, "bar": bar, "met": row.is_met() });
                (row.key.to_owned(), value)
            })
            .collect();
        serde_json::json!({ "values": values, "remarks": self.remarks }).to_string()
    }
}

impl Row {
    fn is_met(&self) -> Option<bool> {
        match self.bar {
            Bar::AtMost(bar) => Some(self.value <= bar),
            Bar::AtLeast(bar) => Some(self.value >= bar),
            Bar::None => None,
        }
    }

    fn line(&self) -> String {
        let bar = match self.bar {
            Bar::AtMost(bar) => format!("≤ {bar}"),
            Bar::AtLeast(bar) => format!("≥ {bar}"),
            Bar::None => String::new(),
        };
        let verdict = match self.is_met() {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        };
        let digits = if self.value >= 100.0 {
            0
        } else if self.value >= 10.0 {
            1
        } else {
            3
        };
        let line = format!("{:<64} {:>10.digits$}   {bar:<8} {verdict}", self.text, self.value);
        line.trim_end().to_owned()
    }
}

/// The value that `share` (0–1) of `values` do not exceed, in milliseconds; 0 of none.
pub(crate) fn percentile_ms(values: &mut [u64], share: f64) -> f64 {
    values.sort_unstable();
    let last = values.len().saturating_sub(1);
    let index = (last as f64 * share).round() as usize;
    values.get(index).map_or(0.0, |value| *value as f64 / 1e6)
}
