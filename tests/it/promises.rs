//! The table in the README names tests that exist, and misses no promise.

use std::fs;
use std::path::Path;

/// Those that must be tried by something that can be named.
const PROMISES: [u32; 14] = [1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 19];

/// A test is a function in the file that its path leads to.
fn exists(test: &str) -> bool {
    let Some((module, name)) = test.rsplit_once("::") else { return false };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(module.replace("::", "/"));
    fs::read_to_string(file.with_extension("rs")).is_ok_and(|text| text.contains(&format!("fn {name}(")))
}

#[test]
fn every_promise_names_the_tests_that_try_it() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let rows: Vec<(u32, &str)> = readme
        .lines()
        .filter_map(|line| {
            let (number, row) = line.strip_prefix("| ")?.split_once(" |")?;
            Some((number.parse().ok()?, row))
        })
        .collect();
    for promise in PROMISES {
        let row = rows.iter().find(|(number, _)| *number == promise);
        let (_, row) = row.unwrap_or_else(|| panic!("the README tells of no test for promise {promise}"));
        let tests: Vec<&str> = row.split('`').skip(1).step_by(2).filter(|word| word.contains("::")).collect();
        assert!(!tests.is_empty(), "no test is named for promise {promise}");
        let gone: Vec<&&str> = tests.iter().filter(|test| !exists(test)).collect();
        assert!(gone.is_empty(), "promise {promise} names what is not there: {gone:?}");
    }
}
