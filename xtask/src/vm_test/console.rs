//! A guest's console, cut at the markers of `init.sh`. Pure: lines in, sections out.

/// What a marker line begins with.
pub(super) const MARK: &str = "@@ebbtide";

/// What was printed between `begin NAME` and `end NAME CODE`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) lines: Vec<String>,
    /// Error output that the guest kept apart.
    pub(super) errors: Vec<String>,
    /// The command's exit code; `None` = it never came to its end.
    pub(super) code: Option<i32>,
}

/// A whole console.
#[derive(Debug, Default)]
pub(super) struct Console {
    pub(super) sections: Vec<Section>,
    /// Remarks of the guest and of the machine.
    pub(super) notes: Vec<String>,
    /// The guest came to its end by itself.
    pub(super) done: bool,
    /// What came before the first marker: the kernel's own last words, if it did not get far.
    pub(super) boot: Vec<String>,
}

/// Cuts a console. `errors` is a section inside another one.
pub(super) fn read(lines: &[String]) -> Console {
    let mut console = Console::default();
    let mut inside_errors = false;
    let mut open = false;
    for line in lines {
        let Some(marker) = line.strip_prefix(MARK) else {
            match console.sections.last_mut() {
                Some(section) if open && inside_errors => section.errors.push(line.clone()),
                Some(section) if open => section.lines.push(line.clone()),
                None => console.boot.push(line.clone()),
                Some(_) => {}
            }
            continue;
        };
        let (word, rest) = marker.trim().split_once(' ').unwrap_or((marker.trim(), ""));
        match (word, rest) {
            ("begin", "errors") => inside_errors = true,
            ("end", "errors 0") => inside_errors = false,
            ("begin", name) => {
                let name = name.to_owned();
                let (lines, errors) = (Vec::new(), Vec::new());
                console.sections.push(Section { name, lines, errors, code: None });
                open = true;
            }
            ("end", rest) => {
                let code = rest.rsplit(' ').next().and_then(|code| code.parse().ok());
                if let Some(section) = console.sections.last_mut() {
                    section.code = code;
                }
                (open, inside_errors) = (false, false);
            }
            ("done", _) => console.done = true,
            (_, note) => console.notes.push(note.to_owned()),
        }
    }
    console
}

impl Console {
    /// The section of this name.
    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn sections_keep_output_and_errors_apart() {
        let console = read(&lines(
            "Linux\n@@ebbtide begin a\none\n@@ebbtide begin errors\nbad\n@@ebbtide end errors 0\n\
             two\n@@ebbtide end a 101\nlost\n@@ebbtide note slow\n@@ebbtide done",
        ));
        assert_eq!(console.boot, ["Linux"]);
        let section = console.section("a").unwrap();
        assert_eq!((section.lines.join(" "), section.code), ("one two".to_owned(), Some(101)));
        assert_eq!(section.errors, ["bad"]);
        assert!(console.done && console.notes == ["slow"]);
    }

    #[test]
    fn a_console_that_breaks_off_has_no_code() {
        let console = read(&lines("@@ebbtide begin suite x\ntest a ... ok\n@@ebbtide late 120 s"));
        assert_eq!(console.section("suite x").unwrap().code, None);
        assert!(!console.done && console.notes == ["120 s"]);
        assert!(console.section("y").is_none());
    }
}
