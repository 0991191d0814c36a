"""ganvas: teach a machine to make pictures like yours, in minutes, on an ordinary computer.

    import ganvas as gv

    art = gv.prepare("paintings/", size=64)
    run = gv.train(art, recipe="canvas", minutes=30, out="runs/irises")   # the same call resumes
    model = gv.open("runs/irises")
    works = model.sample(count=16, seed=0, truncation=0.7)
    works[0].save("new.png")

`import ganvas` is quick: torch is imported when a name that needs it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import fit, recipe, train
    from .config import Recipe
    from .dataset import Dataset, prepare
    from .errors import GanvasError
    from .model import Model
    from .opening import open_model as open
    from .prompts import Prompt
    from .runs import Run
    from .work import Work

__version__ = "0.1.0"

__all__ = [
    "Dataset",
    "GanvasError",
    "Model",
    "Prompt",
    "Recipe",
    "Run",
    "Work",
    "fit",
    "open",
    "prepare",
    "recipe",
    "train",
]

_HOME = {
    "Dataset": ("dataset", "Dataset"),
    "GanvasError": ("errors", "GanvasError"),
    "Model": ("model", "Model"),
    "Prompt": ("prompts", "Prompt"),
    "Recipe": ("config", "Recipe"),
    "Run": ("runs", "Run"),
    "Work": ("work", "Work"),
    "fit": ("api", "fit"),
    "open": ("opening", "open_model"),
    "prepare": ("dataset", "prepare"),
    "recipe": ("api", "recipe"),
    "train": ("api", "train"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'ganvas' has no attribute {name!r}")
    module, attribute = _HOME[name]
    return getattr(importlib.import_module(f".{module}", __name__), attribute)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
