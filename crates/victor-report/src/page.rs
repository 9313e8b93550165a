//! The page.

use std::fmt::{self, Write as _};

use victor_provider_protocol::{LedgerTotal, NanoDollars};

use crate::ReportData;
use crate::charts::{self, Bar, Percentiles};
use crate::figures::{dollars, percent, short, time};
use crate::html::Text;
use crate::stats::{MODELS, ModelStats, OTHERS, Period, Stats, percentile, zoned};
use crate::turns::{TurnCourse, turns};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Most rows of a list of tools or models.
const ROWS: usize = 25;

/// Makes the page, as one HTML document that asks for nothing else.
///
/// All texts in it are escaped, so that no name of a model, a tool or a session is read as HTML, and hidden characters
/// in them are shown.
#[must_use]
pub fn render(data: &ReportData) -> String {
    let stats = Stats::new(data);
    let mut page = String::with_capacity(64 * 1024);
    // Writing to a text does not fail.
    let _ = write_page(&mut page, data, &stats);
    page
}

fn write_page(page: &mut String, data: &ReportData, stats: &Stats) -> fmt::Result {
    // Nothing is loaded, whatever a name may contain.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; \
                  form-action 'none'";
    let made = zoned(data.now, &data.zone)
        .strftime("%Y-%m-%d %H:%M %Z")
        .to_string();
    write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<header><h1>{title}</h1>\n\
         <p>{range}Made {made}.</p></header>\n<main>\n",
        title = Text(&data.title),
        range = Text(&range(stats)),
    )?;
    if data.attempts.is_empty() {
        page.push_str("<p class=\"empty\">The ledger has no model calls yet.</p>\n");
    } else {
        write_cards(page, stats)?;
        page.push_str("<div class=\"plots\">\n");
        write_over_time(page, stats)?;
        write_latency(page, stats)?;
        write_tools(page, stats)?;
        write_errors(page, stats)?;
        page.push_str("</div>\n");
        write_models(page, stats)?;
        write_turns(page, data)?;
    }
    write!(
        page,
        "</main>\n<footer>Every attempt at a model call counts, also those that failed or were stopped. A price that is \
         not known is no part of a sum.</footer>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

fn range(stats: &Stats) -> String {
    let (Some(first), Some(last)) = (stats.periods.first(), stats.periods.last()) else {
        return String::new();
    };
    let days = jiff::Span::new().days(stats.days - 1);
    let last = last.first.saturating_add(days);
    match first.first == last {
        true => format!("{last}. "),
        false => format!("{} to {last}. ", first.first),
    }
}

fn cost(total: &LedgerTotal) -> String {
    match (total.cost, total.unpriced) {
        (cost, 0) => dollars(cost),
        (NanoDollars::ZERO, _) => "unknown".to_owned(),
        (cost, _) => format!("{} +", dollars(cost)),
    }
}

fn write_cards(page: &mut String, stats: &Stats) -> fmt::Result {
    let Stats { total, .. } = stats;
    let usage = &total.usage;
    let unpriced = match total.unpriced {
        0 => String::new(),
        count => format!("{} attempts without a price", short(count)),
    };
    let cached = percent(usage.cache_read, usage.input_tokens());
    let cards = [
        ("Cost", cost(total), unpriced),
        (
            "Tokens in",
            short(usage.input_tokens()),
            format!("{cached} from a cache"),
        ),
        (
            "Tokens out",
            short(usage.output),
            format!(
                "{} of them thoughts",
                percent(usage.reasoning, usage.output)
            ),
        ),
        (
            "Model calls",
            short(total.attempts),
            format!("{} failed", percent(stats.failed, total.attempts)),
        ),
        (
            "Turns",
            short(stats.turns as u64),
            format!("in {} sessions", short(stats.sessions as u64)),
        ),
    ];
    page.push_str("<dl class=\"cards\">\n");
    for (name, figure, more) in cards {
        writeln!(
            page,
            "<div><dt>{name}</dt><dd>{}<small>{}</small></dd></div>",
            Text(&figure),
            Text(&more)
        )?;
    }
    page.push_str("</dl>\n");
    Ok(())
}

fn write_figure(page: &mut String, title: &str, body: &str) -> fmt::Result {
    writeln!(
        page,
        "<figure><figcaption>{}</figcaption>{body}<p class=\"tip\" aria-live=\"polite\"></p></figure>",
        Text(title)
    )
}

fn period_name(period: &Period, days: i64) -> String {
    match days {
        1 => period.first.to_string(),
        _ => format!("{days} days from {}", period.first),
    }
}

fn write_over_time(page: &mut String, stats: &Stats) -> fmt::Result {
    let unit = match stats.days {
        1 => "day".to_owned(),
        7 => "week".to_owned(),
        days => format!("{days} days"),
    };
    #[expect(clippy::cast_precision_loss, reason = "the plot has 400 units")]
    let bars = |value: fn(&LedgerTotal) -> u64, figure: fn(&LedgerTotal) -> String| {
        let bar = |period: &Period| Bar {
            label: period.first.strftime("%b %-d").to_string(),
            parts: (period.by_model.iter())
                .map(|(model, total)| {
                    let name = stats.models.get(*model).filter(|_| *model < MODELS);
                    let name = name.map_or(OTHERS, |model| &model.name);
                    let when = period_name(period, stats.days);
                    (
                        *model,
                        value(total) as f64,
                        format!("{when}, {name}: {}", figure(total)),
                    )
                })
                .collect(),
        };
        stats.periods.iter().map(bar).collect::<Vec<_>>()
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a scale of few digits"
    )]
    let number = |value: f64| value.max(0.0).round() as u64;
    let legend = legend(stats);
    if stats.total.cost > NanoDollars::ZERO {
        let title = format!("Cost by {unit} and model");
        let bars = bars(|total| total.cost.as_nanos(), cost);
        let plot = charts::over_time(&title, &bars, |value| {
            dollars(NanoDollars::from_nanos(number(value)))
        });
        write_figure(page, &title, &(plot + &legend))?;
    }
    let title = format!("Tokens by {unit} and model");
    let tokens = |total: &LedgerTotal| {
        format!(
            "{} in, {} out",
            short(total.usage.input_tokens()),
            short(total.usage.output)
        )
    };
    let bars = bars(|total| total.usage.total_tokens(), tokens);
    let plot = charts::over_time(&title, &bars, |value| short(number(value)));
    write_figure(page, &title, &(plot + &legend))
}

