import subprocess
import sys

import pytest

from ganvas.errors import UnknownName, UsageError
from ganvas.registry import Registry, games, nets, recipes, sources


def test_every_folder_offers_its_parts():
    assert recipes.names() == ["canvas", "classic", "dcgan", "grow", "palette", "projected", "style", "tokens"]
    assert games.names() == ["hinge", "minimax", "nonsaturating", "relativistic", "wasserstein"]
    ours = [name for name in nets.names() if not name.startswith("test-")]  # other tests register nets made to fail
    assert ours == ["dcgan", "growing", "mlp", "projected", "residual", "style", "tokens"]
    assert sources.names() == ["digits", "folder", "idx", "openmoji", "shapes"]


def test_an_unknown_name_gets_the_nearest_one():
    with pytest.raises(UnknownName, match="No recipe 'canvs'. Did you mean 'canvas'?"):
        recipes.get("canvs")
    with pytest.raises(UnknownName, match="There are: canvas, classic, dcgan, grow, palette, projected, style"):
        recipes.get("q")


def test_a_name_cannot_be_taken_twice():
    registry = Registry("thing", "ganvas.losses")
    registry.register("a")(test_every_folder_offers_its_parts)
    registry.register("a")(test_every_folder_offers_its_parts)  # the same part again is harmless
    with pytest.raises(UsageError, match="Two parts want to be the thing 'a'"):
        registry.register("a")(test_an_unknown_name_gets_the_nearest_one)


def test_a_part_can_come_from_another_package(tmp_path):
    """An installed package with an entry point in the group `ganvas` adds its recipe without any change here."""
    (tmp_path / "their_part.py").write_text(
        "from dataclasses import replace\n"
        "from ganvas.registry import recipes\n"
        "@recipes.register('theirs')\n"
        "def theirs():\n"
        "    return replace(recipes.get('canvas')(), name='theirs')\n"
    )
    info = tmp_path / "their_part-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-part\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[ganvas]\ntheirs = their_part\n")
    code = "from ganvas.registry import recipes; print(recipes.get('theirs')().name)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "theirs\n"


def test_light_imports_do_not_load_torch():
    """`import ganvas` and `ganvas --help` must answer at once."""
    code = (
        "import sys, ganvas, ganvas.cli\n"
        "ganvas.cli.main(['--help'])\n"
        "heavy = {'torch', 'numpy', 'PIL', 'rich', 'tyro', 'accelerate'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
