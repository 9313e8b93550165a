//! `cargo xtask bench`: measures Victor and holds the measures against `benches/budget.toml`.
//!
//! A measure is a name and a number, such as `turn/victor/10` and its nanoseconds. Criterion takes
//! most of them; the programs `counts` and `load` of the package `benches`, callgrind and
//! `cargo tree` take the others. A row of the budget computes one value from measures and may limit
//! it. The rows come out as a table, as JSON and as a page with plots.

mod bars;
mod budget;
mod criterion;
mod display;
mod instructions;
mod lines;
mod measures;
mod page;
mod programs;
mod report;
mod rows;
mod shares;
mod svg;
mod table;
mod weights;

use std::fs;
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use xshell::Shell;

use crate::flags::Bench;
use crate::workspace::Workspace;
use measures::Measures;
use report::Report;
use rows::{Verdict, judge};

const BUDGET: &str = "benches/budget.toml";

/// Measures, reports, and fails if a row is over its budget.
pub(crate) fn run(workspace: &Workspace, options: &Bench) -> Result<()> {
    let chooses = options.quick || options.filter.is_some();
    ensure!(
        !(options.counts && chooses),
        "--counts runs no benchmark: leave out --quick and --filter"
    );
    // First what may be wrong, then the minutes of measuring.
    let budgets = budget::parse(&workspace.read(BUDGET)?).context(BUDGET)?;
    let baseline = options.baseline.as_deref().map(Report::read).transpose()?;

    let shell = Shell::new()?;
    shell.change_dir(workspace.root());
    let measures = measure(workspace, &shell, options)?;
    let before = baseline.as_ref().map(|report| &report.measures);
    let judged = judge(&budgets, &measures, before);

    print!("{}", table::render(&judged.rows, baseline.is_some()));
    if judged.left_out > 0 {
        let rows = judged.left_out;
        println!("rows left out, since this run does not take their measures: {rows}");
    }
    if baseline.is_some_and(|report| report.quick != options.quick) {
        println!("only one of this run and the baseline was --quick: changes are rough");
    }
    let report = Report::new(&shell, options.quick, measures.into_values(), judged.rows)?;
    let folder = workspace.target().join("bench");
    let page = folder.join("report.html");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {folder}"))?;
    report.write(folder.join("report.json").as_std_path())?;
    fs::write(&page, page::render(&report)).with_context(|| format!("cannot write {page}"))?;
    if let Some(path) = &options.json {
        report.write(path)?;
    }
    println!("plots: {page}");

    // Last, so that minutes of measuring are not lost to a slip of the pen.
    let mut failures = judged.faults;
    let rows = report.rows.iter();
    let over = rows.filter(|row| row.verdict == Some(Verdict::Over));
    failures.extend(over.map(|row| format!("`{}` is over", row.what)));
    ensure!(failures.is_empty(), "{BUDGET}: {}", failures.join("; "));
    Ok(())
}

/// Takes all measures that the options ask for and the machine permits.
fn measure(workspace: &Workspace, shell: &Shell, options: &Bench) -> Result<Measures> {
    let mut measures = Measures::default();
    if options.counts {
        // The profile of the tests: CI has built most of it.
        measures.add_group(programs::run(shell, "counts", "dev", &[])?)?;
        measures.leave_out_others();
    } else {
        let start = SystemTime::now();
        let filter = options.filter.as_deref();
        criterion::run(workspace, shell, options.quick, filter)?;
        let times = criterion::read(&criterion::folder(workspace), start)?;
        if filter.is_some() {
            measures.add(times)?;
            measures.leave_out_others();
        } else {
            measures.add_group(times)?;
        }
        measures.add_group(programs::run(shell, "counts", "release", &[])?)?;
        let quick = options.quick.then_some("--quick");
        measures.add_group(programs::run(shell, "load", "release", quick.as_slice())?)?;
        if instructions::can_count(shell) {
            let program = programs::built(workspace, "counts");
            measures.add_group(instructions::count(shell, &program)?)?;
        } else {
            println!("instruction counts left out: there is no valgrind on the PATH");
            measures.leave_out(instructions::GROUP);
        }
    }
    measures.add_group(weights::weigh(workspace, shell)?)?;
    Ok(measures)
}
