//! The name of an app, taken from the command that starts it. Pure.

use std::path::Path;

/// A program that runs the program named after its own options.
struct Launcher {
    name: &'static str,
    /// The subcommand that does so, if it takes one.
    subcommand: Option<&'static str>,
    /// Its options whose value is a word of its own.
    valued: &'static [&'static str],
}

const fn launcher(
    name: &'static str,
    subcommand: Option<&'static str>,
    valued: &'static [&'static str],
) -> Launcher {
    Launcher { name, subcommand, valued }
}

const LAUNCHERS: [Launcher; 17] = [
    launcher("env", None, &["-u", "--unset", "-C", "--chdir"]),
    launcher("exec", None, &["-a"]),
    launcher("nice", None, &["-n", "--adjustment"]),
    launcher("nohup", None, &[]),
    launcher("setsid", None, &[]),
    launcher("stdbuf", None, &["-i", "-o", "-e"]),
    launcher("uv", Some("run"), UV),
    launcher("uvx", None, UV),
    launcher("pipx", Some("run"), &["--spec", "--python", "--index-url", "-i"]),
    launcher("poetry", Some("run"), &["-C", "--directory", "-P", "--project"]),
    launcher("pipenv", Some("run"), &["--python"]),
    launcher("pdm", Some("run"), &["-p", "--project"]),
    launcher("hatch", Some("run"), &["-e", "--env"]),
    launcher("pixi", Some("run"), &["-e", "--environment", "--manifest-path"]),
    launcher("conda", Some("run"), CONDA),
    launcher("mamba", Some("run"), CONDA),
    launcher("npx", None, &["-p", "--package"]),
];

const UV: &[&str] = &[
    "-p",
    "--python",
    "--with",
    "--with-editable",
    "--with-requirements",
    "--from",
    "--extra",
    "--group",
    "--only-group",
    "--package",
    "--project",
    "--directory",
    "--env-file",
    "--index",
];

const CONDA: &[&str] = &["-n", "--name", "-p", "--prefix", "--cwd"];

const SHELLS: [&str; 5] = ["sh", "bash", "dash", "ash", "zsh"];

/// Interpreters other than Python, with their options whose value is a word of its own.
const INTERPRETERS: [(&str, &[&str]); 7] = [
    ("node", &["-r", "--require", "--import", "--env-file"]),
    ("bun", &[]),
    ("ruby", &["-r", "-I"]),
    ("perl", &["-I"]),
    ("php", &["-d", "-c"]),
    ("julia", &["-t", "--project"]),
    ("Rscript", &[]),
];

/// What a person would call the app that this command starts: its program, module or script, without the
/// interpreter and the launchers in front of it. `None` if the command does not tell.
pub(super) fn command_name(command: &[String]) -> Option<&str> {
    let mut words: Vec<&str> = command.iter().map(String::as_str).collect();
    loop {
        let (path, rest) = words.split_first()?;
        let program = file_name(path)?;
        if SHELLS.contains(&program) {
            match shell(rest)? {
                Shell::Script(script) => return stem(script),
                Shell::Line(line) => {
                    words = line.split_whitespace().skip_while(|word| is_variable(word)).collect();
                }
            }
        } else if is_python(program) {
            return python(rest).unwrap_or(Some(program));
        } else if let Some((_, valued)) = INTERPRETERS.iter().find(|(name, _)| *name == program) {
            // Without a script it reads its program from an option.
            let script = after_options(rest, valued).first().and_then(|script| stem(script));
            return script.or(Some(program));
        } else if let Some(launched) = launched(program, rest) {
            match launched {
                Launched::Program(rest) => words = rest.to_vec(),
                Launched::Script(script) => return stem(script),
                Launched::Module(module) => return Some(module),
            }
        } else {
            return Some(program);
        }
    }
}

enum Shell<'a> {
    Script(&'a str),
    Line(&'a str),
}

/// What a shell with these arguments runs. Of a command line only the simplest kind is understood.
fn shell<'a>(words: &[&'a str]) -> Option<Shell<'a>> {
    let at = words.iter().position(|word| !word.starts_with('-'))?;
    let (options, rest) = words.split_at(at);
    let first = rest.first()?;
    // `-c` may be one of several letters, as in `-lc`.
    let takes_line = |word: &&str| !word.starts_with("--") && word.contains('c');
    if !options.iter().any(takes_line) {
        return Some(Shell::Script(first));
    }
    let is_simple = !first.contains([';', '&', '|', '(', ')', '{', '}', '`', '\n']);
    is_simple.then_some(Shell::Line(first))
}

/// The module or script that Python runs: `Some(None)` if it has no name that would do, `None` if it runs
/// neither.
fn python<'a>(words: &[&'a str]) -> Option<Option<&'a str>> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(letters) = word.strip_prefix('-') else {
            return Some(stem(word));
        };
        if letters.starts_with('-') {
            continue;
        }
        // Options may be joined (`-um http.server`), and so may the value of the last one (`-Xdev`).
        match letters.find(['m', 'c', 'W', 'X']) {
            None if letters.is_empty() => return None,
            None => {}
            Some(at) => {
                let (_, option) = letters.split_at(at);
                let value = option.get(1..).filter(|value| !value.is_empty());
                let value = value.or_else(|| words.next().copied());
                match option.as_bytes().first() {
                    Some(b'm') => return Some(value),
                    Some(b'c') => return None,
                    _ => {}
                }
            }
        }
    }
    None
}

