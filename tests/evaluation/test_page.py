import base64
import dataclasses
import io
import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from ganvas.errors import StorageError
from ganvas.evaluation.page import MOST_POINTS, Scale, save_page, tick_label
from ganvas.evaluation.report import Example, LeftOut, Line, Report
from ganvas.evaluation.wording import against_real, interval, number, standing
from ganvas.metrics.score import Estimate

NAN = float("nan")
VOID = {"meta", "link", "img", "br"}
HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "{{ 7 * 7 }}{% raw %}",
    "睡莲 ‮gpj.exe \ud800 \x1b[31m\n",
    "</style></svg><base href=//evil>",
    "l" * 5000,
]


def line(works=(3.42, 3.2, 3.64), real=(0.11, 0.08, 0.14), score="frechet", **changes):
    whole = Line(
        score=score,
        title=f"Title of {score}",
        question="How good?",
        sentence=f"What {score} says.",
        source="Heusel et al. 2017",
        better="lower",
        as_percent=False,
        works=Estimate(*works),
        real=Estimate(*real),
        count=2000,
        features="digits",
        features_sha256="9f" * 32,
        seconds=1.25,
    )
    return dataclasses.replace(whole, **changes)


def example(seed=7, channels=1, nearest=2, side=8, **changes):
    rng = np.random.default_rng(seed)
    pixels, *others = rng.integers(0, 256, (nearest + 1, side, side, channels), dtype=np.uint8)
    names = tuple(f"train/{seed}-{number}.png" for number in range(nearest))
    return dataclasses.replace(Example(seed, "three", 1.1, pixels, tuple(others), names, 0.3, 0.5), **changes)


def report(**changes):
    whole = Report(
        model="irises",
        recipe="canvas",
        kimg=400.128,
        data="paintings",
        data_digest="ab" * 32,
        compared_with="its 2,000 test pictures",
        seed=100,
        features="digits",
        features_sha256="9f" * 32,
        lines=(line(),),
        left_out=(LeftOut("vendi", "Vendi diversity", "needs 500 works"),),
        warnings=("The features were made for digits.",),
        versions=("ganvas 0.1.0", "torch 2.11.0"),
        date="2026-11-24T06:19:26+01:00",
        seconds=73.0,
        examples={"best": (example(),), "nearest": (example(8),)},
    )
    return dataclasses.replace(whole, **changes)


