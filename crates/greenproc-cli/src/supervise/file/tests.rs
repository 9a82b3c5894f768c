use std::time::Duration;

use super::*;
use greenproc_supervisor::{Backoff, Intensity, Restart, Shutdown, Strategy};

use crate::supervise::plan::{Kind, Probe, ReadyWhen, Work};

/// What is wrong with the text, as `line: text`.
fn wrong(source: &str) -> Vec<String> {
    let complaints = read(source, "test").expect_err("something is wrong");
    complaints.iter().map(ToString::to_string).collect()
}

/// What is wrong with one child, given its keys from line 3 on.
fn wrong_child(keys: &str) -> Vec<String> {
    wrong(&format!("[[child]]\nname = \"a\"\n{keys}\n"))
}

fn right(source: &str) -> Plan {
    read(source, "test").unwrap_or_else(|complaints| panic!("{complaints:?}"))
}

fn names(plan: &Plan) -> Vec<&str> {
    plan.children.iter().map(|child| child.name.as_str()).collect()
}

#[test]
fn what_is_not_said_is_as_in_otp_or_as_the_page_says() {
    let plan = right("[[child]]\nname = \"a\"\ncommand = [\"true\"]\n");
    assert_eq!((plan.name.as_str(), plan.strategy), ("test", Strategy::OneForOne));
    assert_eq!(plan.intensity, Intensity { restarts: 1, period: Duration::from_secs(5) });
    assert_eq!(plan.backoff, Backoff::default());
    let child = &plan.children[0];
    assert_eq!(child.restart, Restart::Permanent);
    assert_eq!(child.shutdown, Shutdown::Grace(Duration::from_secs(5)));
    assert!(!child.significant && child.intensity.is_none() && child.backoff.is_none());
    let Work::Program(program) = &child.work else { panic!("a program") };
    assert!(program.ready.is_none() && program.health.is_none());
    let Kind::Host(setting) = &program.kind else { panic!("of the host") };
    assert_eq!(setting.stop_signal, greenproc::Signal::TERM);
    assert!(setting.environment.is_empty() && !setting.clear_environment && setting.directory.is_none());
}

#[test]
fn each_key_is_read() {
    let plan = right(
        r#"
        [supervisor]
        name = "n"
        strategy = "rest-for-one"
        intensity = 7
        period = "1m"
        auto-shutdown = "all-significant"
        backoff = { first = "1s", factor = 3, max = "9s", jitter = 0.25, reset-after = "2m" }
        [[child]]
        name = "a"
        command = ["x", ""]
        restart = "transient"
        shutdown = "kill"
        significant = true
        intensity = 2
        backoff = "none"
        stop-signal = "SIGQUIT"
        env = { A = "1" }
        env-clear = true
        directory = "/"
        ready = { line = "^ok$", within = "3s" }
        health = { command = ["true"], every = "1s", timeout = "100ms", failures = 9 }
        log = { lines-per-second = 3 }
        "#,
    );
    assert_eq!(plan.strategy, Strategy::RestForOne);
    assert_eq!(plan.intensity, Intensity { restarts: 7, period: Duration::from_mins(1) });
    let backoff = Backoff {
        first: Duration::from_secs(1),
        factor: 3.0,
        max: Duration::from_secs(9),
        jitter: 0.25,
        reset_after: Duration::from_mins(2),
    };
    assert_eq!(plan.backoff, backoff);
    let child = &plan.children[0];
    assert_eq!(
        (child.restart, child.shutdown, child.significant),
        (Restart::Transient, Shutdown::Kill, true)
    );
    assert_eq!(child.intensity, Some(Intensity { restarts: 2, period: Duration::from_secs(5) }));
    assert_eq!(child.backoff, Some(Backoff::NONE));
    let Work::Program(program) = &child.work else { panic!("a program") };
    assert_eq!(program.words, ["x", ""]);
    assert_eq!((program.lines.per_second, program.lines.burst), (3, 3));
    let health = program.health.as_ref().expect("given");
    assert_eq!(health.probe, Probe::Command(vec!["true".to_owned()]));
    assert_eq!((health.every, health.failures), (Duration::from_secs(1), 9));
    assert_eq!(health.timeout, Duration::from_millis(100));
    let ready = program.ready.as_ref().expect("given");
    assert!(matches!(&ready.when, ReadyWhen::Line(line) if line.is_match("ok") && !line.is_match("okay")));
    let Kind::Host(setting) = &program.kind else { panic!("of the host") };
    assert_eq!(setting.stop_signal, greenproc::Signal::QUIT);
    assert_eq!(setting.environment["A"], "1");
    assert!(setting.clear_environment);
}

