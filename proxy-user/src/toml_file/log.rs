//! Collects mistakes and warnings while a file is read.

use std::path::Path;
use std::sync::Arc;

use super::mistake::{Mistake, Mistakes};

/// Collects mistakes and warnings while a file is read.
pub(super) struct Log {
    file: Arc<Path>,
    /// Offset of every line feed, to find the line of an offset without counting from the start.
    line_feeds: Vec<usize>,
    mistakes: Vec<Mistake>,
    warnings: Vec<Mistake>,
}

impl Log {
    pub(super) fn new(text: &str, file: &Path) -> Self {
        let line_feeds = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self {
            file: file.into(),
            line_feeds: line_feeds.map(|(offset, _)| offset).collect(),
            mistakes: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The line, counted from 1, of a byte offset.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.line_feeds.partition_point(|feed| *feed < offset) + 1
    }

    pub(super) fn mistake(&mut self, line: usize, message: String) {
        self.mistakes.push(Mistake { file: self.file.clone(), line: Some(line), message });
    }

    /// Of a file that this one names.
    pub(super) fn mistake_in(&mut self, file: &Path, line: usize, message: String) {
        self.mistakes.push(Mistake { file: file.into(), line: Some(line), message });
    }

    pub(super) fn warning(&mut self, line: usize, message: String) {
        self.warnings.push(Mistake { file: self.file.clone(), line: Some(line), message });
    }

    /// Records an error of the TOML parser, one per line: further errors on a broken line only follow from
    /// the first.
    pub(super) fn syntax(&mut self, error: &toml::de::Error) {
        let line = self.line(error.span().map_or(0, |span| span.start));
        if self.mistakes.iter().any(|mistake| mistake.line == Some(line)) {
            return;
        }
        let said = error.message();
        let fix = if said.contains("duplicate") {
            "write each key and each [table] once"
        } else {
            "write `key = value` with text in double quotes, such as grace = \"30s\""
        };
        self.mistake(
            line,
            format!("not TOML: {}; {fix}", said.lines().collect::<Vec<_>>().join(" ")),
        );
    }

    /// The mistakes, of which there must be at least one. Those of other files come last.
    pub(super) fn fail<T>(self) -> Result<T, Mistakes> {
        let Log { file, mut mistakes, .. } = self;
        mistakes.sort_by_key(|mistake| mistake.line);
        // Two apps may name the same file.
        let (here, others): (Vec<_>, Vec<_>) = mistakes.into_iter().partition(|it| it.file == file);
        let mut mistakes = here;
        for other in others {
            if !mistakes.contains(&other) {
                mistakes.push(other);
            }
        }
        Err(Mistakes::new(mistakes))
    }

    /// The result with its warnings in order of lines, or all mistakes.
    pub(super) fn finish<T>(mut self, read: T) -> Result<(T, Vec<Mistake>), Mistakes> {
        if !self.mistakes.is_empty() {
            return self.fail();
        }
        self.warnings.sort_by_key(|warning| warning.line);
        Ok((read, self.warnings))
    }
}
