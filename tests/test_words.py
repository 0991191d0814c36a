"""Captions as words."""

from hypothesis import given
from hypothesis import strategies as st

from ganvas.words import LONGEST, MOST, Tally, ids_of, read_of, tidy, words_of


def test_words_are_runs_of_letters_in_lower_case() -> None:
    assert words_of("A large, RED circle (top-left)!") == ["a", "large", "red", "circle", "top", "left"]
    assert words_of("snake_case 3D ½") == ["snake", "case", "3d", "1", "2"]
    assert words_of(" \n\t…!?") == []


def test_ideographs_and_emoji_are_words_of_their_own() -> None:
    assert words_of("左上角一个red圆") == ["左", "上", "角", "一", "个", "red", "圆"]
    assert words_of("a😀b") == ["a", "😀", "b"]


def test_forms_that_look_alike_are_one_word() -> None:
    assert words_of("ｆｕｌｌ") == words_of("full") == ["full"]
    assert words_of("STRASSE") == words_of("Straße")
    assert words_of("e\u0301te\u0301") == words_of("été")  # combining marks and composed letters


def test_marks_belong_to_their_word() -> None:
    assert len(words_of("हिन्दी शब्द")) == 2


def test_what_parts_phrases_is_read_and_is_no_word() -> None:
    assert " ".join(read_of("red circle left, blue square; small")) == "red circle left , blue square ; small"
    assert read_of("左上角：红圆，蓝") == [*"左上角:红圆,蓝"]
    assert read_of(", red ,; blue.") == ["red", ";", "blue"]  # one between words, none at the ends
    assert words_of("red, blue") == words_of("red blue")
    assert ids_of("red, blue") != ids_of("red blue")
    assert read_of(" ".join(read_of("red circle left, blue"))) == read_of("red circle left, blue")


def test_captions_are_tidied() -> None:
    assert tidy([" a\n b ", "a b", "", "\x1b[31m\u202ered\ud800"]) == ("a b", "[31mred")
    assert tidy(["x" * 5000]) == ("x" * LONGEST,)
    assert len(tidy(str(number) for number in range(500))) == MOST
    assert tidy(["👩\u200d🚀"]) == ("👩\u200d🚀",)


@given(st.lists(st.text(max_size=40), max_size=4))
def test_whatever_comes_tidied_captions_can_be_printed_and_stay_so(captions: list[str]) -> None:
    once = tidy(captions)
    assert tidy(once) == once
    for caption in once:
        caption.encode()
        assert len(caption.splitlines()) == 1
        assert all(word and word.strip() == word for word in words_of(caption))


def test_the_tally_counts_rare_words() -> None:
    tally = Tally()
    tally.add([])
    for _ in range(5):
        tally.add(["red circle", "circle"])
    assert tally.sentence() == "captions: 10 for 5 pictures, 2 different words, each seen at least 5 times"
    tally.add(["blue circle"])
    assert "3 different words, 1 of them seen fewer than 5 times" in tally.sentence()
    assert tally.words["circle"] == 11
