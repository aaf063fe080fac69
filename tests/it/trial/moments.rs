//! Moments are read as they are written.

use chrono_tz::Tz;
use proptest::prelude::*;
use reassure::domain::time::Timestamp;
use reassure::trial::moment::{Frame, Manner, read_date};

proptest! {
    #[test]
    fn a_moment_is_read_back_as_it_was_written(
        start in -2_000_000_000_i64..4_000_000_000,
        seconds in -40_000_000_i64..40_000_000,
        manner in prop::sample::select(vec![Manner::Relative, Manner::Days, Manner::Dates]),
        zone in prop::sample::select(vec![Tz::UTC, Tz::Europe__Paris, Tz::America__St_Johns, Tz::Australia__Lord_Howe]),
    ) {
        let start = Timestamp::from_millis(start * 1_000);
        let frame = Frame { start, zone, manner };
        let at = start.plus(chrono::Duration::seconds(seconds));
        let written = frame.spell(at);
        prop_assert_eq!(frame.read(&written), Ok(at), "{}", written);
    }
}

#[test]
fn each_manner_of_writing_a_moment() {
    let start = read_date("2026-03-02 09:00", Tz::Europe__Paris).expect("a date");
    let frame = Frame { start, zone: Tz::Europe__Paris, manner: Manner::Relative };
    for (text, expected) in [
        ("+0", "2026-03-02T08:00:00Z"),
        ("0", "2026-03-02T08:00:00Z"),
        ("+1d 12h", "2026-03-03T20:00:00Z"),
        ("-2h", "2026-03-02T06:00:00Z"),
        ("day 1 07:30", "2026-03-02T06:30:00Z"),
        ("day 29 09:00", "2026-03-30T07:00:00Z"),
        ("2026-03-05 10:00", "2026-03-05T09:00:00Z"),
        ("2026-03-05T10:00:00+02:00", "2026-03-05T08:00:00Z"),
    ] {
        assert_eq!(frame.read(text).map(|at| at.to_string()), Ok(expected.to_owned()), "{text}");
    }
    for text in ["", "+", "+1", "soon", "day 2", "day x 09:00", "25:00", "day 2 25:00", "+99999999999d"] {
        assert!(frame.read(text).is_err(), "{text}");
    }
}
