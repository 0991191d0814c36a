"""How good after how many CPU-seconds: `canvas`, the library's other recipes and its peers, on one budget.

    python bench/quality.py --data PATH-TO-MNIST        all players; results into bench/results/quality.json and .png
    python bench/quality.py --data PATH-TO-MNIST --minutes 1 --only canvas dcgan64                     a short form
    python bench/quality.py --data digits --minutes 0.5 --out FILE.json                            a shorter form
    python bench/quality.py --redraw                    the plot again, from the JSON alone

One after the other, on the same cores, each run in a fresh process. The budget is CPU-seconds of training, over all
threads. A player whose learning rate anneals to the length of its run has a run for each point, as a user who gives
`--minutes` would; the others have one long run that is measured on the way. Measuring is not counted.

Each is measured by 10,000 works, or as many as there are test pictures, against the test split (without one: against
pictures kept from all players), through two independent features: those that the library chooses (`digits` for
digits), and a second classifier that is trained on the spot (second_classifier.py). Interrupted, the same command goes
on: what the JSON holds for the same pictures, player, settings, seed and point is not run again.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "quality.json"
POINTS = "0.5,1,2,5,10,30"
ACCURACY_AT = (5.0, 30.0)
"""CPU-minutes after which --accuracy trains classifiers on the works."""
KEY = ("player", "settings_sha256", "seed", "minutes")
"""What a result is known by, in a file for given pictures on a given machine."""


class Results:
    """The JSON file: what was run on which machine on which pictures, and a record for each player, seed and point.

    Written anew after each record. Raises UsageError for a file that holds other pictures' or another machine's.
    """

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        from ganvas.errors import UsageError

        self.path = path
        self.content = json.loads(path.read_text()) if path.exists() else {"players": {}, "results": []}
        for part, found in header.items():
            before = self.content.get(part, found)
            if before != found:
                raise UsageError(
                    f"{path} holds results of another kind, {part}: {before}; now {found}. Give another --out."
                )
        self.content = {**header, **self.content}

    def add(self, record: dict[str, Any]) -> None:
        self.content["results"].append(record)
        self.write()

    def write(self) -> None:
        from ganvas.files import make_folder, write_file

        make_folder(self.path.parent)
        write_file(self.path, json.dumps(self.content, indent=1, ensure_ascii=False) + "\n")

    def introduce(self, name: str, player: dict[str, Any]) -> None:
        """Says who a player is; results of other settings of that player are of another one, and go."""
        self.content["players"][name] = player
        self.content["results"] = [
            record
            for record in self.content["results"]
            if record["player"] != name or record["settings_sha256"] == player["settings_sha256"]
        ]

    def forget(self, name: str) -> None:
        """Takes a player's results away, so that it runs again."""
        self.content["results"] = [record for record in self.content["results"] if record["player"] != name]

    def missing(self, name: str, seed: int, points: list[float]) -> list[float]:
        """Those of the points that there is no result for."""
        sha256 = self.content["players"][name]["settings_sha256"]
        held = {tuple(record[part] for part in KEY) for record in self.content["results"]}
        return [point for point in points if (name, sha256, seed, point) not in held]


def the_machine(threads: int) -> dict[str, Any]:
    """What the same budget hangs on."""
    import numpy as np
    import torch
    from speed import processor  # pyrefly: ignore[missing-import]

    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "Python": platform.python_version(),
    }


def the_data(dataset: Any) -> dict[str, Any]:
    return {
        "source": dataset.source,
        "digest": dataset.digest,
        "pictures": len(dataset),
        "test pictures": int(dataset.is_test.sum()),
        "labels": len(dataset.label_names),
    }


def run_all(asked: argparse.Namespace) -> bool:
    """Every run that is missing. returns: whether all of them ended well."""
    import torch
    from quality_measure import measuring  # pyrefly: ignore[missing-import]
    from quality_players import described, runs_of  # pyrefly: ignore[missing-import]

    import ganvas
    from ganvas.dataset import prepare

    torch.set_num_threads(asked.threads)
    dataset = prepare(asked.data)
    header = {"machine": the_machine(asked.threads), "data": the_data(dataset)}
    with measuring(dataset, asked.count, asked.seed) as judge:  # first of all, so that no player waits for it
        results = Results(asked.out, {**header, "measuring": judge.about()})
    results.content |= {"ganvas": ganvas.__version__, "date": now()}
    print(json.dumps({**header, **results.content["measuring"]}, indent=1, ensure_ascii=False), flush=True)
    well = True
    for name in asked.only:
        results.introduce(name, described(name, dataset))
        if asked.again:
            results.forget(name)
        results.write()
        for points in runs_of(name, results.missing(name, asked.seed, asked.points)):
            well = run(asked, name, points, results) and well
    return well


def run(asked: argparse.Namespace, name: str, points: list[float], results: Results) -> bool:
    """One run in a process of its own; its records into the results as they come. returns: whether it ended well."""
    task = {key: getattr(asked, key) for key in ("data", "threads", "seed", "count", "accuracy")}
    task |= {"name": name, "points": points, "sheets": str(asked.sheets or "")}
    threads = {key: str(asked.threads) for key in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    command = [sys.executable, str(Path(__file__).resolve()), "--child", json.dumps(task)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **threads}) as child:
        try:
            take(child, name, results)
        except BaseException:  # a signal, or a full disk: no child goes on alone
            child.terminate()
            raise
    if child.returncode:
        print(f"{name}, {points} minutes: ended with {child.returncode}", file=sys.stderr, flush=True)
    return child.returncode == 0


