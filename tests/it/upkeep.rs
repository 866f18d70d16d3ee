//! What nobody waits for and nobody sees: the stat table, and the merging of packs.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::place::{GIT_TRACE, payload};
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

#[test]
fn what_a_dead_flush_left_incoming_goes_and_what_is_another_worktree_s_stays() {
    let place = Sandbox::enabled();
    let incoming = place.store().join("incoming");
    let own =
        ["pack", "idx"].map(|end| incoming.join(format!("{}-0123456789abcdef.{end}", place.worktree_id())));
    let other = incoming.join("fedcba9876543210-0123456789abcdef.pack");
    for path in own.iter().chain([&other]) {
        fs::write(path, "half of a").unwrap();
    }
    // The flush before died: its record stands in the lock.
    for lock in fs::read_dir(place.own_dir().join("locks")).unwrap() {
        fs::write(lock.unwrap().path(), "4294967 1 a-boot-long-ago host\n").unwrap();
    }
    place.write("a", "one\n");
    place.checkpoint();
    let left = || fs::read_dir(&incoming).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    assert_eq!(left(), std::slice::from_ref(&other), "whoever writes it may be at work");
    place.run(GIT_TRACE, &["hook", "maintain"]).silent();
    assert_eq!(left(), std::slice::from_ref(&other));
    let halves = ["cache", "index"].map(|dir| place.own_dir().join(dir).join(".tmp-0123456789abcdef"));
    halves.iter().for_each(|half| fs::write(half, "half").unwrap());
    for path in halves.iter().chain([&other]) {
        File::open(path).unwrap().set_modified(SystemTime::now() - Duration::from_secs(7200)).unwrap();
    }
    place.run(GIT_TRACE, &["hook", "maintain"]).silent();
    assert_eq!(left(), <[PathBuf; 0]>::default(), "nobody writes for two hours");
    assert!(halves.iter().all(|half| !half.exists()));
}

#[test]
fn the_last_leader_leaves_word_whatever_lies_in_the_place_of_the_one_before() {
    let place = Sandbox::enabled();
    place.checkpoint();
    let led = place.own_dir().join("cache").join(format!("led-{}", place.worktree_id()));
    let len = fs::metadata(&led).unwrap().len();
    let in_its_place: [&dyn Fn(); 3] =
        [&|| symlink("nowhere", &led).unwrap(), &|| drop(UnixListener::bind(&led).unwrap()), &|| {
            fs::write(&led, "x".repeat(5000)).unwrap()
        }];
    for put in in_its_place {
        fs::remove_file(&led).unwrap();
        put();
        place.trace(&["checkpoint"]).good("a checkpoint of nothing new");
        let left = fs::symlink_metadata(&led).unwrap();
        assert!(left.is_file(), "{left:?}");
        assert_eq!(left.len(), len, "nothing is left of what was there");
    }
}

/// What a listing says of each command, but for the spaces, which depend on the rows around it, and
/// the times, which pass.
fn told(listing: &str) -> Vec<String> {
    let plain = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().filter(|word| !word.ends_with("ago")).collect();
        words.join(" ")
    };
    listing.lines().map(plain).collect()
}

#[test]
fn a_few_commands_are_told_as_they_are_among_all() {
    let place = Sandbox::enabled();
    let tell = |event: &str, name: String, start: u64| {
        let mut call = payload(&place.dir, "s", &name);
        call["event"] = event.into();
        call["command"] = format!("{name} {}", "x".repeat(700)).into();
        call[if event == "tool_pre" { "start_ms" } else { "end_ms" }] = (1_795_000_000_000 + start).into();
        place.hook(call.to_string().as_bytes()).silent();
    };
    // The end of this one comes when its start is far away.
    tell("tool_pre", "long".into(), 0);
    for round in 0..60 {
        for at in 0..4 {
            tell("tool_post", format!("make {round}.{at}"), 1_000 * (1 + round * 4 + at));
        }
        place.checkpoint();
        if round == 57 {
            tell("tool_post", "long".into(), 1_000 * (round * 4 + 4) + 500);
        }
    }
    tell("tool_post", "waits".into(), 900_000);
    let all = told(&place.trace(&["commands", "--limit", "0"]).good("all"));
    assert_eq!(all.len(), 1 + 242);
    for count in [1, 5, 9, 20, 60, 200] {
        let some = told(&place.trace(&["commands", "--limit", &count.to_string()]).good("some"));
        assert_eq!(some[1..], all[all.len() - count..], "the newest {count}");
    }
}

#[test]
fn trails_are_told_alike_from_the_read_model_and_from_the_chain() {
    let place = Sandbox::enabled();
    let trails = || place.list("trail", "trails");
    let cache = place.common_dir().join("trace/cache").join(format!("trails-{}", place.worktree_id()));
    for round in 0..120 {
        match round {
            20 => drop(place.git(&["checkout", "-q", "-b", "side"])),
            40 => drop(place.git(&["commit", "-q", "--allow-empty", "-m", "on the side"])),
            60 => drop(place.git(&["checkout", "-q", "--detach"])),
            80 => drop(place.git(&["checkout", "-q", "main"])),
            // Not kept for so long that the next leader has to catch up.
            100 => fs::copy(&cache, cache.with_extension("old")).map(drop).unwrap(),
            110 => fs::rename(cache.with_extension("old"), &cache).unwrap(),
            _ => {}
        }
        place.tell(&format!("s{}", round % 7), &format!("make {round} {}", "x".repeat(200)));
        place.checkpoint();
    }
    let (told, kept) = (trails(), fs::read(&cache).unwrap());
    assert!(kept.len() < 25_000, "its sections were put together: {} bytes", kept.len());
    assert_eq!(told.len(), 2);
    assert_eq!(told[0]["commands"].as_u64().unwrap() + told[1]["commands"].as_u64().unwrap(), 100);
    fs::remove_file(&cache).unwrap();
    assert_eq!(trails(), told, "read from the chain");
    assert!(!cache.exists(), "who reads writes nothing");
    place.tell("s0", "make more");
    place.checkpoint();
    assert!(cache.exists(), "the leader brings it back");
    let more = trails();
    fs::remove_file(&cache).unwrap();
    assert_eq!(trails(), more);
}
