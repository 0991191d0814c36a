"""What the READMEs and docs/ say works: their commands parse, their Python runs, their files and names are there."""

import pkgutil
import re
import shlex
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganvas import cli
from ganvas.cli import common
from ganvas.registry import recipes
from ganvas.runs import Run

ROOT = Path(__file__).resolve().parents[1]
READMES = (ROOT / "README.md", ROOT / "README.zh.md")
PAGES = (*READMES, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")))
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BENCH_OPTION = re.compile(r"""add_argument\(\s*"(--[\w-]+)""")
NOT_OURS = {"--nproc-per-node", "--help"}  # of torch.distributed.run

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


class Parsed(Exception):
    pass


def blocks(page: Path, language: str) -> list[str]:
    return [body for name, body in FENCE.findall(page.read_text(encoding="utf-8")) if name == language]


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def commands(page: Path) -> list[str]:
    return [line for body in blocks(page, "bash") for line in body.splitlines() if line.strip()]


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def check_ganvas(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails unless tyro accepts the command line for the verb; nothing is run."""
    parse = common.parse

    def parse_and_stop(*given: object) -> None:
        parse(*given)  # type: ignore[arg-type]
        raise Parsed

    monkeypatch.setattr(common, "parse", parse_and_stop)
    with pytest.raises(Parsed):
        cli.VERBS[arguments[0]](arguments[1:])


@each_page
def test_every_command_parses(page: Path, monkeypatch: pytest.MonkeyPatch):
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in commands(page):
        program, *arguments = shlex.split(line)
        if program == "make":
            assert set(arguments) <= targets, line
        elif program == "python":
            place = arguments.index("ganvas")
            assert arguments[:2] == ["-m", "torch.distributed.run"], line
            assert arguments[place - 1] == "-m", line
            check_ganvas(arguments[place + 1 :], monkeypatch)
        else:
            assert program == "ganvas", line
            check_ganvas(arguments, monkeypatch)


def test_the_readme_shows_every_verb():
    shown = {shlex.split(line)[1] for line in commands(READMES[0]) if line.startswith("ganvas ")}
    assert shown == set(cli.VERBS)


def test_options_named_in_prose_exist(capsys: pytest.CaptureFixture[str]):
    helps = [[verb, "--help"] for verb in cli.VERBS] + [["train", "--recipe", r, "--help"] for r in recipes.names()]
    for arguments in helps:
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        assert ended.value.code == 0
    known = set(re.findall(r"--[a-z][\w.-]*", capsys.readouterr().out)) | NOT_OURS
    known |= {option for bench in (ROOT / "bench").glob("*.py") for option in BENCH_OPTION.findall(bench.read_text())}
    for page in PAGES:
        named = {
            option for code in re.findall(r"`([^`\n]+)`", prose(page)) for option in re.findall(r"--[\w.-]+", code)
        }
        assert named <= known, f"{page.name}: {sorted(named - known)}"


def test_the_ten_lines_of_python_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The code of README.md as it stands, on a small folder of pictures; only the run is shorter."""
    (code,) = blocks(READMES[0], "python")
    assert code.count("minutes=30") == 1
    colours = np.random.default_rng(0)
    for label in ("irises", "poppies"):
        (tmp_path / "paintings" / label).mkdir(parents=True)
        for number in range(120):  # fewer cannot be evaluated
            pixels = colours.integers(0, 256, (24, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "paintings" / label / f"{number}.png")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(code.replace("minutes=30", "kimg=0.032"), "README.md", "exec"), names)
    latest = Run.find("runs/paintings").latest()
    assert latest is not None
    assert latest.scalars()["done"]
    seeds = [*range(16), *range(100, 104)]
    assert sorted(path.name for path in tmp_path.glob("*.png")) == sorted(f"new-{seed}.png" for seed in seeds)
    for seed in seeds:
        with Image.open(f"new-{seed}.png") as image:
            text = image.info
            assert image.size == (64, 64)
        assert (text["seed"], text["recipe"]) == (str(seed), "canvas")
        assert seed < 100 or text["label"] == "irises"


def test_the_example_of_a_new_part_works(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recipes, "_parts", {name: recipes.get(name) for name in recipes.names()})
    (code,) = blocks(ROOT / "docs" / "architecture.md", "python")
    exec(
        compile(code, "architecture.md", "exec"), {"__package__": "ganvas.recipes", "__name__": "ganvas.recipes.quick"}
    )
    assert recipes.get("quick")().net.width == 16


def test_both_readmes_hold_the_same_code():
    for language in ("bash", "python"):
        english, chinese = (blocks(page, language) for page in READMES)
        assert english == chinese
        assert english


def tree(page: Path) -> dict[str, str]:
    """Path below src/ganvas, folders with a final slash -> what the page says about it."""
    (body,) = [block for block in blocks(page, "text") if block.startswith("src/ganvas/\n")]
    found: dict[str, str] = {}
    above: list[str] = []
    for line in body.splitlines()[1:]:
        depth = (len(line) - len(line.lstrip())) // 2 - 1
        name, _, about = line.strip().partition(" ")
        above[depth:] = [name]
        found["".join(above)] = about.strip()
    return found


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_the_annotated_tree_names_what_is_there(page: Path):
    package = ROOT / "src" / "ganvas"
    there = {path.relative_to(package) for path in package.rglob("*") if "__pycache__" not in path.parts}
    shown = tree(page)
    assert set(shown) == {path.as_posix() + ("/" if (package / path).is_dir() else "") for path in there}
    assert all(shown.values())


def test_the_layers_shown_are_the_layers_checked():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = [c for c in settings["tool"]["importlinter"]["contracts"] if c["type"] == "layers"]
    layers = "".join(layer.replace("ganvas.", "") + "\n" for layer in contract["layers"])
    assert layers in blocks(ROOT / "docs" / "architecture.md", "text")


@each_page
def test_links_lead_somewhere(page: Path):
    for target in re.findall(r"\]\(([^()\s]+)\)", prose(page)):
        if target.startswith(("http:", "https:")):
            continue
        name, _, anchor = target.partition("#")
        path = page.parent / name if name else page
        assert path.exists(), f"{page.name}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in map(slug, headings), f"{page.name}: {target}"


@each_page
def test_dotted_names_exist(page: Path):
    for name in re.findall(r"`(ganvas(?:\.\w+)+)`", prose(page)):
        pkgutil.resolve_name(name)
