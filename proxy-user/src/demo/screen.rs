//! Standard output: redrawn in place on a terminal, appended to elsewhere.
//!
//! The only file of the demo that writes to it.

use std::env::var_os;
use std::io::{self, IsTerminal, Write};
use std::mem::Discriminant;
use std::time::Duration;

use terminal_size::{Height, Width, terminal_size_of};

use super::table::{self, Header, Line, Outcome, Row};
use super::verdict::Verdict;

/// Columns if the terminal does not say, or if there is none.
const WIDTH: usize = 120;
/// Rows if the terminal does not say.
const HEIGHT: usize = 40;
/// Time between two whole tables when they are appended.
const TABLES: Duration = Duration::from_secs(10);

/// What the last appended line said: the row's name, session and kind of verdict.
type Said = (&'static str, Option<(u64, Discriminant<Verdict>)>);

/// Where the demo is shown.
#[derive(Debug)]
pub(super) struct Screen {
    terminal: bool,
    colour: bool,
    /// Lines of the last redraw, which the next one replaces.
    drawn: usize,
    said: Vec<Said>,
    next_table: Duration,
}

impl Screen {
    /// Standard output, whatever it is.
    pub(super) fn new() -> Screen {
        let dumb = var_os("TERM").is_none_or(|term| term == "dumb");
        let terminal = io::stdout().is_terminal() && !dumb;
        // https://no-color.org: "when present and not an empty string".
        let colour = terminal && var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Screen { terminal, colour, drawn: 0, said: Vec::new(), next_table: TABLES }
    }

    /// Prints the page's address first.
    pub(super) fn greet(&mut self, header: &Header) -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "Open {} in a browser.", header.page)?;
        if !self.terminal {
            self.append(&mut out, &table::head(header, Duration::ZERO, WIDTH))?;
        }
        out.flush()
    }

    /// Redraws the screen.
    pub(super) fn show(
        &mut self,
        header: &Header,
        rows: &[Row],
        elapsed: Duration,
    ) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if !self.terminal {
            self.tell(&mut out, rows, elapsed)?;
            return out.flush();
        }
        let (width, height) = size();
        // The line below the last one is also part of the screen, and what has scrolled off the top cannot
        // be replaced.
        let lines = table::picture(header, rows, elapsed, (width, height.saturating_sub(1)));
        self.erase(&mut out)?;
        for line in &lines {
            writeln!(out, "{}", table::render(line, width, self.colour))?;
        }
        self.drawn = lines.len();
        out.flush()
    }

    /// Prints the summary below the last redraw.
    pub(super) fn summary(&mut self, outcomes: &[Outcome], elapsed: Duration) -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out)?;
        self.append(&mut out, &table::summary(outcomes, elapsed))?;
        out.flush()
    }

    /// Appends changes, and the whole table from time to time.
    fn tell(&mut self, out: &mut impl Write, rows: &[Row], elapsed: Duration) -> io::Result<()> {
        let mut said = Vec::new();
        for row in rows {
            let session = row.session.as_ref();
            let now = (row.name, session.map(|s| (s.id, std::mem::discriminant(&s.verdict))));
            if !self.said.contains(&now) {
                self.append(out, &[table::news(row, elapsed)])?;
            }
            said.push(now);
        }
        self.said = said;
        if elapsed >= self.next_table {
            self.next_table = elapsed + TABLES;
            self.append(out, &table::table(rows))?;
        }
        Ok(())
    }

    fn append(&self, out: &mut impl Write, lines: &[Line]) -> io::Result<()> {
        for line in lines {
            writeln!(out, "{}", table::render(line, usize::MAX, self.colour).trim_end())?;
        }
        Ok(())
    }

    /// Moves to the start of the last redraw and erases everything below (ECMA-48: CUU, ED).
    fn erase(&self, out: &mut impl Write) -> io::Result<()> {
        match self.drawn {
            0 => Ok(()),
            lines => write!(out, "\x1b[{lines}A\r\x1b[J"),
        }
    }
}

/// Columns and rows.
fn size() -> (usize, usize) {
    match terminal_size_of(io::stdout()) {
        Some((Width(width), Height(height))) => (usize::from(width), usize::from(height)),
        None => (WIDTH, HEIGHT),
    }
}
