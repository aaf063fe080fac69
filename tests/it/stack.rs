//! The parts that are not ours and run beside the tests: Kafka, PostgreSQL, a schema registry.
//! `tests/stack/up` starts them and says where they are.

mod compose;

use std::fs::{OpenOptions, Permissions};
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// Where a part is, as its variable says. Without it the calling test has to return at once: it
/// is counted as skipped, for `tests/run` to tell.
fn part(variable: &str) -> Option<String> {
    let found = std::env::var(variable).ok().filter(|value| !value.is_empty());
    if found.is_none() {
        eprintln!("skipped: {variable} is not set; tests/stack/up starts what this test needs");
        skip(variable);
    }
    found
}

/// Counts the calling test as skipped, for want of `what`.
pub fn skip(what: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test").to_owned();
    if let Some(file) = std::env::var_os("REASSURE_TEST_SKIPPED") {
        let mut file = OpenOptions::new().append(true).create(true).open(file).expect("the list of skipped tests");
        writeln!(file, "{test} ({what})").expect("the list of skipped tests");
    }
}

/// `host:port` of a broker that takes anyone.
pub fn kafka() -> Option<String> {
    part("REASSURE_TEST_KAFKA")
}

/// The same broker behind TLS, and the files to know it by.
#[derive(Clone, Debug)]
pub struct Guarded {
    /// Takes anyone who trusts it.
    pub tls: String,
    /// Takes those that show a certificate.
    pub mutual: String,
    /// Takes `reassure` with the password `open-sesame`, or a token.
    pub named: String,
    keys: PathBuf,
}

impl Guarded {
    /// `authority.pem`, `client.pem`, `client.key`; of strangers `stranger.pem`, `stranger.key`.
    pub fn file(&self, name: &str) -> String {
        self.keys.join(name).to_string_lossy().into_owned()
    }
}

pub fn guarded_kafka() -> Option<Guarded> {
    Some(Guarded {
        tls: part("REASSURE_TEST_KAFKA_TLS")?,
        mutual: part("REASSURE_TEST_KAFKA_MUTUAL")?,
        named: part("REASSURE_TEST_KAFKA_SASL")?,
        keys: part("REASSURE_TEST_KAFKA_KEYS")?.into(),
    })
}

/// The program kcat.
pub fn kcat() -> Option<String> {
    part("REASSURE_TEST_KCAT")
}

/// A Python that has confluent-kafka.
pub fn python() -> Option<String> {
    part("REASSURE_TEST_PYTHON")
}

/// The JSON Schema of AsyncAPI 3 documents, as it is published.
pub fn asyncapi() -> Option<String> {
    part("REASSURE_TEST_ASYNCAPI")
}

/// The program helm.
pub fn helm() -> Option<String> {
    part("REASSURE_TEST_HELM")
}

/// A program that holds manifests against the schemas of a Kubernetes.
pub fn kubernetes() -> Option<String> {
    part("REASSURE_TEST_KUBERNETES")
}

/// The folder of the definitions of the operators' resources.
pub fn operators() -> Option<String> {
    part("REASSURE_TEST_OPERATORS")
}

/// The URL of a database whose user may do anything.
pub fn postgres() -> Option<String> {
    part("REASSURE_TEST_POSTGRES")
}

/// The service as it was at the previous version of the schema: its binary, and its source. A shallow
/// clone cannot have it, and does without.
pub fn previous() -> Option<(String, PathBuf)> {
    if let Ok(why) = std::env::var("REASSURE_TEST_NO_PREVIOUS") {
        eprintln!("skipped: {why}");
        return None;
    }
    Some((part("REASSURE_TEST_PREVIOUS")?, part("REASSURE_TEST_PREVIOUS_SOURCE")?.into()))
}

/// The URL of a schema registry with Confluent's API.
pub fn registry() -> Option<String> {
    part("REASSURE_TEST_REGISTRY")
}

/// The programs prometheus and promtool.
pub fn prometheus() -> Option<(String, String)> {
    Some((part("REASSURE_TEST_PROMETHEUS")?, part("REASSURE_TEST_PROMTOOL")?))
}

/// A part of the stack that one test has to itself, to stop and to start again.
pub struct Own {
    name: &'static str,
    data: TempDir,
}

impl Own {
    /// Another `kafka`, `postgres` or `registry`, running; none where the tests go without.
    pub fn new(name: &'static str) -> Option<Self> {
        part(&format!("REASSURE_TEST_{}", name.to_uppercase()))?;
        let own = Self { name, data: tempfile::tempdir().expect("a folder") };
        // another user may run it
        std::fs::set_permissions(own.data.path(), Permissions::from_mode(0o755)).expect("permissions");
        own.start();
        Some(own)
    }

    pub fn start(&self) {
        let done = self.command("start");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// Its data and its place stay.
    pub fn stop(&self) {
        assert!(self.command("stop").status.success());
    }

    /// What this variable says of it.
    pub fn place(&self, variable: &str) -> String {
        let told = std::fs::read_to_string(self.data.path().join(self.name).join("env")).expect("where it is");
        let named =
            told.lines().find_map(|line| line.strip_prefix("export ")?.strip_prefix(variable)?.strip_prefix('='));
        named.expect("where it is").to_owned()
    }

    fn command(&self, verb: &str) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stack").join(self.name);
        let mut command = Command::new(script);
        command.arg(verb).env("REASSURE_STACK_DATA", self.data.path());
        command.output().expect("the script of the stack")
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.command("remove");
    }
}

/// All of it can be reached: a part that is not there is missed here, and not as a riddle elsewhere.
#[test]
fn what_the_stack_tells_of_is_there() {
    let database = postgres().map(|url| url.split(['@', '/']).nth(3).unwrap_or_default().to_owned());
    let registry = registry().map(|url| url.split('/').nth(2).unwrap_or_default().to_owned());
    for place in [kafka(), database, registry].into_iter().flatten() {
        TcpStream::connect(&place).unwrap_or_else(|error| panic!("{place}: {error}"));
    }
}
