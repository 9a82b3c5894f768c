//! The page that `--html` writes: all of it in one file, without a script, and nothing that it would have to load.

mod axis;
mod charts;
mod markup;
mod peers;
mod picture;
mod tables;

use std::time::Duration;

use super::report::Report;
use super::samples::Sample;
use crate::quantity::{bytes, counted, grouped, time};
use charts::OverTime;
pub(in crate::stress) use charts::Ratio;
use markup::{each, escape};
pub(super) use peers::read as read_peers;

/// Bytes in one.
const MEBIBYTE: f64 = 1024.0 * 1024.0;

const STYLE: &str = include_str!("style.css");

/// The page of a report, with what was measured beside peers elsewhere.
pub(super) fn page(report: &Report, peers: &[Ratio]) -> String {
    let sections =
        [distribution(report), rates(report), beside(report, peers), memory(report), Some(account(report))];
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\
         <title>greenproc stress</title><style>{STYLE}</style></head><body><main>{}{}</main></body></html>\n",
        head(report),
        sections.into_iter().flatten().collect::<String>()
    )
}

fn head(report: &Report) -> String {
    let tiles = [
        ("operations", grouped(report.ops)),
        ("a second", grouped(report.ops_per_second as u64)),
        ("processes", grouped(report.runtime_spawned)),
        ("checks", grouped(report.account.checks)),
        ("time", time(Duration::from_secs_f64(report.duration_seconds))),
    ];
    let tiles = each(tiles, |(name, value)| format!("<div><dt>{name}</dt><dd>{value}</dd></div>"));
    format!(
        "<h1>greenproc stress</h1><p class=\"soft\">{}, {}, seed {}. The same seed makes the same choices.</p>{}<dl class=\"tiles\">{tiles}</dl>",
        counted(report.stressors.len() as u64, "stressor"),
        counted(report.stressors.values().map(|stressor| stressor.workers).sum(), "worker"),
        report.seed,
        verdict(report)
    )
}

fn verdict(report: &Report) -> String {
    if report.good {
        return "<p class=\"verdict good\">✓ Every process was reaped exactly once; no process, pid or thread is left.</p>".to_owned();
    }
    let faults = each(report.faults(), |fault| format!("<li>{}</li>", escape(&fault)));
    format!("<div class=\"verdict bad\">✗ Something is wrong:<ul>{faults}</ul></div>")
}

fn section(title: &str, words: &str, content: &str) -> String {
    format!("<section><h2>{title}</h2><p class=\"soft\">{words}</p>{content}</section>")
}

fn distribution(report: &Report) -> Option<String> {
    let chart = charts::distribution(&report.latencies)?;
    let words = "Of all lives that were timed, the share in each column; the scale is one of powers. From the spawn to the \
                 first step, from the last step to the return of the parent's wait, and from the kill to the wait that reports it.";
    Some(section("How long single lives take", words, &format!("{chart}{}", tables::latencies(report))))
}

fn rates(report: &Report) -> Option<String> {
    (report.samples.len() > 2).then(|| {
        let charts: String = report.order.iter().enumerate().map(|(number, name)| {
            let overall = report.stressors.get(name).map_or(0.0, |stressor| stressor.ops_per_second);
            let chart = OverTime { what: name, points: charts::rates(&report.samples, number), write: &short, class: "s0" };
            figure(name, &format!("{}/s", short(overall)), &chart)
        }).collect();
        let words = "Operations a second of each stressor, all running at the same time; each chart has its own scale, and says its mean.";
        section("Rates over time", words, &format!("<div class=\"grid-of-charts\">{charts}</div>"))
    })
}

fn figure(name: &str, value: &str, chart: &OverTime<'_>) -> String {
    format!(
        "<figure><figcaption><b>{}</b><span>{}</span></figcaption>{}</figure>",
        escape(name),
        escape(value),
        chart.draw()
    )
}

