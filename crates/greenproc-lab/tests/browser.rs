//! The page in a real browser: keys and clicks step through the schedule, and the panes follow.
//!
//! Left out, and said so, where there is no `chromium`.
#![cfg(feature = "racelab")]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use greenproc_lab::{Fault, Options, Race, follow, page};
use serde_json::{Value, json};

/// A browser without a window, driven through its pipe: requests and answers with a NUL between two.
struct Browser {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    session: Option<String>,
    asked: u64,
    /// What the page complained of.
    complaints: Vec<String>,
    profile: PathBuf,
}

impl Browser {
    /// `None` if there is none on this machine.
    fn open() -> Option<Browser> {
        let found = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| {
            Command::new(name)
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        })?;
        let profile = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
        // It reads requests from descriptor 3 and answers on 4.
        let shell = r#"exec "$0" "$@" 3<&0 4>&1 >/dev/null 2>&1 </dev/null"#;
        let mut child = Command::new("sh")
            .args(["-c", shell, found])
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"])
            .args(["--no-first-run", "--window-size=1400,1000"])
            .arg(format!("--user-data-dir={}", profile.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let to = child.stdin.take().expect("a pipe");
        let from = BufReader::new(child.stdout.take().expect("a pipe"));
        Some(Browser { child, to, from, session: None, asked: 0, complaints: Vec::new(), profile })
    }

    fn ask(&mut self, method: &str, parameters: &Value) -> Value {
        self.asked += 1;
        let mut request = json!({ "id": self.asked, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            request["sessionId"] = json!(session);
        }
        self.to.write_all(request.to_string().as_bytes()).expect("it listens");
        self.to.write_all(b"\0").expect("it listens");
        loop {
            let message = self.hear();
            if message["id"] == json!(self.asked) {
                assert_eq!(message["error"], Value::Null, "{method}");
                return message["result"].clone();
            }
        }
    }

    fn hear(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.from.read_until(0, &mut bytes).expect("it answers");
        assert_eq!(bytes.pop(), Some(0), "it has gone");
        let message: Value = serde_json::from_slice(&bytes).expect("JSON");
        if let Some("Runtime.exceptionThrown" | "Runtime.consoleAPICalled" | "Log.entryAdded") =
            message["method"].as_str()
        {
            self.complaints.push(message["params"].to_string());
        }
        message
    }

    /// Opens a page, and returns when it is there.
    fn visit(&mut self, url: &str) {
        let target = self.ask("Target.createTarget", &json!({ "url": "about:blank" }))["targetId"].clone();
        let session = self.ask("Target.attachToTarget", &json!({ "targetId": target, "flatten": true }));
        self.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            self.ask(domain, &json!({}));
        }
        self.ask("Page.navigate", &json!({ "url": url }));
        while self.hear()["method"] != json!("Page.loadEventFired") {}
    }

    fn value(&mut self, expression: &str) -> Value {
        let result =
            self.ask("Runtime.evaluate", &json!({ "expression": expression, "returnByValue": true }));
        assert_eq!(result["exceptionDetails"], Value::Null, "{expression}");
        result["result"]["value"].clone()
    }

    fn press(&mut self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            self.ask("Input.dispatchKeyEvent", &json!({ "type": kind, "key": key }));
        }
    }

    /// Clicks at the middle of what a selector finds.
    fn click(&mut self, selector: &str) {
        let place = self.value(&format!(
            "(() => {{ const box = document.querySelector('{selector}').getBoundingClientRect(); \
             return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let event =
                json!({ "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1 });
            self.ask("Input.dispatchMouseEvent", &event);
        }
    }

    /// What is shown: the step, the rows that are lit, and the panes of both sides.
    fn shown(&mut self) -> Shown {
        let text = |value: Value| value.as_str().expect("a text").to_owned();
        Shown {
            place: text(self.value("document.getElementById('where').textContent")),
            lit: self.value("document.querySelectorAll('tr.now').length").as_u64().expect("a number"),
            panes: text(
                self.value("[...document.querySelectorAll('.panel')].map(one => one.innerText).join('|')"),
            ),
            rows: self
                .value(
                    "[...document.querySelectorAll('tbody tr')].filter(one => one.offsetHeight > 0).length",
                )
                .as_u64()
                .expect("a number"),
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(fs::remove_dir_all(&self.profile));
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Shown {
    place: String,
    lit: u64,
    panes: String,
    rows: u64,
}

#[test]
fn keys_and_clicks_step_through_the_page() {
    let Some(mut browser) = Browser::open() else {
        println!("left out: there is no chromium on this machine");
        return;
    };
    let race = Race::find("exit-wait").expect("it is one of them");
    let options = Options::default();
    let found = race.scenario(Some(Fault::CheckOutsideLock)).explore(&options).found.expect("it is found");
    let (_, fixed) = follow(&race.scenario(None), &found.token, &options);
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page.html");
    let html = page(race, found.failure.kind(), &found.token, &found.timeline, Some(&fixed));
    fs::write(&file, html).expect("a file");

    browser.visit(&format!("file://{}", file.display()));
    let end = browser.shown();
    assert!(end.lit > 0 && end.panes.contains("3 child: Zombie"), "it begins with the failure: {end:?}");

    browser.press("ArrowLeft");
    let before = browser.shown();
    assert_ne!(before.place, end.place);
    browser.press("ArrowRight");
    assert_eq!(browser.shown(), end);

    // Each step of the way back is another one; processes and locks come and go.
    browser.press("Home");
    let first = browser.shown();
    assert!(first.place.ends_with(&format!("1 of {}", end.place.rsplit(' ').next().expect("a number"))));
    assert!(!first.panes.contains("child") && end.panes != first.panes, "{first:?}");
    let (mut places, mut panes) = (vec![first.place.clone()], vec![first.panes.clone()]);
    loop {
        browser.press("ArrowRight");
        let shown = browser.shown();
        if places.last() == Some(&shown.place) {
            break;
        }
        places.push(shown.place);
        panes.push(shown.panes);
    }
    assert_eq!(places.last(), Some(&end.place));
    assert!(panes.iter().any(|pane| pane.contains("locks held\nparent 2.1: proclist_lock#1")), "{panes:#?}");
    panes.dedup();
    assert!(panes.len() > 10, "{panes:#?}");

    // The buttons do the same.
    browser.click("#first");
    assert_eq!(browser.shown(), first);
    browser.click("#next");
    let second = browser.shown();
    assert_eq!(second.place, places[1]);
    browser.click("#back");
    assert_eq!(browser.shown(), first);
    browser.click("#last");
    assert_eq!(browser.shown(), end);

    // Every event, and back.
    browser.click("#all");
    let all = browser.shown();
    assert!(all.rows > end.rows, "{} rows of {}", all.rows, end.rows);
    browser.press("a");
    assert_eq!(browser.shown().rows, end.rows);

    // A click on a row goes there.
    browser.press("Home");
    browser.click("tbody tr:nth-child(2)");
    assert_eq!(
        browser.value("document.querySelectorAll('tbody tr')[1].classList.contains('now')"),
        json!(true)
    );

    assert!(browser.complaints.is_empty(), "{:?}", browser.complaints);
}
