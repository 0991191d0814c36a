"""The small collections of bench/art.py, made from what anyone can get: a folder of pictures each.

    python bench/art_sets.py people FOLDER --from openmoji/        388 people and hands of OpenMoji, without skin tones
    python bench/art_sets.py paintings FOLDER --from wesnoth/      616 squares out of painted scenes of a game

The first wants the PNGs of OpenMoji with a `metadata.jsonl` of their names, texts and groups. The second wants the
unpacked Debian packages of Battle for Wesnoth, whose art is under the GPL, version 2 or later:

    apt-get download wesnoth-1.16-data wesnoth-1.16-trow wesnoth-1.16-l wesnoth-1.16-tsg
    for file in wesnoth-*.deb; do dpkg-deb -x $file wesnoth; done
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

LEAST_WIDTH = 720
"""Of a painted scene; narrower pictures of the game's campaigns are maps and sketches."""
SQUARES = 14
"""Cut out of each scene: one of its whole height, the others smaller, no two alike."""
SMALLEST = 0.4
"""Of the shorter side."""
SIDE_PX = 128


def people(found: Path, folder: Path) -> int:
    """OpenMoji's group people-body, each drawing once."""
    lines = [json.loads(line) for line in (found / "metadata.jsonl").read_text("utf-8").splitlines()]
    kept = [line for line in lines if line["label"] == "people-body" and "skin tone" not in line["text"]]
    for line in kept:
        shutil.copyfile(found / line["file_name"], folder / line["file_name"])
    described = [{key: line[key] for key in ("file_name", "text", "author", "licence", "source")} for line in kept]
    (folder / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in described), "utf-8")
    return len(kept)


def paintings(found: Path, folder: Path) -> int:
    """Squares out of the scenes that tell the game's stories."""
    rng, count = np.random.default_rng(0), 0
    for path in sorted(found.rglob("*.jpg")):
        if path.parent.name != "story" or "Secrets_of_the_Ancients" in path.parts:  # whose pictures are maps
            continue
        with Image.open(path) as file:
            scene = file.convert("RGB")
        for number in range(SQUARES if scene.width >= LEAST_WIDTH else 0):
            side = round(min(scene.size) * (1 if number == 0 else rng.uniform(SMALLEST, 0.9)))
            left, top = (int(rng.integers(0, room - side + 1)) for room in scene.size)
            square = scene.resize((SIDE_PX, SIDE_PX), box=(left, top, left + side, top + side))
            square.save(folder / f"{path.stem}-{number:02}.png")
            count += 1
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", choices=("people", "paintings"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--from", dest="found", type=Path, required=True, help="where the originals are")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True)
    make = people if asked.which == "people" else paintings
    print(f"{make(asked.found, asked.folder)} pictures in {asked.folder}")


if __name__ == "__main__":
    main()