def take(child: subprocess.Popen[str], name: str, results: Results) -> None:
    """The child's records into the results, until it ends."""
    assert child.stdout is not None
    for line in child.stdout:
        if not line.startswith('{"player"'):
            print(line, end="", flush=True)  # a warning, or what a library has to say
            continue
        record = json.loads(line)
        record["settings_sha256"] = results.content["players"][name]["settings_sha256"]
        results.add(record)
        print(sentence(record), flush=True)


def child(task: dict[str, Any]) -> None:
    """In a fresh process: trains a player, prints a record for each point."""
    import torch
    from quality_measure import measuring  # pyrefly: ignore[missing-import]
    from quality_players import play  # pyrefly: ignore[missing-import]

    from ganvas.dataset import prepare
    from ganvas.errors import NonFiniteLoss

    torch.set_num_threads(task["threads"])
    dataset, name, seed = prepare(task["data"]), task["name"], task["seed"]
    left = list(task["points"])
    with measuring(dataset, task["count"], seed) as judge:
        try:
            for standing in play(name, dataset, task["points"], seed):
                works = judge.drawn(standing.draw, standing.latent_dim, seed)
                with_accuracy = task["accuracy"] and standing.minutes in ACCURACY_AT
                found = judge.measure(works, standing.is_conditional, with_accuracy)
                tell(name, seed, standing.minutes, {**standing.record(), **found})
                left.remove(standing.minutes)
                if task["sheets"]:
                    save_sheet(Path(task["sheets"]) / f"{name}-{standing.minutes:g}-minutes-seed-{seed}.png", works)
        except NonFiniteLoss as error:  # that it broke is a result, too
            for minutes in left:
                tell(name, seed, minutes, {"failed": str(error)})


def tell(name: str, seed: int, minutes: float, found: dict[str, Any]) -> None:
    record = {"player": name, "seed": seed, "minutes": minutes, **found, "date": now()}
    print(json.dumps(record), flush=True)


def save_sheet(path: Path, works: Any) -> None:
    """The first 100 works on a sheet: what numbers do not tell, a look does."""
    from ganvas.files import make_folder
    from ganvas.pictures import grid, save_png

    make_folder(path.parent)
    save_png(grid(works[:100], 10, scale=2), path)


def sentence(record: dict[str, Any]) -> str:
    """A record on the terminal."""
    name = f"{record['player']:12} {record['minutes']:5g} CPU-min"
    if "failed" in record:
        return f"{name}: {record['failed']}"
    parts = []
    for space, scores in record["spaces"].items():
        found = scores["frechet"]
        told = found.get("left out") or f"{found['value']:.3g} ({found['low']:.3g} to {found['high']:.3g})"
        floor = f", real {found['floor']['value']:.3g}" if "floor" in found else ""
        parts.append(f"{space} {told}{floor}")
    return f"{name}: {'; '.join(parts)}; {record['kimg']:.1f} kimg, {record['images_per_cpu_second']:.0f} images/CPU-s"


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def points_of(at: str, minutes: float | None) -> list[float]:
    """The points, ascending; none beyond `minutes`, which is the last one. Raises ValueError."""
    points = {float(part) for part in at.split(",")}
    if minutes is not None:
        points = {point for point in points if point < minutes} | {minutes}
    if min(points) <= 0:
        raise ValueError("CPU-minutes are above 0")
    return sorted(points)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="digits", help="pictures with labels, as `ganvas prepare` takes them; digits")
    parser.add_argument("--at", default=POINTS, metavar="M,M,...", help=f"CPU-minutes to measure at; {POINTS}")
    parser.add_argument("--minutes", type=float, metavar="M", help="the longest point; those beyond it are left out")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="players; all (commas will do, too)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="of each process; all cores")
    parser.add_argument("--seed", type=int, default=0, help="0")
    parser.add_argument("--count", type=int, default=10_000, help="works measured, at least 2000; 10000")
    parser.add_argument("--accuracy", action="store_true", help="classifiers trained on works, at 5 and 30 minutes")
    parser.add_argument("--again", action="store_true", help="forget the results of these players first")
    parser.add_argument("--sheets", type=Path, metavar="FOLDER", help="keep 100 works of each player and point there")
    parser.add_argument("--redraw", action="store_true", help="only draw the plot again")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="FILE.json", help="bench/results/quality.json")
    asked = parser.parse_args()
    if asked.redraw:
        return asked
    from quality_players import PLAYERS  # pyrefly: ignore[missing-import]

    asked.only = [name for given in asked.only or PLAYERS for name in given.split(",") if name]
    unknown = [name for name in asked.only if name not in PLAYERS]
    if unknown:
        parser.error(f"no player {', '.join(unknown)}; there are {', '.join(PLAYERS)}")
    try:
        asked.points = points_of(asked.at, asked.minutes)
    except ValueError as error:
        parser.error(f"--at: {error}")
    return asked


def main() -> None:
    if sys.argv[1:2] == ["--child"]:  # what `run` asks for
        return child(json.loads(sys.argv[2]))
    from quality_plot import draw  # pyrefly: ignore[missing-import]

    from ganvas.errors import GanvasError

    asked = parsed()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C does, it ends the child, too
    try:
        well = asked.redraw or run_all(asked)
        drawn = draw(asked.out, asked.out.with_suffix(".png"))
    except GanvasError as error:
        sys.exit(str(error))
    print(drawn)
    return sys.exit(0 if well else 1)


if __name__ == "__main__":
    main()