fn legend(stats: &Stats) -> String {
    let mut legend = "<ul class=\"legend\">".to_owned();
    let named = stats.models.iter().take(MODELS).map(|model| &*model.name);
    let others = (stats.models.len() > MODELS).then_some(OTHERS);
    for (colour, name) in named.chain(others).enumerate() {
        let _ = write!(legend, "<li><i class=\"c{colour}\"></i>{}</li>", Text(name)); // writing to a text does not fail
    }
    legend + "</ul>"
}

fn write_latency(page: &mut String, stats: &Stats) -> fmt::Result {
    let row = |(place, model): (usize, &ModelStats)| {
        let at = |share| percentile(&model.times, share);
        Some(Percentiles {
            label: model.name.clone(),
            colour: place.min(MODELS),
            times: [at(50)?, at(90)?, at(95)?, at(99)?],
        })
    };
    let rows: Vec<_> = stats
        .models
        .iter()
        .enumerate()
        .filter_map(row)
        .take(ROWS)
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let title = "Time of an answer: p50, p90, p95, p99";
    write_figure(page, title, &charts::percentiles(title, &rows))
}

/// A row of horizontal bars: a label, parts by their class, and the figure at its end.
struct Row<'a> {
    label: &'a str,
    parts: Vec<(&'static str, u64, String)>,
    figure: String,
}

