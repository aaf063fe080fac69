//! Where the files come from: the program itself, or a directory.

use std::fs;
use std::path::Path;

use include_dir::{Dir, include_dir};

use crate::domain::fault::Fault;

static EMBEDDED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/config/templates");

/// The folder of the embedded templates, as the repository names it.
const SHOWN: &str = "config/templates";

pub struct File {
    /// Below the folder of templates, with `/`.
    pub path: String,
    /// As a person would open it.
    pub shown: String,
    pub content: String,
}

/// The files of a folder, in the order of their paths.
pub struct Folder {
    /// As a person would open it.
    pub shown: String,
    pub files: Vec<File>,
}

/// The templates that the program carries.
pub fn embedded() -> Folder {
    fn visit(dir: &Dir<'_>, files: &mut Vec<File>) {
        for file in dir.files() {
            let path = file.path().to_string_lossy().replace('\\', "/");
            // what is no UTF-8 cannot be in our own repository's text files
            let content = file.contents_utf8().unwrap_or_default().to_owned();
            files.push(File { shown: format!("{SHOWN}/{path}"), path, content });
        }
        dir.dirs().for_each(|dir| visit(dir, files));
    }
    let mut files = Vec::new();
    visit(&EMBEDDED, &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Folder { shown: SHOWN.to_owned(), files }
}

/// The templates in `directory`. Hidden files are passed over: mounted configuration has them.
pub fn from_directory(directory: &Path) -> Result<Folder, Vec<Fault>> {
    let (mut files, mut faults) = (Vec::new(), Vec::new());
    visit(directory, "", &mut files, &mut faults);
    if files.is_empty() && faults.is_empty() {
        faults.push(Fault::new(directory.display().to_string(), "there are no templates here"));
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    if faults.is_empty() { Ok(Folder { shown: directory.display().to_string(), files }) } else { Err(faults) }
}

fn visit(directory: &Path, above: &str, files: &mut Vec<File>, faults: &mut Vec<Fault>) {
    let shown = directory.display().to_string();
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => return faults.push(Fault::new(shown, format!("cannot be read: {error}"))),
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let path = if above.is_empty() { name } else { format!("{above}/{name}") };
        let on_disk = entry.path();
        if on_disk.is_dir() {
            visit(&on_disk, &path, files, faults);
            continue;
        }
        match fs::read_to_string(&on_disk) {
            Ok(content) => files.push(File { path, shown: on_disk.display().to_string(), content }),
            Err(error) => faults.push(Fault::new(on_disk.display().to_string(), format!("cannot be read: {error}"))),
        }
    }
}
