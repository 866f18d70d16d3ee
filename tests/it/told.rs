//! In which forms differences are told, by `trace diff` and by `trace show`.

use crate::sandbox::Sandbox;

#[test]
fn diff_and_show_tell_the_same_differences_in_the_same_forms() {
    let sandbox = Sandbox::enabled();
    sandbox.write("src/a", "fn a(x: u8) {}\n");
    sandbox.checkpoint();
    sandbox.write("src/a", "fn a(y: u8) {}\n");
    sandbox.write("src/b\u{1b}[2J", "one\ttwo\u{1b}[2J\n");
    sandbox.checkpoint();
    for form in ["--stat", "--name-status", "--word-diff", "--patch"] {
        let wanted: &[&str] = if form == "--patch" { &[] } else { &[form] };
        let diff = sandbox.trace(&[&["diff", "@-2", "@-1"], wanted].concat()).good("trace diff");
        let show = sandbox.trace(&["show", "@-1", form]).good("trace show");
        let plain = sandbox.trace(&["show", "@-1"]).good("trace show");
        assert_eq!(show, format!("{plain}\n\n{diff}"), "{form}");
        assert!(form == "--patch" || !diff.contains('\u{1b}'), "{form}: {diff}");
    }
    let words = sandbox.trace(&["diff", "@-2", "@-1", "--word-diff", "--", "src/a"]).good("trace diff");
    assert!(words.ends_with("@@ -1 +1 @@\nfn a([-x-]{+y+}: u8) {}"), "{words}");
    let painted = sandbox.trace(&["--color=always", "diff", "@-2", "@-1", "--word-diff"]).good("trace diff");
    assert!(painted.contains("fn a(\u{1b}[31m[-x-]\u{1b}[0m\u{1b}[32m{+y+}\u{1b}[0m: u8) {}"), "{painted}");
}

#[test]
fn show_tells_what_differs_only_when_it_is_asked_and_only_of_the_paths_it_is_given() {
    let sandbox = Sandbox::enabled();
    let first =
        sandbox.json(&["log", "--limit", "0"])["checkpoints"].as_array().unwrap().last().unwrap().clone();
    sandbox.write("src/a", "changed\n");
    sandbox.write("README", "changed\n");
    sandbox.checkpoint();
    let shown = |args: &[&str]| sandbox.trace(&[&["show", "@-1"], args].concat()).good("trace show");
    let all = shown(&[]);
    assert!(all.contains("M  src/a") && all.contains("M  README") && !all.contains("diff --git"), "{all}");
    let below = sandbox.cd("src").trace(&["show", "@-1", "-p", "--", "a"]).good("trace show");
    assert!(below.contains("M  src/a") && below.contains("diff --git a/src/a b/src/a"), "{below}");
    assert!(!below.contains("README"), "{below}");
    let text = shown(&["--json", "--", "README"]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["changes"].as_array().unwrap().len(), 1, "{json}");
    assert_eq!(sandbox.trace(&["show", "--stat", "--json"]).code, 2);
    assert_eq!(sandbox.trace(&["show", "--stat", "-p"]).code, 2);
    let ran = sandbox.trace(&["show", first["id"].as_str().unwrap(), "-p"]);
    assert_eq!(ran.code, 0);
    assert!(ran.stderr.contains("the first checkpoint"), "{}", ran.stderr);
}