fn rows(rows: &[Row<'_>]) -> String {
    let sum = |row: &Row<'_>| row.parts.iter().map(|(_, count, _)| count).sum::<u64>();
    let most = rows.iter().map(sum).max().unwrap_or(1).max(1);
    let mut html = "<ol class=\"rows\">".to_owned();
    for row in rows {
        let _ = write!(
            html,
            "<li><span class=\"name\">{}</span><span class=\"bar\">",
            Text(row.label)
        );
        for (class, count, said) in row.parts.iter().filter(|(_, count, _)| *count > 0) {
            #[expect(clippy::cast_precision_loss, reason = "a share in percent")]
            let share = *count as f64 / most as f64 * 100.0;
            let _ = write!(
                html,
                "<i class=\"{class}\" style=\"width:{share:.2}%\" title=\"{}\"></i>",
                Text(said)
            );
        }
        let _ = write!(
            html,
            "</span><span class=\"figure\">{}</span></li>",
            Text(&row.figure)
        );
    }
    html + "</ol>"
}

fn write_tools(page: &mut String, stats: &Stats) -> fmt::Result {
    if stats.tools.is_empty() {
        return Ok(());
    }
    let shown = stats.tools.iter().take(ROWS).map(|tool| {
        let all = tool.succeeded + tool.refused + tool.failed;
        let part =
            |class, count, what: &str| (class, count, format!("{}: {count} {what}", tool.name));
        Row {
            label: &tool.name,
            parts: vec![
                part("good", tool.succeeded, "succeeded"),
                part("held", tool.refused, "not run"),
                part("bad", tool.failed, "failed"),
            ],
            figure: match tool.failed {
                0 => short(all),
                failed => format!("{}, {} failed", short(all), percent(failed, all)),
            },
        }
    });
    let body = rows(&shown.collect::<Vec<_>>());
    let legend = "<ul class=\"legend\"><li><i class=\"good\"></i>succeeded</li><li><i class=\"held\"></i>not run</li>\
                  <li><i class=\"bad\"></i>failed</li></ul>";
    write_figure(page, "Tool calls", &(body + legend))
}

fn write_errors(page: &mut String, stats: &Stats) -> fmt::Result {
    if stats.errors.is_empty() {
        return Ok(());
    }
    let shown = stats.errors.iter().take(ROWS).map(|(class, count)| Row {
        label: class,
        parts: vec![("bad", *count, format!("{class}: {count}"))],
        figure: short(*count),
    });
    write_figure(
        page,
        "Failed model calls by class",
        &rows(&shown.collect::<Vec<_>>()),
    )
}

fn write_models(page: &mut String, stats: &Stats) -> fmt::Result {
    page.push_str(
        "<section><h2>Models</h2><div class=\"scroll\"><table><thead><tr><th>Model</th><th>Calls</th><th>Failed</th>\
         <th>In</th><th>Cached</th><th>Out</th><th>Cost</th><th>p50</th><th>p95</th><th>Tokens/s</th></tr></thead><tbody>\n",
    );
    for (place, model) in stats.models.iter().enumerate().take(ROWS) {
        let usage = &model.total.usage;
        let at = |share| percentile(&model.times, share).map_or_else(|| "–".to_owned(), time);
        let rate = model
            .rate
            .map_or_else(|| "–".to_owned(), |rate| format!("{rate:.1}"));
        write!(
            page,
            "<tr><th scope=\"row\"><i class=\"c{}\"></i>{}</th>",
            place.min(MODELS),
            Text(&model.name)
        )?;
        for cell in [
            short(model.total.attempts),
            short(model.failed),
            short(usage.input_tokens()),
            percent(usage.cache_read, usage.input_tokens()),
            short(usage.output),
            cost(&model.total),
            at(50),
            at(95),
            rate,
        ] {
            write!(page, "<td>{}</td>", Text(&cell))?;
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table></div></section>\n");
    Ok(())
}

fn write_turns(page: &mut String, data: &ReportData) -> fmt::Result {
    let turns = turns(data);
    if turns.is_empty() {
        return Ok(());
    }
    page.push_str("<section><h2>Turns</h2>\n");
    for (index, course) in turns.iter().enumerate() {
        let open = if index == 0 { " open" } else { "" };
        let name = turn_name(data, course);
        write!(
            page,
            "<details{open} name=\"turn\"><summary>{}</summary>",
            Text(&name)
        )?;
        let steps = course.steps();
        write_figure(page, "", &charts::waterfall(&name, &steps, course.time))?;
        page.push_str("</details>\n");
    }
    page.push_str("</section>\n");
    Ok(())
}

fn turn_name(data: &ReportData, course: &TurnCourse<'_>) -> String {
    let session = course
        .attempts
        .iter()
        .find_map(|entry| entry.session.as_ref());
    let title = session.map(|session| {
        let title = data.titles.get(session).map(String::as_str);
        victor_text::excerpt(title.unwrap_or(session.as_str()), 48)
    });
    let at = zoned(course.begin, &data.zone).strftime("%Y-%m-%d %H:%M:%S");
    let tokens = course.total.usage.total_tokens();
    let figures = format!(
        "{}, {} tokens, {}",
        time(course.time),
        short(tokens),
        cost(&course.total)
    );
    format!("{at} · {} · {figures}", title.unwrap_or_default())
}
