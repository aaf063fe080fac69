//! The cryptography alone.

use reassure::seal::{DataKey, Masters, Place, Unopened};

const HERE: Place<'_> = Place(&["content", "atelier", "A", "n1"]);

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().map(|digit| digit.to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// Test case 14 of "The Galois/Counter Mode of Operation" (McGrew, Viega): AES-256, no associated data.
#[test]
fn it_seals_as_others_do() {
    let sealed = DataKey::new([0; 32]).seal([0; 12], Place(&[]), &[0; 16]);
    let published = "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919";
    assert_eq!((&sealed[..12], &sealed[12..]), (&[0; 12][..], &*hex(published)));
}

#[test]
fn what_is_sealed_opens_with_its_key_in_its_place_and_nowhere_else() {
    let key = DataKey::new([7; 32]);
    let sealed = key.seal([1; 12], HERE, b"Dear Ada");
    assert_eq!(key.open(HERE, &sealed).unwrap(), b"Dear Ada");
    assert_eq!(DataKey::new([8; 32]).open(HERE, &sealed), Err(Unopened));
    let elsewhere: [&[&str]; 3] =
        [&["content", "atelier", "A", "n2"], &["content", "atelierA", "", "n1"], &["content", "atelier", "A"]];
    for place in elsewhere {
        assert_eq!(key.open(Place(place), &sealed), Err(Unopened), "{place:?}");
    }
    for byte in 0..sealed.len() {
        let mut damaged = sealed.clone();
        damaged[byte] ^= 1;
        assert_eq!(key.open(HERE, &damaged), Err(Unopened), "byte {byte}");
        assert_eq!(key.open(HERE, &sealed[..byte]), Err(Unopened), "cut at {byte}");
    }
}

#[test]
fn the_first_master_key_wraps_and_all_unwrap() {
    let masters = |names: &[(&str, u8)]| {
        Masters::new(names.iter().map(|(name, byte)| ((*name).to_owned(), [*byte; 32])).collect()).unwrap()
    };
    let old = masters(&[("2025", 1)]);
    let wrapped = old.wrap([1; 12], HERE, &[7; 32]);
    let sealed = DataKey::new([7; 32]).seal([1; 12], HERE, b"Dear Ada");
    let both = masters(&[("2026", 2), ("2025", 1)]);
    assert_eq!(both.unwrap(HERE, &wrapped).unwrap().open(HERE, &sealed).unwrap(), b"Dear Ada");
    let anew = both.rewrap([2; 12], HERE, &wrapped).unwrap();
    let new = masters(&[("2026", 2)]);
    assert_eq!(anew.master, "2026");
    assert_eq!(new.unwrap(HERE, &anew).unwrap().open(HERE, &sealed).unwrap(), b"Dear Ada");
    assert!(new.unwrap(HERE, &wrapped).is_err(), "the old one is missing");
    assert!(new.unwrap(Place(&["key", "atelier", "B"]), &anew).is_err(), "it is another order's");
    let proof = old.proof([3; 12]);
    assert_eq!(both.prove(&proof), Ok(()));
    assert_eq!(masters(&[("2025", 9)]).prove(&proof), Err(Unopened));
    assert!(Masters::new(Vec::new()).is_none());
}

#[test]
fn no_key_shows_in_what_is_printed() {
    let masters = Masters::new(vec![("2026".to_owned(), [0xab; 32])]).unwrap();
    assert_eq!(format!("{masters:?} {:?}", DataKey::new([0xab; 32])), "[\"2026\"] ‹data key›");
}
