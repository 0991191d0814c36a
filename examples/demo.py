"""`make demo`: three minutes of learning digits, then new ones. Run it again: it goes on, or says that it is done."""

import sys
from pathlib import Path

import ganvas as gv
from ganvas.works import save_files, save_grid

RUN = Path("runs/demo")
MINUTES = 3


def main() -> None:
    print(f"Two nets now play a game over 5,000 handwritten digits for {MINUTES} minutes: G draws, D judges.")
    try:
        run = gv.train("digits", recipe="canvas", minutes=MINUTES, out=RUN, seed=0)
    except KeyboardInterrupt:
        sys.exit("`make demo` goes on from there.")
    latest = run.latest()
    assert latest is not None
    scalars = latest.scalars()
    model = gv.open(RUN)
    save_grid(model, RUN / "grid.png", count=5, columns=5, rows=2)  # the article's figure: 5 digits in 2x5 places
    save_grid(model, RUN / "samples.png", count=64, columns=8)
    save_files(model, RUN / "works", count=64)
    print(f"""
Your computer has taught itself to write digits.
It looked at {scalars["images"]:,} pictures in {scalars["seconds"] / 60:.1f} minutes, and all that it ever
saw of its own work was whether the other net believed it. None of the digits below was written by a hand.

  {RUN}/strip.png       how it learned: the same ten ideas, drawn again and again, from noise (top) to now (bottom)
  {RUN}/previews.webp   the same as an animation; open it in a browser
  {RUN}/grid.png        5 new digits
  {RUN}/samples.png     64 new digits on one sheet
  {RUN}/works/          the 64 as files; each knows its seed, so it can be drawn again

More:  .venv/bin/ganvas evaluate {RUN}
       .venv/bin/ganvas sample {RUN} --label 3 --count 16 --out threes
       .venv/bin/ganvas train path/to/your/pictures --minutes 30 --out runs/mine""")


if __name__ == "__main__":
    main()
