//! The pack files that are part of the binary.

macro_rules! files {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!("../../packs/", $name, ".toml")))),*]
    };
}

/// Each file with its name, in alphabetical order.
pub(super) const FILES: &[(&str, &str)] = files![
    "actioncable"
    "bokeh"
    "bokeh-following"
    "centrifugo"
    "chainlit"
    "dash"
    "generic"
    "gradio"
    "graphql"
    "guacamole"
    "homeassistant"
    "jupyter"
    "marimo"
    "mesop"
    "meteor"
    "mqtt"
    "nextjs"
    "nicegui"
    "novnc"
    "openwebui"
    "phoenix"
    "pusher"
    "reflex"
    "rstudio"
    "shiny"
    "signalr"
    "socketio"
    "sockjs"
    "solara"
    "stomp"
    "streamlit"
    "ttyd"
    "vite"
    "vscode"
    "webpack"
    "wetty"
];

#[cfg(test)]
mod tests {
    use super::FILES;

    #[test]
    fn every_file_is_without_mistakes() {
        let mut told = String::new();
        for (name, text) in FILES {
            let file = format!("packs/{name}.toml");
            if let Err(mistakes) = crate::packs::parse(text, file.as_ref()) {
                told += &format!("{mistakes}\n");
            }
        }
        assert!(told.is_empty(), "\n{told}");
    }

    #[test]
    fn every_file_of_the_folder_is_built_in() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/packs");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
            .collect();
        names.sort();
        let built_in: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
        assert_eq!(built_in, names);
    }
}