class Page(HTMLParser):
    """All that stands on a page; fails on tags that do not match."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self.open = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture
def page(tmp_path):
    def make(found=None, stats=(), metrics=()):
        save_page(found or report(), tmp_path / "report.html", stats, metrics)
        assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
        return Page((tmp_path / "report.html").read_text(encoding="utf-8"))

    return make


def steps(count, **changes):
    return [
        {"kimg": k / 10, "loss_d": 0.7, "loss_g": 1 + k / 100, "accuracy_real": 0.8, "accuracy_fake": 0.7, **changes}
        for k in range(count)
    ]


def scored(*values, name="frechet"):
    return [{"kimg": 10.0 * k, "seconds": 1.0, "scores": {name: value}} for k, value in enumerate(values, 1)]


def pixels_of(image):
    address = image["src"].removeprefix("data:image/png;base64,")
    with Image.open(io.BytesIO(base64.b64decode(address))) as opened:
        pixels = np.asarray(opened)
    return pixels if pixels.ndim == 3 else pixels[:, :, None]


def test_the_page_asks_nobody_for_anything(page, tmp_path):
    made = page(stats=steps(5), metrics=scored(9.0, 5.0))
    for tag, attrs in made.tags:
        assert tag not in {"script", "iframe", "object", "embed", "base", "form"}
        assert not any(name.startswith("on") for name in attrs)
        assert all(
            attrs.get(name, "#").startswith(("data:", "#")) for name in ("src", "href", "srcset", "data", "action")
        )
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "url(" not in text and "@import" not in text and "http://" not in text and "https://" not in text


def test_heading_warnings_what_was_left_out_and_provenance_are_there(page):
    made = page()
    assert made.all("html") == [{"lang": "en"}]
    for words in (
        "irises",
        "2,000 works of this model were compared with its 2,000 test pictures.",
        "Recipe canvas · 400 thousand pictures seen in training (kimg) · evaluated 2026-11-24 05:19 UTC",
        "The features were made for digits.",
        "Vendi diversity : needs 500 works",
        "ab" * 32,
        "9f" * 32,
        "100 to 2,099",
        "ganvas 0.1.0, torch 2.11.0",
        "ganvas evaluate RUN",
        "1,000 resamples",
    ):
        assert words in made.text


def test_every_line_is_there_with_its_numbers_and_its_sentence(page):
    lines = (
        line(),
        line((0.873, 0.862, 0.884), (0.91, 0.9, 0.92), "precision", as_percent=True, better="higher"),
        line((0.4, 0.3, 0.5), (0.45, 0.35, 0.55), "recall", question="How varied?", features=None, count=500),
        line((0.02, 0.01, 0.03), (0.01, 0.0, 0.02), "copies", question="Something new?", as_percent=True),
    )
    made = page(report(lines=lines))
    for one in lines:
        for words in (
            one.title,
            one.sentence,
            one.question,
            against_real(one),
            number(one, one.works.value),
            number(one, one.real.value, one.real),
            interval(one, one.works),
            interval(one, one.real),
            f"{one.works.value:.6g} {one.works.low:.6g} to {one.works.high:.6g}",
        ):
            assert words in made.text
    assert "Scores that can tell the works from real pictures: 2 of 4." in made.text
    assert made.text.index("How good?") < made.text.index("How varied?") < made.text.index("Something new?")
    assert len([svg for svg in made.all("svg") if svg.get("class") == "spread"]) == 4
    assert all("scope" in header for header in made.all("th"))


def test_names_of_strangers_stay_names(page, tmp_path):
    for name in HOSTILE:
        found = report(
            model=name,
            recipe=name,
            data=name,
            compared_with=name,
            date=name,
            warnings=(name,),
            versions=(name,),
            lines=(line(title=name, sentence=name, question=name, source=name, features=name, score=name),),
            left_out=(LeftOut(name, name, name),),
            examples={"best": (example(label=name, nearest_names=(name, name)),)},
        )
        made = page(found, metrics=scored(3.0, 2.0, name=name) + scored(1.0, name=f"{name}2"))
        assert not made.all("script") and not made.all("base")
        assert all(image["src"].startswith("data:") and "onerror" not in image for image in made.all("img"))
        text = (tmp_path / "report.html").read_text(encoding="utf-8")
        assert not re.search("[\x00-\x09\x0b-\x1f\u202a-\u202e]", text)
        if name.isprintable():
            assert made.text.count(" ".join(name.split())) > 10


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_works_and_their_neighbours_are_shown_as_they_are(page, channels):
    shown = example(channels=channels)
    made = page(report(examples={"worst": (shown,)}))
    images = made.all("img")
    for image, pixels in zip(images, (shown.pixels, *shown.nearest), strict=True):
        np.testing.assert_array_equal(pixels_of(image), pixels)
        assert ("alpha" in image["class"]) == (channels == 4)
        assert "crisp" in image["class"]
    assert images[0]["alt"] == "Work of seed 7, asked for three"
    assert images[2]["alt"] == "Training picture train/7-1.png"
    assert "Worst works" in made.text and "Seed 7 , asked for three realism 1.10" in made.text
    assert "train/7-0.png" in made.text


def test_large_pictures_are_made_smaller(page):
    images = page(report(examples={"best": (example(side=300, channels=3),)})).all("img")
    assert {pixels_of(image).shape for image in images} == {(256, 256, 3)}
    assert not any("crisp" in image["class"] for image in images)


def test_copies_are_pointed_out(page):
    copied = example()
    copied = dataclasses.replace(copied, nearest=(copied.pixels, copied.nearest[1]))
    assert "Suspicious: identical to a training picture" in page(report(examples={"best": (copied,)})).text
    for closer_than, words in ((0.9997, "Suspicious: closer than 99.9%"), (1.0, "Suspicious: closer than all")):
        assert words in page(report(examples={"best": (example(closer_than=closer_than),)})).text
    ordinary = example(closer_than=0.5)
    assert "closer than 50% of other real ones" in page(report(examples={"nearest": (ordinary,)})).text
    assert "closer than" not in page(report(examples={"best": (ordinary,)})).text
    assert "closer than" not in page(report(examples={"nearest": (example(closer_than=NAN),)})).text


def test_curves_stand_only_where_something_was_recorded(page):
    bare = page(metrics=[{"kimg": 1.0, "loss_d": 0.4, "accuracy_real": 0.5}])
    assert "Over training" not in bare.text and not bare.all("polyline")
    full = page(stats=steps(2000), metrics=scored(300.0, 50.0, 3.0))
    assert "Over training" in full.text and "kimg" in full.text
    labels = [svg["aria-label"] for svg in full.all("svg") if svg.get("viewbox") == "0 0 360 208"]
    assert labels[0] == "Title of frechet: 300 at 10 kimg, 3 at 30 kimg"
    assert "lower is better, log scale" in full.text
    assert labels[1].startswith("D, the critic: 0.7 at 0 kimg") and len(labels) == 3
    counts = [len(curve["points"].split()) for curve in full.all("polyline") if curve["points"] != "0,4 28,4"]
    assert counts == [3] + [MOST_POINTS] * 4
    for curve in full.all("polyline"):
        for x, y in (map(float, point.split(",")) for point in curve["points"].split()):
            assert 0 <= x <= 360 and 0 <= y <= 208


@pytest.mark.parametrize("odd", [None, NAN, math.inf, "3", [1], {}, True, 10**400, -1e300])
def test_what_is_no_number_is_passed_over(page, odd):
    stats = [*steps(3), *steps(3, loss_d=odd), *steps(3, kimg=odd), {}, None, [], {"loss_d": 1.0}]
    metrics = [*scored(2.0, odd, 1.0), {"kimg": odd, "scores": {"frechet": 9.0}}, {"kimg": 1.0, "scores": odd}]
    made = page(stats=stats, metrics=metrics)
    curves = [curve["points"].split() for curve in made.all("polyline") if curve["points"] != "0,4 28,4"]
    assert [len(points) for points in curves] == [2, 3, 6, 6, 6]


@pytest.mark.parametrize("value", [0.0, 1.0, -3.0, 1e-12, 1e29])
def test_one_point_is_a_point(page, value):
    made = page(stats=[{"kimg": 0.0, "loss_d": value}], metrics=scored(value))
    assert "Title of frechet" in made.text and "Losses" in made.text
    assert not made.all("polyline")


def test_nothing_to_show_is_a_page_too(page):
    empty = report(lines=(), left_out=(), warnings=(), versions=(), examples={}, kimg=0.0)
    made = page(empty)
    assert "No score could be told." in made.text and "No pictures were kept." in made.text
    alone = example(label=None, nearest=0, realism=NAN, closer_than=NAN)
    assert "asked for" not in page(report(examples={"best": (alone,), "typical": ()})).text
    assert "realism not known" in page(report(examples={"best": (alone,)})).text
    assert "realism ∞" in page(report(examples={"best": (example(realism=float("inf")),)})).text


def test_a_score_without_a_number_is_shown_as_that(page):
    made = page(report(lines=(line((NAN, NAN, NAN)), line((1.0, 1.0, 1.0), (1.0, 1.0, 1.0), "same"))))
    assert "not known" in made.text
    assert "Scores that can tell the works from real pictures: 0 of 1." in made.text


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(StorageError, match="Cannot write"):
        save_page(report(), tmp_path / "none" / "report.html", (), ())


@pytest.mark.parametrize(
    ("works", "as_percent", "value", "between"),
    [
        ((3.4212, 3.2, 3.64), False, "3.42", "3.20 to 3.64"),
        ((30.4, 28.0, 33.0), False, "30", "28 to 33"),
        ((1234.6, 1100.2, 1400.3), False, "1,235", "1,100 to 1,400"),
        ((0.0123, 0.0113, 0.0133), False, "0.0123", "0.0113 to 0.0133"),
        ((0.00002, -0.00006, 0.0001), False, "0.00002", "-0.00006 to 0.00010"),
        ((-0.0001, -0.5, 0.5), False, "0.0", "-0.5 to 0.5"),
        ((2e-12, 1e-12, 3e-12), False, "2e-12", "1e-12 to 3e-12"),
        ((0.8731, 0.8583, 0.8879), True, "87.3%", "85.8 to 88.8%"),
        ((0.99978, 0.9997, 0.99986), True, "99.98%", "99.97 to 99.99%"),
        ((0.5, 0.4, 0.6), True, "50%", "40 to 60%"),
        ((1.0, 1.0, 1.0), True, "100%", "100 to 100%"),
        ((0.0, 0.0, 0.0), False, "0", "0 to 0"),
        ((0.25, 0.25, 0.25), False, "0.250", "0.250 to 0.250"),
        ((NAN, NAN, NAN), False, "not known", "not known"),
        ((2.0, 0.0, math.inf), False, "2", "not known"),
    ],
)
def test_digits_follow_the_interval(works, as_percent, value, between):
    one = line(works, as_percent=as_percent)
    assert (number(one, one.works.value), interval(one, one.works)) == (value, between)


def test_the_floor_has_the_digits_of_its_own_interval():
    one = line((341.2, 320.0, 364.0), (0.1103, 0.081, 0.143))
    assert number(one, one.real.value, one.real) == "0.11"


@pytest.mark.parametrize(
    ("works", "real", "better", "words", "stands"),
    [
        ((0.5, 0.4, 0.6), (0.65, 0.55, 0.7), "lower", "as good as real", "even"),
        ((0.5, 0.4, 0.6), (0.7, 0.6, 0.8), "higher", "as good as real", "even"),
        ((4.4, 4.0, 4.8), (1.0, 0.9, 1.1), "lower", "4.4 times the floor", "apart"),
        ((3400.0, 3300, 3500), (1.0, 0.9, 1.1), "lower", "3,400 times the floor", "apart"),
        ((1.02, 1.015, 1.025), (1.0, 0.99, 1.01), "lower", "1.02 times the floor", "apart"),
        ((0.6, 0.5, 0.7), (1.0, 0.9, 1.1), "lower", "0.6 times the floor", "beyond"),
        ((0.01, 0.0, 0.02), (1.0, 0.9, 1.1), "lower", "0.01 times the floor", "beyond"),
        ((0.93, 0.92, 0.94), (1.0, 0.99, 1.01), "higher", "93% of real", "apart"),
        ((1.2, 1.1, 1.3), (1.0, 0.99, 1.01), "higher", "120% of real", "beyond"),
        ((0.997, 0.9965, 0.9975), (1.0, 0.999, 1.0), "higher", "99.7% of real", "apart"),
        ((0.0, 0.0, 0.0), (1.0, 0.9, 1.0), "higher", "worse than real", "apart"),
        ((0.5, 0.4, 0.6), (0.0, -0.1, 0.1), "lower", "worse than real", "apart"),
        ((-0.5, -0.6, -0.4), (0.0, -0.1, 0.1), "lower", "better than real", "beyond"),
        ((NAN, NAN, NAN), (1.0, 0.9, 1.1), "lower", "not known", "apart"),
    ],
)
def test_works_beside_real_pictures_in_words(works, real, better, words, stands):
    one = line(works, real, better=better)
    assert (against_real(one), standing(one)) == (words, stands)


@pytest.mark.parametrize(
    ("low", "high", "log", "labels"),
    [
        (0.0, 3.7, False, ["0", "1", "2", "3"]),
        (0.0, 1.0, False, ["0.0", "0.5", "1.0"]),
        (-0.06, 0.1, False, ["-0.05", "0.00", "0.05", "0.10"]),
        (0.0, 4000.0, False, ["0", "1,000", "2,000", "3,000", "4,000"]),
        (1.00001, 1.00004, False, ["1.00001", "1.00002", "1.00003", "1.00004"]),
        (0.0, 4e-6, False, ["0", "1e-06", "2e-06", "3e-06", "4e-06"]),
        (0.02, 3.0, True, ["0.02", "0.05", "0.1", "0.2", "0.5", "1", "2"]),
        (1e-9, 1e9, True, ["1e-09", "1e-05", "0.1", "1,000", "1e+07"]),
    ],
)
def test_axes_have_round_numbers(low, high, log, labels):
    ticks = Scale(low, high, 0, 100, log).ticks(4)
    assert [label for _, label in ticks] == labels
    assert [place for place, _ in ticks] == sorted(place for place, _ in ticks)
    assert all(0 <= place <= 100 for place, _ in ticks)


def test_a_tick_is_never_minus_zero():
    assert tick_label(-0.0, [-1.0, -0.0, 1.0]) == "0"
