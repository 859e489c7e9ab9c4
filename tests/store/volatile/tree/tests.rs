//! What a loss leaves, operation by operation.

use super::*;

fn tree_with_synced_file() -> (Tree, Node) {
    let mut tree = Tree::new();
    let file = tree.make(ROOT, OsStr::new("log"), false, 0o600).unwrap();
    tree.write(file, 0, b"kept").unwrap();
    tree.sync(file).unwrap();
    tree.sync(ROOT).unwrap();
    (tree, file)
}

#[test]
fn unsynced_bytes_are_gone_after_a_dropped_loss() {
    let (mut tree, file) = tree_with_synced_file();
    tree.write(file, 4, b" lost").unwrap();
    assert_eq!(tree.unsynced_operations(), 1);
    tree.lose(Loss::Dropped, &mut |_| 0);
    assert_eq!(tree.read(file, 0, 100).unwrap(), b"kept");
}

#[test]
fn a_torn_loss_keeps_a_prefix() {
    let (mut tree, file) = tree_with_synced_file();
    tree.write(file, 4, b"12").unwrap();
    tree.write(file, 6, b"3456").unwrap();
    // Nothing is unsynced in the folder; of the file both operations are kept, the second one up to half of its bytes.
    let mut choices = [(1, 0), (3, 2), (5, 2)].into_iter();
    tree.lose(Loss::Torn, &mut |below| {
        let (asked, choice) = choices.next().unwrap();
        assert_eq!(below, asked);
        choice
    });
    assert_eq!(tree.read(file, 0, 100).unwrap(), b"kept1234");
}

#[test]
fn a_name_lasts_only_from_its_folders_sync() {
    let (mut tree, _) = tree_with_synced_file();
    tree.make(ROOT, OsStr::new("new"), false, 0o600).unwrap();
    tree.rename(ROOT, OsStr::new("log"), ROOT, OsStr::new("log.old"))
        .unwrap();
    tree.lose(Loss::Dropped, &mut |_| 0);
    assert_eq!(tree.look_up(ROOT, OsStr::new("new")), Err(Failure::NoEntry));
    assert!(tree.look_up(ROOT, OsStr::new("log")).is_ok());
}

#[test]
fn nothing_works_without_power() {
    let (mut tree, file) = tree_with_synced_file();
    tree.cut();
    assert_eq!(tree.write(file, 0, b"x"), Err(Failure::PowerOff));
    assert_eq!(tree.sync(file), Err(Failure::PowerOff));
}
