"""YAML text becomes data with places, and everything that YAML would guess becomes a problem."""

import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from gateway_config import reading
from gateway_config.problems import Place
from gateway_config.reading import Document

CANARY = "test-" + "0a1b2c3d" * 5


def document(text: str | bytes) -> Document:
    return Document("file.yaml", text if isinstance(text, bytes) else text.encode())


def data(text: str | bytes) -> dict[str, Any]:
    found = document(text)
    assert found.problems == []
    return found.data


def complaints(text: str | bytes) -> list[str]:
    return [f"{problem.place.line}:{problem.place.column} {problem.rule}" for problem in document(text).problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("-5", -5),
        ("0", 0),
        ("0.10", Decimal("0.10")),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("2027-02-01", datetime.date(2027, 2, 1)),
        ("a text", "a text"),
        ("5m", "5m"),
        ("e2e", "e2e"),
        ('"5"', "5"),
        ("'yes'", "yes"),
        ('"2027-02-01"', "2027-02-01"),
        ("|\n  two\n  lines", "two\nlines"),
        ("[1, [2]]", [1, [2]]),
        ("{b: {c: 1}}", {"b": {"c": 1}}),
    ],
)
def test_a_value_has_one_meaning(text: str, value: Any) -> None:
    found = data(f"a: {text}")["a"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "text",
    [
        *("yes", "no", "on", "off", "y", "N", "True", "FALSE", "Null", "TRUE"),
        *("1e3", "1.5e3", "0x1F", "0o17", "017", "08", "1_000", "+1", "1.", ".5", "-.inf", ".NaN", "12:30:00", "1,000"),
        *("2027-2-1", "2027-02-01T00:00:00Z", "2027-02-30", "9" * 19, "="),
    ],
)
def test_what_yaml_readers_take_differently_is_not_guessed_at(text: str) -> None:
    assert complaints(f"a: {text}") == ["1:4 yaml-ambiguous"]


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("9" * 26, "has more than 18 digits"),
        ("-1." + "3" * 19, "has more than 18 digits"),
        (".inf", "is no number that a key could take"),
        ("-.NaN", "is no number that a key could take"),
        ("1e3", "can be read in more than one way"),
    ],
)
def test_what_is_doubtful_about_a_number_is_said(text: str, doubt: str) -> None:
    [problem] = document(f"a: {text}").problems
    assert doubt in problem.message


def test_an_id_may_be_as_random_as_the_dashboard_makes_it() -> None:
    id = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"  # no number for any reader, though it begins with a digit
    text = f"elements: [{{id: {id}, outputs: {{next: {{elementId: {id}}}}}}}]"
    assert data(text) == {"elements": [{"id": id, "outputs": {"next": {"elementId": id}}}]}


@pytest.mark.parametrize("text", ["key: {}", "[{}]", "{}: x", "elements: [{{id: x, key: {}}}]"])
def test_what_is_random_elsewhere_is_a_credential(text: str) -> None:
    [problem] = document(text.format("0f1e2d3c4b5a69788796a5b4c3d2e1f0") + "\n").problems[:1]
    assert problem.rule == "credential"


def test_a_known_sort_of_secret_is_no_id() -> None:
    assert complaints(f"id: {CANARY}") == ["1:5 credential"]


def test_a_key_is_always_a_text() -> None:
    assert data("on: 1\n5: 2\n2027-02-01: 3") == {"on": 1, "5": 2, "2027-02-01": 3}


@pytest.mark.parametrize(
    "text",
    ["a: &x 1", "a: !!str 1", "a: !tag {b: 1}", "a: &x [1]", "a: *x", "<<: *x", "*x : 1"],
)
def test_anchors_aliases_and_tags_are_not_read(text: str) -> None:
    assert {problem.rule for problem in document(text).problems} == {"yaml-alias"}


def test_an_alias_bomb_has_nothing_to_explode() -> None:
    text = "a: &a [x]\n" + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in pairwise("abcdefghi"))
    assert document(text).data["i"] == [None] * 9


def test_a_key_that_stands_twice_keeps_its_first_value() -> None:
    found = document("a: {b: 1}\na: {b: 2, c: 3}\n")
    assert found.data == {"a": {"b": 1}}
    assert complaints("a: 1\nb: 2\na: 3") == ["3:1 duplicate-key"]


def test_the_place_of_a_repeated_key_is_where_it_stands_first() -> None:
    assert document("a: {b: 1}\na: {b: 2}\n").place(("a", "b")) == Place("file.yaml", 1, 8)


def test_a_tab_that_indents_is_named_once() -> None:
    assert complaints("a:\n\tb: 1\n") == ["2:1 yaml-tab"]