#[test]
fn addresses_are_read() {
    let probe = |ready: &str| {
        let plan = right(&format!("[[child]]\nname = \"a\"\ncommand = [\"x\"]\nready = {{ {ready} }}\n"));
        match plan.children.into_iter().next().expect("one").work {
            Work::Program(program) => program.ready.expect("given").when,
            Work::Supervisor(_) => panic!("a program"),
        }
    };
    let http = |text: &str| match probe(&format!("http = \"{text}\"")) {
        ReadyWhen::Probe(Probe::Http(url)) => (url.address.to_string(), url.authority, url.path),
        other => panic!("{other:?}"),
    };
    assert_eq!(http("http://localhost"), ("127.0.0.1:80".into(), "localhost".into(), "/".into()));
    assert_eq!(http("http://[::1]:8/a?b"), ("[::1]:8".into(), "[::1]:8".into(), "/a?b".into()));
    assert_eq!(http("http://[::1]/"), ("[::1]:80".into(), "[::1]".into(), "/".into()));
    assert!(matches!(probe("tcp = \"localhost:7\""), ReadyWhen::Probe(Probe::Tcp(at)) if at.port() == 7));
    assert!(matches!(probe("exit-of = [\"x\"]"), ReadyWhen::Probe(Probe::Command(_))));
}

