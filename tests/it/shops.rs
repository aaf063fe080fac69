//! What a shop changes of the rules, the words and the settings that every shop inherits.

mod rules;
mod settings;
mod words;

use std::path::{Path, PathBuf};

use reassure::config::Loaded;
use reassure::domain::fault::Fault;
use reassure::shops::Served;
use tempfile::TempDir;

const CONFIG: &str = r#"
shops.folder = "FOLDER/shops"
[shop]
name = "Orme"
sender = { email = "bonjour@orme.example", sms = "Orme" }
brand = { home_url = "https://orme.example" }
legal = { seller = "Orme SAS, Lyon" }
providers = { email = "mail", sms = "text" }
packaging = "recycled cardboard"
[shops.named.orme]
[shops.named.saule]
name = "Saule"
[providers.mail]
kind = "resend"
api_key = { file = "FOLDER/key" }
[providers.text]
kind = "brevo_sms"
api_key = { file = "FOLDER/key" }
"#;

/// Two shops in a folder: `orme`, which changes nothing, and `saule`.
struct Street(TempDir);

impl Street {
    fn new() -> Self {
        let street = Self(tempfile::tempdir().unwrap());
        street.write("key", "a-key");
        street.write("reassure.toml", &CONFIG.replace("FOLDER", &street.path().display().to_string()));
        std::fs::create_dir_all(street.path().join("shops/saule")).unwrap();
        street
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file, and the folders above it.
    fn write(&self, file: &str, content: &str) -> PathBuf {
        let path = self.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Adds to the settings of `saule`, or to what follows them.
    fn say(&self, toml: &str) {
        let file = self.path().join("reassure.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        self.write("reassure.toml", &text.replace("name = \"Saule\"\n", &format!("name = \"Saule\"\n{toml}\n")));
    }

    fn load(&self) -> Result<Loaded, Vec<Fault>> {
        Loaded::load(Some(&self.path().join("reassure.toml")))
    }

    fn shop(&self, id: &str) -> Served {
        let loaded = self.load().unwrap_or_else(|faults| panic!("{faults:#?}"));
        loaded.shops.get(id).unwrap().clone()
    }

    /// Every fault, as people read it.
    fn faults(&self) -> String {
        let faults = self.load().err().unwrap_or_default();
        let shown: Vec<String> = faults.iter().map(ToString::to_string).collect();
        shown.join("\n").replace(&self.path().display().to_string(), "…")
    }
}
