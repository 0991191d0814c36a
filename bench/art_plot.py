"""The plot of bench/art.py: how near the works of one set come, picture by picture, from a base model and from nothing.

    python bench/art_plot.py people [--out docs/images/art-curve.png]

Draws from bench/results/art.json alone. The x axis is in kimg, which mean the same on every machine: a core that
multiplies bfloat16 makes four to five in a minute, one without a quarter of that.
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from ganvas.files import make_folder, new_file

RESULTS = Path(__file__).parent / "results" / "art.json"
OUT = Path(__file__).parent.parent / "docs" / "images" / "art-curve.png"
PLAYERS = {
    "palette f9915e0b": ("palette, from nothing", "#0b62a4"),
    "auto e093387f": ("palette, from emblems", "#d1440c"),
    "auto 27ec6b4f": ("canvas, from drawings", "#0a8f6a"),
    "canvas bc46b260": ("canvas before tones, from nothing", "#8a8a8a"),
    "fastgan 6ea875f6": ("FastGAN-shaped", "#b4559b"),
}
"""By what art.json calls them; the hash is that of their settings."""
SPACES = ("effnet", "random")
INK, FAINT = "#222222", "#cccccc"


def points_of(results: dict[str, Any], name: str, space: str) -> dict[str, list[list[float]]]:
    """Of each player kimg, distance, the ends of its interval and real pictures' own distance, by rising kimg."""
    found = defaultdict(list)
    for key, record in results.items():
        of, player = key.split(", ")[:2]
        if of == name and player in PLAYERS:
            found[player].append([record["kimg"], *record[space]["kernel"][:4]])
    return {player: sorted(found[player]) for player in PLAYERS if player in found}


def draw_panel(panel: Any, points: dict[str, list[list[float]]], space: str) -> None:
    for player, rows in points.items():
        label, colour = PLAYERS[player]
        kimg, value, low, high, _ = zip(*rows, strict=True)
        down = [at - end for at, end in zip(value, low, strict=True)]
        up = [end - at for at, end in zip(value, high, strict=True)]
        panel.errorbar(kimg, value, (down, up), color=colour, marker="o", markersize=4, capsize=3, label=label)
    panel.axhline(0, color=FAINT, linewidth=1)
    panel.set_xscale("log")
    ticks = (4, 8, 16, 32, 64, 128)
    panel.set_xticks(ticks, [str(tick) for tick in ticks])
    panel.minorticks_off()
    top = max(row[1] for rows in points.values() for row in rows if row[1] < 0.4)
    panel.set_ylim(-0.02 * top, 1.2 * top)
    panel.set_title(f"kernel distance, {space}", fontsize=11, color=INK, loc="left")
    panel.set_xlabel("kimg learned from", color=INK)
    panel.spines[["top", "right"]].set_visible(False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="of the set")
    parser.add_argument("--out", type=Path, default=OUT)
    asked = parser.parse_args()
    from matplotlib.figure import Figure

    results = json.loads(RESULTS.read_text())["results"]
    figure = Figure(figsize=(11, 4.4), dpi=100, facecolor="white")
    for panel, space in zip(figure.subplots(1, len(SPACES)), SPACES, strict=True):
        draw_panel(panel, points_of(results, asked.name, space), space)
    figure.axes[0].legend(frameon=False, fontsize=9)
    figure.tight_layout()
    make_folder(asked.out.parent)
    with new_file(asked.out) as file:
        figure.savefig(file, format="png")
    print(asked.out)


if __name__ == "__main__":
    main()