#[test]
fn children_start_after_those_they_come_after() {
    let child = |name: &str, after: &str| {
        format!("[[child]]\nname = \"{name}\"\ncommand = [\"x\"]\nafter = [{after}]\n")
    };
    let plan = right(&(child("web", r#""db", "cache""#) + &child("cache", "") + &child("db", r#""cache""#)));
    assert_eq!(names(&plan), ["cache", "db", "web"]);
}

#[test]
fn a_child_may_be_a_supervisor() {
    let plan = right(
        "[[child]]\nname = \"s\"\nstrategy = \"one-for-all\"\nintensity = 9\n\
         [[child.child]]\nname = \"t\"\n[[child.child.child]]\nname = \"u\"\nprogram = [\"true\"]\n",
    );
    let Work::Supervisor(middle) = &plan.children[0].work else { panic!("a supervisor") };
    assert_eq!((middle.strategy, middle.intensity.restarts), (Strategy::OneForAll, 9));
    assert_eq!(plan.children[0].shutdown, Shutdown::Infinite);
    let Work::Supervisor(inner) = &middle.children[0].work else { panic!("a supervisor") };
    assert_eq!(names(inner), ["u"]);
}

#[test]
fn no_toml_is_said_line_by_line() {
    let said = wrong("a = 1\nb = \nc = \"x\n");
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("2: ") && said[1].starts_with("3: "), "{said:?}");
}

/// What can be wrong with a file, and what is said then.
const FAULTS: &[(&str, &[&str])] = &[
    ("", &["1: there is no [[child]]"]),
    ("child = 4", &["1: child: a list of tables ([[child]]) is wanted, not the number 4"]),
    (
        "supervisor = 4\nchild = [4]",
        &[
            "1: supervisor: a table ([supervisor]) is wanted, not the number 4",
            "2: child: a table is wanted, not the number 4",
        ],
    ),
    ("[[child]]\ncommand = [\"x\"]", &["1: child: name is missing"]),
    (
        "[[child]]\nname = \"a/b\"",
        &["2: name: it cannot be empty, and holds no slash and no control character"],
    ),
    (
        "[[child]]\nname = \"a\"\ncommand = [\"x\"]\n[[child]]\nname = \"a\"\ncommand = [\"x\"]",
        &["5: name: 'a' is there twice"],
    ),
    (
        "[supervisor]\nauto-shutdown = \"any\"\n[[child]]\nname = \"a\"\ncommand = [\"x\"]",
        &[
            "2: supervisor: auto-shutdown: \"any\" is none of \"never\", \"any-significant\", \"all-significant\"; \
             did you mean \"any-significant\"?",
        ],
    ),
    (
        "[[child]]\nname = \"s\"\n[[child.child]]\nname = \"a\"\nprogram = [\"slep\"]",
        &["5: child 's': child 'a': program: there is no built-in program 'slep'; did you mean 'sleep'?"],
    ),
    (
        "[[child]]\nname = \"s\"\nhealth = {}\ndirectory = \"/\"\n[[child.child]]\nname = \"a\"\nprogram = [\"true\"]",
        &[
            "3: child 's': health: this child is a supervisor",
            "4: child 's': directory: this child is a supervisor",
        ],
    ),
    (
        "[[child]]\nname = \"a\"\ncommand = [\"x\"]\nafter = [\"a\"]",
        &["4: child 'a': after: no order is possible: a comes after a"],
    ),
];

/// What can be wrong with the keys of a child, from line 3 on.
const FAULTS_OF_A_CHILD: &[(&str, &[&str])] = &[
    ("", &["1: child 'a': one of command, program, child is missing"]),
    (
        "comand = [\"x\"]",
        &[
            "1: child 'a': one of command, program, child is missing",
            "3: child 'a': unknown key 'comand'; did you mean 'command'?",
        ],
    ),
    (
        "command = [\"x\"]\nprogram = [\"true\"]",
        &["4: child 'a': program: command is there too; only one of command, program, child can be"],
    ),
    ("command = \"x\"", &["3: child 'a': command: a list of strings is wanted, not the string \"x\""]),
    (
        "command = [\"x\", 1]",
        &["3: child 'a': command: a list of strings is wanted, and this is the number 1"],
    ),
    ("command = []", &["3: child 'a': command: the program is missing: [\"program\", \"argument\"]"]),
    ("command = [\"x\", \"a\\u0000b\"]", &["3: child 'a': command: a command cannot hold a zero byte"]),
    (
        "command = [\"x\"]\nstrategy = \"one-for-all\"",
        &["4: child 'a': strategy: this child is no supervisor"],
    ),
    (
        "program = [\"true\"]\nenv = {}",
        &["4: child 'a': env: a built-in program has none; 'command' runs one of the host"],
    ),
    (
        "command = [\"x\"]\nrestart = \"allways\"",
        &["4: child 'a': restart: \"allways\" is none of \"permanent\", \"transient\", \"temporary\""],
    ),
    (
        "command = [\"x\"]\nshutdown = 5",
        &[
            "4: child 'a': shutdown: a time such as \"5s\", \"kill\" or \"infinite\" is wanted, not the number 5",
        ],
    ),
    (
        "command = [\"x\"]\nshutdown = \"5\"",
        &["4: child 'a': shutdown: \"5\" is none of \"kill\", \"infinite\" and a time such as \"5s\""],
    ),
    (
        "command = [\"x\"]\nintensity = -1",
        &["4: child 'a': intensity: -1 is not between 0 and 4,294,967,295"],
    ),
    (
        "command = [\"x\"]\nsignificant = \"yes\"",
        &["4: child 'a': significant: true or false is wanted, not the string \"yes\""],
    ),
    (
        "command = [\"x\"]\nafter = [\"b\"]",
        &["4: child 'a': after: there is no child 'b'; it has to be a child of the same supervisor"],
    ),
    (
        "command = [\"x\"]\nstop-signal = \"SIGSTOPP\"",
        &[
            "4: child 'a': stop-signal: no signal is called \"SIGSTOPP\": use a name such as TERM or SIGKILL, or a number from 1 to 64",
        ],
    ),
    (
        "command = [\"x\"]\nenv = { A = 1, \"B=\" = \"x\" }",
        &[
            "4: child 'a': env: 'B=' cannot be a variable",
            "4: child 'a': env: A: a string is wanted, not the number 1",
        ],
    ),
    (
        "command = [\"x\"]\nready = { within = \"1s\" }",
        &["4: child 'a': ready: one of line, tcp, http, exit-of is missing"],
    ),
    ("command = [\"x\"]\nready = { line = \"(\" }", &["4: child 'a': ready: line: unclosed group"]),
    (
        "command = [\"x\"]\nready = { line = \"x\", withn = \"1s\" }",
        &["4: child 'a': ready: unknown key 'withn'; did you mean 'within'?"],
    ),
    (
        "command = [\"x\"]\nhealth = { tcp = \"db:5432\", failures = 0 }",
        &[
            "4: child 'a': health: failures: it is at least 1",
            "4: child 'a': health: tcp: \"db:5432\" is no address: an IP address or localhost, a colon and a port",
        ],
    ),
    (
        "command = [\"x\"]\nhealth = { http = \"https://localhost/\" }",
        &["4: child 'a': health: http: \"https://localhost/\" is not like \"http://127.0.0.1:80/healthz\""],
    ),
    (
        "command = [\"x\"]\nbackoff = { factor = 0.5, first = \"2s\", max = \"1s\", jitter = 2 }",
        &[
            "4: child 'a': backoff: factor: it is at least 1",
            "4: child 'a': backoff: jitter: it is from 0 to 1",
            "4: child 'a': backoff: max: it is shorter than the first wait",
        ],
    ),
    (
        "command = [\"x\"]\nlog = { lines-per-second = 0 }",
        &[
            "4: child 'a': log: burst: it is at least 1",
            "4: child 'a': log: lines-per-second: it is at least 1",
        ],
    ),
    (
        "command = [\"x\"]\nperiod = 1979-05-27",
        &["4: child 'a': period: a time such as \"5s\" is wanted, not a date"],
    ),
];

#[test]
fn each_fault_is_said_with_its_line_its_place_and_its_key() {
    for (source, said) in FAULTS {
        assert_eq!(wrong(source), *said, "{source}");
    }
    for (keys, said) in FAULTS_OF_A_CHILD {
        assert_eq!(wrong_child(keys), *said, "{keys}");
    }
}