def test_a_tab_within_a_line_is_no_indent() -> None:
    assert data("a: 1\t# one\n") == {"a": 1}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "latin-1"])
def test_another_encoding_is_named(encoding: str) -> None:
    assert [problem.rule for problem in document("a: é\n".encode(encoding)).problems] == ["encoding"]


def test_the_place_of_a_wrong_byte_counts_characters() -> None:
    assert complaints("a: 1\nbé: ".encode() + b"\xff") == ["2:5 encoding"]


def test_a_byte_order_mark_of_utf_8_is_passed_over() -> None:
    assert data(b"\xef\xbb\xbfa: 1") == {"a": 1}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_counts(end: str) -> None:
    found = document(f"a: 1{end}b: 2{end}")
    assert found.data == {"a": 1, "b": 2}
    assert found.place(("b",)) == Place("file.yaml", 2, 4)


@pytest.mark.parametrize("character", ["\0", "\x07", "\x7f", "\ufffe"])
def test_a_character_that_yaml_does_not_allow_has_its_place(character: str) -> None:
    assert complaints(f"a: 1\nb: äöü{character}\n") == ["2:7 yaml-syntax"]


@pytest.mark.parametrize("text", ["", "# nothing\n", "[1]", "text", "--- |\n  a: 1", "---\n---\n"])
def test_a_file_is_a_mapping(text: str) -> None:
    assert complaints(text) == ["1:1 yaml-syntax"]


def test_a_second_document_is_not_read() -> None:
    assert complaints("a: 1\n---\nb: 2\n") == ["2:1 yaml-syntax"]


def test_a_key_that_is_a_list_stops_the_reading() -> None:
    assert complaints("? [a]\n: 1\n") == ["1:3 yaml-syntax"]


@pytest.mark.parametrize(
    "text", ["a: 1\nb: [", 'a: "', "a: {b: 1", "a:\n  - b\n c: 1", "%TAG", "a: 1\n\x00", "a: [" * 99]
)
def test_a_file_with_broken_syntax_is_not_whole(text: str) -> None:
    assert not document(text).is_whole


def test_other_problems_leave_a_file_whole() -> None:
    assert document("a: yes\nb: 1\nb: 2\n").is_whole


def test_a_large_file_is_not_read() -> None:
    found = document(b"a: 1\n" * 2_000_000)
    assert [problem.rule for problem in found.problems] == ["file-too-large"]
    assert found.data == {}


def test_nesting_is_read_to_a_depth_that_suffices() -> None:
    deepest = reading.DEEPEST - 1
    assert complaints("a: " + "[" * deepest + "]" * deepest) == []
    assert complaints("a: " + "[" * (deepest + 1) + "]" * (deepest + 1)) == ["1:35 yaml-depth"]


@pytest.mark.parametrize("open", ["[", "{a: ", "- ", "? ", "? [", "a: {b: [", "{["])
def test_a_hundred_thousand_brackets_are_answered_at_once(open: str) -> None:
    # The parser itself would take minutes: it looks through all open brackets for each new one.
    assert {problem.rule for problem in document("x: \n " + open * 100_000).problems} <= {"yaml-depth", "yaml-syntax"}


def test_a_file_full_of_problems_names_the_first_ones() -> None:
    assert len(document("a: 1\n" * 1000).problems) == reading.MOST_READING_PROBLEMS


@pytest.mark.parametrize(
    "text",
    [
        f"a: {CANARY}",
        f"{CANARY}: 1",
        f"{CANARY}: 1\n{CANARY}: 2",
        f"a: [{CANARY}",
        f"a: Bearer {CANARY}",
        f"a: [x, {{b: '{CANARY}'}}]",
        f"a: |\n  first\n  {CANARY}\n",
        f'"a": "{CANARY}" x',
        f"a: !{CANARY} 1",
        f"a: *{CANARY}",
    ],
)
def test_a_credential_is_in_no_message_and_no_data(text: str) -> None:
    found = document(text)
    assert found.problems
    assert not any(CANARY in str(problem) for problem in found.problems)
    assert CANARY not in repr(found.data)


def test_a_credential_is_taken_out_with_its_place() -> None:
    assert complaints(f"a: 1\nb: {CANARY}") == ["2:4 credential"]