fn is_python(program: &str) -> bool {
    let version = program.strip_prefix("python").or_else(|| program.strip_prefix("pypy"));
    version.is_some_and(|version| version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
}

enum Launched<'words, 'a> {
    Program(&'words [&'a str]),
    Script(&'a str),
    Module(&'a str),
}

/// What a launcher with these arguments runs; `None` if the program is no launcher, or launches nothing.
fn launched<'words, 'a>(program: &str, words: &'words [&'a str]) -> Option<Launched<'words, 'a>> {
    let launcher = LAUNCHERS.iter().find(|launcher| launcher.name == program)?;
    let mut rest = after_options(words, launcher.valued);
    if let Some(subcommand) = launcher.subcommand {
        let (first, arguments) = rest.split_first()?;
        if *first != subcommand {
            return None;
        }
        rest = after_options(arguments, launcher.valued);
        if program == "uv" {
            let options = arguments.get(..arguments.len() - rest.len()).unwrap_or_default();
            let (module, script) = (["-m", "--module"], rest.first());
            if options.iter().any(|option| module.contains(option)) {
                return script.map(|module| Launched::Module(module));
            }
            if let Some(script) = script.filter(|script| script.ends_with(".py")) {
                return Some(Launched::Script(script));
            }
        }
    }
    if program == "env" {
        let at = rest.iter().position(|word| !is_variable(word)).unwrap_or(rest.len());
        rest = rest.get(at..).unwrap_or_default();
    }
    (!rest.is_empty()).then_some(Launched::Program(rest))
}

/// The words after a program's options.
fn after_options<'words, 'a>(mut words: &'words [&'a str], valued: &[&str]) -> &'words [&'a str] {
    while let Some((word, rest)) = words.split_first() {
        if *word == "--" {
            return rest;
        }
        if !word.starts_with('-') {
            break;
        }
        let skipped = usize::from(valued.contains(word)).min(rest.len());
        words = rest.get(skipped..).unwrap_or_default();
    }
    words
}

/// `NAME=value`.
fn is_variable(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn file_name(path: &str) -> Option<&str> {
    Path::new(path).file_name()?.to_str()
}

fn stem(path: &str) -> Option<&str> {
    Path::new(path).file_stem()?.to_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_is_called_what_a_person_would_call_it() {
        for (command, name) in [
            ("streamlit run app.py", "streamlit"),
            ("/opt/apps/serve.sh --port {port}", "serve.sh"),
            ("python -m streamlit run hello.py", "streamlit"),
            ("/usr/bin/python3.12 -u -X dev -mhttp.server {port}", "http.server"),
            ("python3 -Wignore -um panel serve", "panel"),
            ("python app.py", "app"),
            ("pypy3 src/my.app.py -m x", "my.app"),
            ("python3 --check-hash-based-pycs=always app.py", "app"),
            ("python -c print()", "python"),
            ("python -", "python"),
            ("python", "python"),
            ("python-config app.py", "python-config"),
            ("node --require x server.js", "server"),
            ("node -e serve()", "serve()"),
            ("Rscript app.R", "app"),
            ("uv run streamlit run app.py", "streamlit"),
            ("uv --directory x run --with pandas --frozen -- python -m gradio", "gradio"),
            ("uv run -m streamlit run app.py", "streamlit"),
            ("uv run tools/app.py", "app"),
            ("uv sync", "uv"),
            ("uvx --from jupyterlab jupyter lab", "jupyter"),
            ("poetry run python -m streamlit run hello.py", "streamlit"),
            ("conda run -n ml --no-capture-output panel serve", "panel"),
            ("npx serve", "serve"),
            ("env X=1 streamlit run app.py", "streamlit"),
            ("env -i -u HOME PATH=/bin /usr/bin/python3 app.py", "app"),
            ("env", "env"),
            ("env X=1", "env"),
            ("nice -n 5 nohup python app.py", "app"),
            ("bash -e run.sh {port}", "run"),
        ] {
            let words: Vec<_> = command.split(' ').map(str::to_owned).collect();
            assert_eq!(command_name(&words), Some(name), "{command}");
        }
    }

    #[test]
    fn a_line_for_a_shell_is_understood_if_it_is_simple() {
        for (line, name) in [
            ("streamlit run app.py", Some("streamlit")),
            ("X=1 Y= exec python -m panel serve --port $PORT", Some("panel")),
            ("sh -c streamlit", Some("streamlit")),
            ("cd /srv && streamlit run app.py", None),
            ("while true; do serve; done", None),
            ("(serve)", None),
            ("", None),
        ] {
            for shell in [["sh", "-c"], ["/bin/bash", "-lc"]] {
                let words = [shell[0], shell[1], line].map(str::to_owned);
                assert_eq!(command_name(&words), name, "{line}");
            }
        }
        assert_eq!(command_name(&["sh".to_owned()]), None);
        assert_eq!(command_name(&["..".to_owned()]), None);
        assert_eq!(command_name(&[]), None);
    }
}
