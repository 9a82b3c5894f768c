//! The tables of the page: what the charts show, in numbers.

use std::time::Duration;

use super::markup::{each, escape};
use crate::quantity::{grouped, time};
use crate::stress::ledger::Account;
use crate::stress::report::Report;

fn table(titles: &[&str], rows: &str) -> String {
    let titles = each(titles, |title| format!("<th>{title}</th>"));
    format!(
        "<div class=\"scroll\"><table><thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
}

/// The percentiles of what was timed.
pub(super) fn latencies(report: &Report) -> String {
    let rows = each(&report.latency, |(name, p)| {
        let times = each([p.min, p.p50, p.p90, p.p99, p.p999, p.max], |ns| {
            format!("<td>{}</td>", time(Duration::from_nanos(ns)))
        });
        format!("<tr><td>{}</td><td>{}</td>{times}</tr>", name.replace('_', " "), grouped(p.count))
    });
    table(&["", "count", "least", "median", "90 %", "99 %", "99.9 %", "most"], &rows)
}

/// What became of all processes, by stressor, and what was not looked at.
pub(super) fn account(report: &Report) -> String {
    let mut rows = each(&report.stressors, |(name, stressor)| {
        row("", name, stressor.ops, stressor.ops_per_second, &stressor.account)
    });
    rows.push_str(&row("sum", "all", report.ops, report.ops_per_second, &report.account));
    let unchecked = each(&report.stressors, |(name, stressor)| {
        let told =
            stressor.unchecked.map(|what| format!("<li><b>{}</b>: {}</li>", escape(name), escape(what)));
        told.unwrap_or_default()
    });
    let titles = [
        "stressor",
        "operations",
        "a second",
        "spawned",
        "reaped",
        "by others",
        "lost",
        "double",
        "checks",
        "wrong",
    ];
    let table = table(&titles, &rows);
    if unchecked.is_empty() {
        return table;
    }
    format!("{table}<p class=\"after\">What they do but do not check:</p><ul class=\"soft\">{unchecked}</ul>")
}

fn row(class: &str, name: &str, ops: u64, rate: f64, account: &Account) -> String {
    let plain = [ops, rate as u64, account.spawned, account.reaped, account.left_to_others];
    let plain = each(plain, |count| format!("<td>{}</td>", grouped(count)));
    let bad = |count: u64| {
        format!("<td{}>{}</td>", if count > 0 { " class=\"wrong\"" } else { "" }, grouped(count))
    };
    format!(
        "<tr class=\"{class}\"><td>{}</td>{plain}{}{}<td>{}</td>{}</tr>",
        escape(name),
        bad(account.lost),
        bad(account.double_reaped),
        grouped(account.checks),
        bad(account.unexpected)
    )
}
