"""A report on the terminal: a table that a newcomer can read, and under it what a reviewer asks for."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..sources.artwork import printable
from .report import Report
from .wording import against_real, interval, number, standing

COLOURS = {"even": "green", "apart": "yellow", "beyond": "cyan"}


def show_report(report: Report, console: Console) -> None:
    """Prints the report's scores, what was left out and why, and warnings."""
    console.print(
        Text(f"{printable(report.model)} at {report.kimg:,.1f} kimg, compared with {printable(report.compared_with)}."),
        soft_wrap=True,
    )
    if report.lines:
        console.print(scores_table(report))
        console.print(Text(what_it_means(report), style="dim"), soft_wrap=True)
    for warning in report.warnings:
        console.print(Text(f"Warning: {printable(warning)}", style="yellow"), soft_wrap=True)
    for one in report.ruled_out:
        text = f"Ruled out: the features {one.features} for the recipe {one.recipe}: {one.reason}"
        console.print(Text(printable(text), style="dim"), soft_wrap=True)
    for one in report.left_out:
        console.print(Text(f"Left out: {one.title}: {one.reason}", style="dim"), soft_wrap=True)


def scores_table(report: Report) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading, style in (("", "bold"), ("works", ""), ("95% interval", "dim"), ("real", ""), ("95% interval", "dim")):
        table.add_column(heading, style=style, justify="left" if heading == "" else "right", no_wrap=True)
    table.add_column("")
    question = None
    for line in report.lines:
        if line.question != question:
            question = line.question
            table.add_row(Text(question, style="italic"))
        table.add_row(
            Text(f"  {line.title}"),
            number(line, line.works.value),
            interval(line, line.works),
            number(line, line.real.value, line.real),
            interval(line, line.real),
            Text(against_real(line), style=COLOURS[standing(line)]),
        )
    return table


def what_it_means(report: Report) -> str:
    return (
        f"real: as many real pictures in the works' place, the best to hope for. N = {report.lines[0].count:,}; "
        f"features {printable(report.features)} {report.features_sha256[:12]}; {report.seconds:,.0f} s."
    )
