//! What was brought ahead is of use only where the last checkpoint goes on from it.

use super::super::manifest::{DatasetFiles, File};
use super::*;

fn log(hash: &str, first: u64, last: u64) -> LogFile {
    LogFile {
        file: File {
            hash: hash.to_owned(),
            bytes: 9,
        },
        first,
        last,
        entries: last - first + 1,
    }
}

fn manifest(generation: &str, files: &[LogFile]) -> Manifest {
    let dataset = DatasetFiles {
        name: "in".to_owned(),
        number: 3,
        generation: generation.to_owned(),
        max_offset: files.last().map(|file| file.last),
        files: files.to_vec(),
    };
    Manifest {
        datasets: vec![dataset],
        ..super::super::manifest::tests::manifest(7, "nonce")
    }
}

#[test]
fn a_later_checkpoint_goes_on_from_files_that_stay_and_no_other_does() {
    let folder = tempfile::tempdir().unwrap();
    let settings = sluice_store::Settings::small();
    let store = sluice_store::Store::open(folder.path().join("store"), &settings).unwrap();
    let name = DatasetName::existing("in").unwrap();
    let import = store
        .begin_import("pipe", vec![(name, DatasetNumber(3))])
        .unwrap();
    let part = Part {
        name: "in".to_owned(),
        generation: "g".to_owned(),
        files: vec![log("a", 0, 9)],
    };
    let begun = Begun {
        import,
        datasets: [(3, part)].into(),
    };
    let (a, b, other) = (log("a", 0, 9), log("b", 10, 11), log("c", 0, 11));
    assert!(begun.fits(&manifest("g", std::slice::from_ref(&a))));
    assert!(begun.fits(&manifest("g", &[a.clone(), b])));
    assert!(
        !begun.fits(&manifest("g", &[other])),
        "it was written again"
    );
    assert!(!begun.fits(&manifest("g", &[])));
    assert!(!begun.fits(&manifest("later", &[a])));
    assert_eq!((begun.taken(3), begun.taken(4)), (1, 0));
}