def test_a_name_like_our_placeholder_is_an_ordinary_key() -> None:
    assert data("(hidden)x: 1") == {"(hidden)x": 1}


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("a",), (1, 4)),
        (("b",), (2, 1)),
        (("b", "c"), (3, 6)),
        (("d",), (4, 1)),
        (("d", 1), (6, 5)),
        (("d", 1, "e"), (6, 8)),
        (("d", 1, "nowhere"), (6, 5)),
        (("nowhere",), (1, 1)),
        ((), (1, 1)),
    ],
)
def test_every_value_knows_its_place(path: tuple[str | int, ...], place: tuple[int, int]) -> None:
    found = document("a: 1\nb:\n  c: 2\nd:\n  - x\n  - e: 5\n")
    assert found.place(path) == Place("file.yaml", *place)


def test_a_key_has_a_place_of_its_own() -> None:
    assert document("a: 1\nb: {c: 2}").place(("b", "c"), key=True) == Place("file.yaml", 2, 5)


UNUSUAL = [
    "a: [" + "1," * 60_000 + "]",
    "a: {" + "b: 1," * 30_000 + "}",
    "a: " + "'" * 900_000,
    "a: x" + " bearer" * 100_000,
    "a: " + "a-" * 450_000,
    "k" * 900_000 + ": 1",
    "---\n" * 40_000,
    "\t\n" * 400_000,
]


@pytest.mark.parametrize("text", UNUSUAL, ids=lambda text: repr(text[:12]))
def test_a_long_text_of_anything_is_answered(text: str) -> None:
    document(text)


# --- what is not seen -------------------------------------------------------------------------------------------------

HIDING = (
    "\u202e",
    "\u2066",
    "\u200b",
    "\u2060",
    "\u2028",
    "\u0085",
    "\u00ad",
    "\ufeff",
    "\U000e0041",
    "\u200d",
    "\u200f",
)


@pytest.mark.parametrize("character", HIDING)
@pytest.mark.parametrize("text", ["a: x{}y\n", "a{}b: 1\n", "a: 1 # why{}b: 2\n", 'a: "x{}y"\n', "a: |\n  x{}y\n"])
def test_a_character_that_is_not_seen_is_a_problem_at_its_place(text: str, character: str) -> None:
    before = text.split("{}")[0]
    line, column = before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
    [problem, *_] = document(text.format(character)).problems
    assert (problem.rule, problem.place) == ("invisible-character", Place("file.yaml", line, column))
    assert f"U+{ord(character):04X}" in problem.message


@pytest.mark.parametrize(
    "text",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\U0001f469\u200d\U0001f4bb",
        "\u05e9\u05dc\u200f.",
        "caf\u00e9 \u2192 \u65e5\u672c",
    ],
)
def test_joiners_and_marks_of_other_scripts_are_read(text: str) -> None:
    assert data(f"a: {text}\n") == {"a": text}


def test_an_escape_is_seen_and_so_it_is_read() -> None:
    assert data('a: "x\\u202Ey"\n') == {"a": "x\u202ey"}


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("owner: growth: team\n", "1:14", 'a text with ": " in it needs quotes'),
        ("owner: a\n intents: b\n", "2:9", "The line is indented too deep"),
        ("a:\n  b: 1\n c: 2\n", "3:2", "this does not line up with what is above it"),
        ("a\nb: 1\n", "2:2", "the one above lacks its colon"),
        ("owner: @growth\n", "1:8", "unless it is in quotes"),
        ('a: 1\nowner: "growth\nb: 2\n', "2:8", "a quote is opened here and closed nowhere"),
        ("a: 1\nkind\n", "3:1", "has no colon"),
        ("split: a: 1, b: 2\n", "1:9", "braces are missing"),
        ("split: {a: 1; b: 2}\n", "1:16", "a comma or a closing } is expected"),
        ("list:\n  - a\n  b: 1\n", "3:3", "Begin with a hyphen"),
        ("arms:\n\xa0\xa0a: {b: 1}\n  c: 1\n", "2:1", "a no-break space stands here, U+00A0"),
    ],
)
def test_what_is_no_yaml_is_told_without_the_words_of_the_parser(text: str, place: str, said: str) -> None:
    [problem] = document(text).problems
    assert f"{problem.place.line}:{problem.place.column}" == place
    assert said in problem.message


def test_a_merge_conflict_is_told_as_one() -> None:
    conflict = "<<<<<<< HEAD\nsplit: 10\n=======\nsplit: 20\n>>>>>>> rollout\n"
    for text in (conflict, f"version: 1\n{conflict}owner: a\n"):
        [problem] = document(text).problems
        assert problem.place.line == text.split("\n").index("<<<<<<< HEAD") + 1
        assert problem.message.startswith("a merge conflict was left here.")


def test_a_day_in_another_form_is_told_how_days_are_written() -> None:
    [problem] = document("until: 01.02.2027\n").problems
    assert "2027-02-01 for a day" in problem.message
