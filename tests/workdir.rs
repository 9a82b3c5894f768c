//! The working directory, the root and the umask of a process (row 18, decision 15).

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crossbeam_channel::unbounded;
use greenproc::{Command, Process};
use greenproc_tests::{Fixture, errno, hold, succeeded};

const EPERM: i32 = 1;
const ENOENT: i32 = 2;
const EACCES: i32 = 13;
const ENOTDIR: i32 = 20;
const ELOOP: i32 = 40;

/// A directory that goes with the test.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Dir {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("greenproc-workdir-{}-{number}", std::process::id());
        let path = std::env::temp_dir().canonicalize().expect("it is there").join(name);
        for below in ["a/b", "a/closed"] {
            fs::create_dir_all(path.join(below)).expect("it can be made");
        }
        fs::write(path.join("a/file"), "text").expect("it can be written");
        Dir(path)
    }

    fn link(&self, name: &str, target: &str) {
        symlink(target, self.0.join(name)).expect("it can be made");
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::set_permissions(self.0.join("a/closed"), fs::Permissions::from_mode(0o700));
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != ErrorKind::NotFound => panic!("{error}"),
            _ => {}
        }
    }
}

#[test]
fn a_process_has_a_directory_of_its_own() {
    let before = std::env::current_dir().expect("there is one");
    let dir = Dir::new();
    let top = dir.0.clone();
    Fixture::boot().inside(move |p| {
        assert_eq!(p.getcwd().expect("there is one"), std::env::current_dir().expect("there is one"));
        p.chdir(&top).expect("it is there");
        p.chdir("a/b").expect("it is there");
        assert_eq!(p.getcwd().expect("there is one"), top.join("a/b"));
        assert_eq!(p.resolve("../file").expect("it is there"), top.join("a/file"));
        assert_eq!(p.resolve("new").expect("it need not be there"), top.join("a/b/new"));
        assert_eq!(p.resolve("/../..").expect("there is nothing above"), Path::new("/"));
        assert_eq!(p.resolve(".").expect("it is there"), top.join("a/b"));
        p.chdir("..").expect("it is there");
        assert_eq!(p.getcwd().expect("there is one"), top.join("a"));
    });
    assert_eq!(std::env::current_dir().expect("there is one"), before);
}

#[test]
fn a_path_that_leads_nowhere_is_what_the_host_says() {
    let dir = Dir::new();
    dir.link("round", "round");
    dir.link("dangling", "nowhere");
    fs::set_permissions(dir.0.join("a/closed"), fs::Permissions::from_mode(0o0)).expect("it is mine");
    let top = dir.0.clone();
    Fixture::boot().inside(move |p| {
        p.chdir(&top).expect("it is there");
        assert_eq!(errno(p.chdir("nowhere")), ENOENT);
        assert_eq!(errno(p.chdir("")), ENOENT);
        assert_eq!(errno(p.resolve("nowhere/x")), ENOENT);
        assert_eq!(errno(p.chdir("dangling")), ENOENT);
        assert_eq!(p.resolve("dangling").expect("the last need not be there"), top.join("nowhere"));
        assert_eq!(errno(p.chdir("a/file")), ENOTDIR);
        assert_eq!(errno(p.resolve("a/file/x")), ENOTDIR);
        assert_eq!(errno(p.resolve("a/file/..")), ENOTDIR);
        assert_eq!(errno(p.chdir("round")), ELOOP);
        assert_eq!(errno(p.chroot("nowhere")), if p.uid() == 0 { ENOENT } else { EPERM });
        assert_eq!(errno(p.open_file("nowhere", OpenOptions::new().read(true))), ENOENT);
        if fs::metadata(&top).expect("it is there").uid() == 0 {
            p.chdir("a/closed").expect("root goes anywhere");
        } else {
            assert_eq!(errno(p.chdir("a/closed")), EACCES);
        }
        assert!([top.clone(), top.join("a/closed")].contains(&p.getcwd().expect("there is one")));
    });
}

