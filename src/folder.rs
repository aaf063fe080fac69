//! Folders of YAML that the operator may put in the place of those in the binary.

use std::path::Path;

use include_dir::Dir;

use crate::domain::fault::Fault;

/// The `*.yaml` files of `folder`, or else those of the binary, which are named as they stand in
/// `place`: each one's name and text, in the order of the names.
///
/// # Errors
/// What cannot be read.
pub fn yaml(folder: Option<&Path>, own: &Dir<'_>, place: &str) -> Result<Vec<(String, String)>, Vec<Fault>> {
    let mut texts = match folder {
        Some(folder) => read(folder)?,
        None => own
            .files()
            .filter(|file| is_yaml(file.path()))
            .filter_map(|file| Some((format!("{place}/{}", file.path().display()), file.contents_utf8()?.to_owned())))
            .collect(),
    };
    texts.sort();
    Ok(texts)
}

fn read(folder: &Path) -> Result<Vec<(String, String)>, Vec<Fault>> {
    let unreadable = |path: &Path, error: std::io::Error| {
        vec![Fault::new(path.display().to_string(), format!("cannot be read: {error}"))]
    };
    let entries = std::fs::read_dir(folder).map_err(|error| unreadable(folder, error))?;
    let mut texts = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unreadable(folder, error))?.path();
        if is_yaml(&path) {
            let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
            texts.push((path.display().to_string(), text));
        }
    }
    Ok(texts)
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}