fn beside(report: &Report, peers: &[Ratio]) -> Option<String> {
    let host = report.host.iter().flat_map(|host| {
        host.each().map(|(name, pair)| Ratio {
            beside: format!("the host's fork, one {name} after another"),
            class: "s2",
            median: pair.ratio,
            p10: pair.p10,
            p90: pair.p90,
        })
    });
    let all: Vec<Ratio> = peers.iter().cloned().chain(host).collect();
    let chart = charts::ratios(&all)?;
    let named = [
        ("s0", "the benchmark peers, all CPUs"),
        ("s1", "the benchmark peers, one CPU"),
        ("s2", "this run, beside the host"),
    ];
    let named: Vec<(String, String)> = named
        .into_iter()
        .filter(|(class, _)| all.iter().any(|ratio| ratio.class == *class))
        .map(|(class, name)| (class.to_owned(), name.to_owned()))
        .collect();
    let words = "What a life of ours costs, as a share of what it costs there: left of the broken line ours is faster. A dot is the \
                 median of the rounds; the bar reaches from the tenth to the ninetieth of a hundred.";
    Some(section("Beside others", words, &format!("{}{chart}", charts::legend(&named))))
}

fn memory(report: &Report) -> Option<String> {
    if report.samples.len() < 3 {
        return None;
    }
    let points = |value: fn(&Sample) -> f64| {
        report.samples.iter().map(|sample| (sample.seconds, value(sample))).collect::<Vec<_>>()
    };
    let mebibytes = |value: f64| format!("{} MiB", short(value));
    let kinds: [(_, _, &dyn Fn(f64) -> String); 4] = [
        ("Memory in RAM", points(|sample| sample.resident_bytes as f64 / MEBIBYTE), &mebibytes),
        ("Threads", points(|sample| sample.threads as f64), &short),
        ("Memory maps", points(|sample| sample.maps as f64), &short),
        ("Pids in use", points(|sample| sample.pids as f64), &short),
    ];
    let verdicts = report.soak.as_ref().map(|soak| soak.each().map(|(_, trend, _)| trend.verdict.word()));
    let charts: String = kinds
        .into_iter()
        .enumerate()
        .map(|(number, (name, points, write))| {
            let chart = OverTime { what: name, points, write, class: "s2" };
            let last = chart.points.iter().map(|point| point.1).fold(0.0, f64::max);
            let said = verdicts
                .map_or_else(|| format!("at most {}", write(last)), |verdicts| verdicts[number].to_owned());
            figure(name, &said, &chart)
        })
        .collect();
    let words = format!(
        "What the host process holds. Afterwards, when the runtime was down, it held {} more memory than before, and {}.",
        bytes(report.resident_growth_bytes),
        match report.leaked_threads {
            0 => "no thread more".to_owned(),
            threads => counted(threads, "thread") + " more",
        }
    );
    Some(section(
        "Memory, threads, maps, pids",
        &words,
        &format!("<div class=\"grid-of-charts wide\">{charts}</div>"),
    ))
}

fn account(report: &Report) -> String {
    let second = match &report.second_account {
        None => String::new(),
        Some(book) => format!(
            " As the runtime told it, {} were made, ended and were reaped, once and in this order{}.",
            counted(book.processes, "process"),
            if book.words.is_empty() { "" } else { "; but see below" }
        ),
    };
    let words =
        format!("Who was made, who was reaped and by whom, and what was looked at on the way.{second}");
    let told = each(report.second_account.iter().flat_map(|book| &book.words), |words| {
        format!("<p>{}</p>", escape(words))
    });
    section("The account", &words, &format!("{}{told}", tables::account(report)))
}

/// A number in few characters: `1.2k`, `35M`.
fn short(value: f64) -> String {
    let (value, unit) = match value {
        _ if value >= 9.995e8 => (value / 1e9, "G"),
        _ if value >= 9.995e5 => (value / 1e6, "M"),
        _ if value >= 999.5 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let digits = usize::from(value < 9.95 && value.fract().abs() > 1e-6);
    format!("{value:.digits$}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_few_characters() {
        let cases = [
            (0.0, "0"),
            (0.5, "0.5"),
            (7.0, "7"),
            (999.0, "999"),
            (1_000.0, "1k"),
            (1_234.0, "1.2k"),
            (35_400_000.0, "35M"),
        ];
        for (value, text) in cases {
            assert_eq!(short(value), text);
        }
    }
}