#[test]
fn links_are_followed_and_none_leads_out_of_the_root() {
    let dir = Dir::new();
    dir.link("a/up", "..");
    dir.link("a/b/absolute", "/a/file");
    dir.link("a/etc", "/etc");
    let top = dir.0.clone();
    Fixture::boot().inside(move |p| {
        p.chdir(top.join("a/b")).expect("it is there");
        assert_eq!(p.resolve("../up/a/up").expect("it is there"), top);
        assert_eq!(errno(p.resolve("absolute")), ENOENT, "the host has no such file");
        if p.uid() != 0 {
            assert_eq!(errno(p.chroot(&top)), EPERM);
            return;
        }
        p.chroot(&top).expect("root may");
        assert_eq!(p.getcwd().expect("there is one"), Path::new("/a/b"));
        assert_eq!(p.resolve("absolute").expect("it is there"), top.join("a/file"));
        assert_eq!(p.resolve("../../../..").expect("it is there"), top);
        assert_eq!(errno(p.resolve("/a/etc/passwd")), ENOENT);
        p.chdir("/a").expect("it is there");
        p.chroot("b").expect("root may");
        assert_eq!(p.getcwd().expect("there is one"), Path::new("/"), "it was outside");
        assert_eq!(p.resolve("..").expect("it is there"), top.join("a/b"));
        p.setuid(1).expect("root may");
        assert_eq!(errno(p.chroot("/")), EPERM);
    });
}

#[test]
fn new_files_do_not_get_what_the_mask_has() {
    let dir = Dir::new();
    let top = dir.0.clone();
    Fixture::boot().inside(move |p| {
        p.chdir(&top).expect("it is there");
        let hosts = p.umask(0o777).expect("it lives");
        assert!(hosts <= 0o777);
        assert_eq!(p.umask(0o4077).expect("it lives"), 0o777);
        assert_eq!(p.umask(0o077).expect("it lives"), 0o077, "nine bits");
        let new = p.open_file("new", OpenOptions::new().write(true).create_new(true)).expect("it is new");
        p.write(new, b"abc").expect("room");
        let mode = fs::metadata(top.join("new")).expect("it is there").mode();
        assert_eq!(mode & 0o777, 0o600 & !hosts);
        assert_eq!(fs::read(top.join("new")).expect("it is there"), b"abc");
    });
}

fn tell(p: &Process, name: &'static str, change: impl FnOnce(Command) -> Command) -> PathBuf {
    let (say, said) = unbounded();
    let body = move |p: &Process| {
        say.send((p.getcwd().expect("there is one"), p.umask(0).expect("it lives"))).expect("it listens");
        p.chdir("b").expect("it is there");
    };
    let child = p.spawn(change(Command::new(name, body))).expect("room");
    succeeded(&child.wait().expect("my child"));
    let (directory, mask) = p.recv(&said).expect("it was said");
    assert_eq!(mask, 0o27);
    directory
}

/// Decision 15: a child has a copy, or the same if its command says so.
#[test]
fn a_child_begins_where_its_parent_is() {
    let dir = Dir::new();
    let top = dir.0.clone();
    Fixture::boot().inside(move |p| {
        p.chdir(top.join("a")).expect("it is there");
        p.umask(0o27).expect("it lives");
        assert_eq!(tell(p, "copies", |command| command), top.join("a"));
        assert_eq!(p.getcwd().expect("there is one"), top.join("a"), "the child's change is its own");
        assert_eq!(tell(p, "shares", Command::share_working_directory), top.join("a"));
        assert_eq!(p.getcwd().expect("there is one"), top.join("a/b"), "now it is both's");
        assert_eq!(p.umask(0).expect("it lives"), 0);
    });
}

/// Who has nothing of its own can share it all the same; the other way round, and after the end of one.
#[test]
fn what_is_shared_outlives_whoever_shared_it() {
    let dir = Dir::new();
    let top = dir.0.clone();
    Fixture::boot().inside(move |p| {
        let (hold, held) = hold();
        let (say, said) = unbounded();
        let middle = Command::new("middle", move |p: &Process| {
            let body = move |p: &Process| {
                held(p);
                say.send(p.getcwd()).expect("it listens");
            };
            p.spawn(Command::new("below", body).share_working_directory()).map(drop)
        });
        let middle = p.spawn(middle.share_working_directory()).expect("room");
        succeeded(&middle.wait().expect("my child"));
        p.chdir(&top).expect("it is there");
        drop(hold);
        assert_eq!(p.recv(&said).expect("it was said").expect("there is one"), top);
        let refused = p.exec(Command::new("never", |_| {}).share_working_directory());
        assert_eq!(errno(refused), 22, "an exec makes no process");
    });
}

/// Row 18: at the end it is dropped, and hooks see the host's.
#[test]
fn at_the_end_it_is_gone() {
    let dir = Dir::new();
    let top = dir.0.clone();
    let fixture = Fixture::boot();
    let (say, said) = unbounded();
    let child = fixture.child("ends", move |p| {
        p.chdir(&top).expect("it is there");
        p.on_exit(move |p, _| say.send(p.getcwd()).expect("the test listens")).expect("it lives");
    });
    succeeded(&child.wait().expect("mine"));
    let seen = greenproc_tests::soon(&said).expect("there is one");
    assert_eq!(seen, std::env::current_dir().expect("there is one"));
}
