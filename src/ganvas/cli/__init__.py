"""The command line: one thin function per verb. `ganvas --help` imports neither torch nor tyro."""

import os
import sys
from collections.abc import Sequence

from ..errors import GanvasError, UnknownName, UsageError
from ..registry import nearest
from .evaluate import evaluate_verb
from .explore import explore_verb
from .prepare import prepare_verb
from .runs import runs_verb
from .sample import sample_verb
from .train import train_verb

HELP = """\
ganvas: teach a machine to make pictures like yours.

  ganvas train digits --minutes 5 --out runs/digits     learn from the digits that come with ganvas
  ganvas sample runs/digits --count 64 --out works      draw 64 new ones

verbs:
  prepare   decode, crop and check pictures once, into one array
  train     learn from pictures; the same command goes on where it stopped
  sample    draw new works
  explore   walk among works, mix, steer and breed them; tiles, sprites, posters
  evaluate  how good, how varied and how original they are, beside real pictures
  runs      list the runs, how far they are and where to look at them

ganvas VERB --help explains a verb. Recipes, from quick start to history: canvas (default), style, dcgan, classic.
"""

VERBS = {
    "prepare": prepare_verb,
    "train": train_verb,
    "sample": sample_verb,
    "explore": explore_verb,
    "evaluate": evaluate_verb,
    "runs": runs_verb,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a verb. Errors of ganvas become one line and exit status 1, 2 for a wrong command line."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    verb = arguments[0] if arguments else "--help"
    if verb in ("--help", "-h", "help"):
        print(HELP, end="")
        return
    try:
        if verb == "--version":
            from .. import __version__

            print(f"ganvas {__version__}")
            return
        if verb not in VERBS:
            raise UnknownName(f"No verb {verb!r}.{nearest(verb, VERBS)} See: ganvas --help")
        VERBS[verb](arguments[1:])
    except GanvasError as error:
        print(f"ganvas: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except (MemoryError, RuntimeError) as error:  # torch says of memory in a RuntimeError
        if "memory" not in str(error).lower() and not isinstance(error, MemoryError):
            raise
        print("ganvas: Not enough memory. Try a smaller --batch-size, --net.width or --size.", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:  # as in `ganvas runs | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        print(f"ganvas: {error.filename or 'output'}: {error.strerror or error}.", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("ganvas: stopped.", file=sys.stderr)
        sys.exit(130)
