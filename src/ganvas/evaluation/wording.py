"""A score in plain words and few digits: for the terminal's table and for report.html."""

import math

from ..metrics.score import Estimate
from .report import Line

MOST_DECIMALS = 7
"""Numbers that would need more are written as 2.1e-12."""
MOST_PERCENT_DECIMALS = 2
UNKNOWN = "not known"


def number(line: Line, value: float, of: Estimate | None = None) -> str:
    """`value` as text, a share in percent, with as many digits as the interval of `of` (the works') allows.

    The last digit is worth at most a fifth of the interval's width: rounding then moves an end by a tenth of the width
    at most, and no digit is shown that other pictures would have changed at once.
    """
    if not math.isfinite(value):
        return UNKNOWN
    return digits(line, value, of or line.works) + ("%" if line.as_percent else "")


def interval(line: Line, estimate: Estimate) -> str:
    """The 95% interval, such as "3.21 to 3.64" or "85.8 to 88.8%"."""
    if not (math.isfinite(estimate.low) and math.isfinite(estimate.high)):
        return UNKNOWN
    ends = (digits(line, end, estimate) for end in (estimate.low, estimate.high))
    return " to ".join(ends) + ("%" if line.as_percent else "")


def digits(line: Line, value: float, of: Estimate) -> str:
    """A finite value in the unit that is shown, without the percent sign."""
    if line.as_percent:
        decimals = min(decimals_for(100 * of.low, 100 * of.high), MOST_PERCENT_DECIMALS)
        value = 100 * value
    else:
        decimals = decimals_for(of.low, of.high)
    if decimals > MOST_DECIMALS:
        return f"{value:.2g}"
    return f"{round(value, decimals) + 0.0:,.{decimals}f}"  # + 0.0 makes -0.0 plain 0


def decimals_for(low: float, high: float) -> int:
    """Digits after the point for a value with this interval; for one without width, to three digits of its own."""
    width = high - low
    if math.isfinite(width) and width > 0:
        # A width of exactly 5 is to give 0, so the logarithm's own rounding must not tip it over.
        return max(0, math.ceil(-math.log10(width / 5) - 1e-9))
    return max(0, 2 - math.floor(math.log10(abs(high)))) if math.isfinite(high) and high else 0


def standing(line: Line) -> str:
    """How the works stand to real pictures: "even", "beyond" or "apart".

    "even" where the intervals overlap, so that chance may be all the difference there is; "beyond" where the works
    score better than real pictures, which can be a fault, too; "apart" where worse.
    """
    if line.works.low <= line.real.high and line.real.low <= line.works.high:
        return "even"
    return "beyond" if (line.works.value < line.real.value) == (line.better == "lower") else "apart"


def against_real(line: Line) -> str:
    """The works beside the floor: "as good as real", "4.4 times the floor", "93% of real".

    No ratio is given to a floor that may be 0: it would be noise.
    """
    works, real = line.works.value, line.real.value
    if not (math.isfinite(works) and math.isfinite(real)):
        return UNKNOWN
    if standing(line) == "even":
        return "as good as real"
    if line.real.low <= 0 or works <= 0:
        return "better than real" if standing(line) == "beyond" else "worse than real"
    return f"{times(works / real)} times the floor" if line.better == "lower" else f"{percent(works / real)} of real"


def times(ratio: float) -> str:
    """A ratio >= 0 in about two digits, and never as a bare 1."""
    if ratio >= 9.95:
        return f"{ratio:,.0f}"
    return f"{ratio:.2f}" if ratio < 0.1 or abs(ratio - 1) < 0.05 else f"{ratio:.1f}"


def percent(share: float) -> str:
    """A share >= 0 in percent, with a digit after the point where it would else be lost."""
    whole = share >= 0.1 and abs(share - 1) >= 0.005
    return f"{100 * share:,.{0 if whole else 1}f}%"
