//! What nobody waits for and nobody sees: the stat table, and the merging of packs.

use std::fs;

use crate::place::GIT_TRACE;
use crate::sandbox::Sandbox;
use crate::story::Story;

#[test]
fn a_checkpoint_of_named_paths_leaves_the_stat_table_alone() {
    let place = Sandbox::enabled();
    place.write("a", "one\n");
    place.checkpoint();
    let table = place.common_dir().join("trace/index").join(place.worktree_id());
    let before = fs::read(&table).unwrap();
    place.write("a", "two\n");
    place.trace(&["checkpoint", "a"]).good("a checkpoint of one path");
    assert_eq!(fs::read(&table).unwrap(), before, "else the next full look reads every file");
}

#[test]
fn packs_are_merged_and_hold_what_they_held() {
    let place = Sandbox::enabled();
    let texts: Vec<String> = (0..12).map(|round| format!("make {round}")).collect();
    for text in &texts {
        place.write("src/a", text);
        place.tell("s", text);
        place.checkpoint();
        if text == "make 5" {
            place.run(GIT_TRACE, &["hook", "maintain"]).silent();
        }
    }
    place.run(GIT_TRACE, &["hook", "maintain"]).silent();
    let packs = fs::read_dir(place.store().join("objects/pack")).unwrap();
    let names = packs.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.filter(|name| name.ends_with(".pack")).count() <= 2);
    let story = Story::of(&place);
    story.holds_once(texts.iter().map(String::as_str));
    story.complete(&place);
    place.fsck();
}

#[test]
fn a_flush_leaves_the_merger_its_folder_and_the_next_merger_takes_a_dead_one_s() {
    let place = Sandbox::enabled();
    let room = place.store().join("incoming/merge-0123456789abcdef");
    fs::create_dir(&room).unwrap();
    for text in ["one\n", "two\n"] {
        place.write("a", text);
        place.checkpoint();
    }
    assert!(room.exists(), "the merger may be at work in it");
    place.run(GIT_TRACE, &["hook", "maintain"]).silent();
    assert!(!room.exists());
}
