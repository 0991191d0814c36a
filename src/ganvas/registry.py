"""Named parts: a part is a file in its folder; outside packages add theirs through the entry point group `ganvas`.

from ganvas.registry import recipes

@recipes.register("canvas")
def canvas() -> Recipe: ...

recipes.get("canvas")     # the function
recipes.get("canvs")      # UnknownName: No recipe 'canvs'. Did you mean 'canvas'?
"""

import difflib
import importlib
import importlib.metadata
import pkgutil
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from .errors import UnknownName, UsageError

T = TypeVar("T")


def nearest(name: str, names: Iterable[str]) -> str:
    """The sentence that helps after a wrong name: ` Did you mean 'x'?`, or the list of what there is."""
    names = sorted(names)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else f" There are: {', '.join(names) or 'none'}."


class Registry:
    """Parts of one kind by name. The folder's files are imported at the first look-up, never at `import ganvas`."""

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self.package = package
        self._parts: dict[str, Any] = {}
        self._loaded = False

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator: makes the decorated function or class known as `name`. A second part of that name is an error."""

        def add(part: T) -> T:
            known = self._parts.get(name)
            if known is not None and known.__qualname__ != getattr(part, "__qualname__", None):
                raise UsageError(f"Two parts want to be the {self.kind} {name!r}: {known} and {part}. Rename one.")
            self._parts[name] = part
            return part

        return add

    def get(self, name: str) -> Any:
        """The part called `name`. Raises UnknownName with the nearest valid name."""
        self._load()
        if name not in self._parts:
            raise UnknownName(f"No {self.kind} {name!r}.{nearest(name, self._parts)}")
        return self._parts[name]

    def names(self) -> list[str]:
        """All names, sorted."""
        self._load()
        return sorted(self._parts)

    def __contains__(self, name: object) -> bool:
        self._load()
        return name in self._parts

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True  # first, because the modules below may look parts up while they load
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{self.package}.{module.name}")
        for entry in importlib.metadata.entry_points(group="ganvas"):
            entry.load()


sources = Registry("source", "ganvas.sources")
nets = Registry("net", "ganvas.nets")
games = Registry("game", "ganvas.losses")
recipes = Registry("recipe", "ganvas.recipes")
features = Registry("features", "ganvas.features")
scores = Registry("score", "ganvas.metrics")
