"""Values are edited where they stand, and nothing else changes."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_config.config import Source
from gateway_config.edit import edited, path_of, write_atomically
from gateway_config.errors import UsageError
from gateway_config.reading import Document
from tests.small_config import EDITOR, QUICK_CHAT, lines, run, run_json, write_config


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a config in it, in which the command is run."""
    monkeypatch.chdir(tmp_path)
    return write_config(tmp_path / "gateway_config")


@pytest.fixture
def route(folder: Path) -> Path:
    return folder / "routes/quick-chat.yaml"


# --- the text ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "path", "value", "after"),
    [
        ("a: 1 # one\n", ("a",), "2", "a: 2 # one\n"),
        ('a: "one"\n', ("a",), "two", 'a: "two"\n'),
        ("a: 'one'\n", ("a",), "it's", "a: 'it''s'\n"),
        ('a: "one"\n', ("a",), 'so "quoted" \\', 'a: "so \\"quoted\\" \\\\"\n'),
        ("a: {b: x, c: y}\n", ("a", "c"), "z", "a: {b: x, c: z}\n"),
        ("a:\n  - x\n  - y # why\n", ("a", 1), "z", "a:\n  - x\n  - z # why\n"),
        ("a: one\n", ("a",), "@cf/meta/x", 'a: "@cf/meta/x"\n'),
        ("a: one\n", ("a",), "b: c", 'a: "b: c"\n'),
        ("a: one\n", ("a",), "", 'a: ""\n'),
        ("a:\nb: 2\n", ("a",), "1", "a: 1\nb: 2\n"),
        ("a: 1\r\nb: 2\r\n", ("b",), "3", "a: 1\r\nb: 3\r\n"),
        ("ä: ö # ü😀\nb: 2", ("b",), "3", "ä: ö # ü😀\nb: 3"),
    ],
)
def test_only_the_value_changes(before: str, path: tuple[str | int, ...], value: str, after: str) -> None:
    assert edited(before.encode(), {path: value}).decode() == after


def test_a_byte_order_mark_stays() -> None:
    assert edited(b"\xef\xbb\xbfa: 1\n", {("a",): "2"}) == b"\xef\xbb\xbfa: 2\n"


def test_several_values_are_edited_at_once() -> None:
    assert edited(b"a: 1\nb: 22\nc: 3\n", {("c",): "33", ("a",): "111", ("b",): "2"}) == b"a: 111\nb: 2\nc: 33\n"


LINES = st.sampled_from(
    ["a: {} # why\n", "a: '{}' # why\n", 'a: "{}" # why\n', "a: {{x: {}, y: 1}}\n", "a: [1, {}, 2]\n", "a:\n  - {}\n"]
)
TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8"), min_size=1),
    st.sampled_from(
        ["no", "12", "1e3", "2027-01-01", "null", "a # b", "a: b", "it's", '"', "a\nb", "[x", "*x", "- x", " x "]
    ),
)


@given(st.lists(LINES, min_size=1, max_size=4), st.data(), TEXTS)
def test_any_text_in_place_of_a_text_reads_back_as_itself_and_nothing_else_changes(
    written: list[str], data: st.DataObject, value: str
) -> None:
    place = data.draw(st.integers(0, len(written) - 1))
    pieces = [line.replace("a:", f"k{number}:", 1).format("old") for number, line in enumerate(written)]
    edited_line = pieces[place]
    inside: tuple[str | int, ...] = ("x",) if "{x:" in edited_line else (1,) if "[1," in edited_line else ()
    inside = (0,) if "- old" in edited_line else inside
    content = edited("".join(pieces).encode(), {(f"k{place}", *inside): value}).decode()
    before, after = ("".join(part) for part in (pieces[:place], pieces[place + 1 :]))
    head, _, tail = edited_line.partition("old")
    assert content.startswith(before + head.rstrip("\"'"))
    assert content.endswith(tail.lstrip("\"'") + after)
    found = Document("a.yaml", content.encode())
    assert all(problem.rule == "credential" for problem in found.problems)
    own: Any = found.data[f"k{place}"]
    for step in inside:
        own = own[step]
    assert own == value or found.problems


@pytest.mark.parametrize(
    ("before", "path", "value", "after"),
    [
        ("owner: growth\n", ("owner",), "12", 'owner: "12"\n'),
        ("owner: growth\n", ("owner",), "no", 'owner: "no"\n'),
        ("retries: 1\n", ("retries",), "2", "retries: 2\n"),
        ("until: 2027-01-01\n", ("until",), "2027-02-01", "until: 2027-02-01\n"),
        ("split: {a: rest}\n", ("split", "a"), "90", "split: {a: 90}\n"),
        ("split: {a: 90}\n", ("split", "a"), "rest", "split: {a: rest}\n"),
        (
            "stages: {prod: {split: {a: 90}}}\n",
            ("stages", "prod", "split", "a"),
            "rest",
            "stages: {prod: {split: {a: rest}}}\n",
        ),
        ("arms: {split: {prompt: calm}}\n", ("arms", "split", "prompt"), "no", 'arms: {split: {prompt: "no"}}\n'),
        ("owner: growth\n", ("owner",), "a\nb", 'owner: "a\\nb"\n'),
        ("owner: 'growth'\n", ("owner",), "a\u202eb", 'owner: "a\\u202eb"\n'),
    ],
)
def test_a_text_stays_a_text_and_a_number_a_number(before: str, path: tuple[str, ...], value: str, after: str) -> None:
    assert edited(before.encode(), {path: value}).decode() == after


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("a: {b: 1}\n", ("a",), "`a` is not a single value. Name one inside of it: a.b."),
        ("a: {b: 1}\n", ("a", "c"), "`a.c` is not written in the file, so there is nothing to edit. Add it by hand."),
        ("a: |\n  long\n", ("a",), "`a` is a text of several lines. Edit it by hand."),
        ("a: long\n  text\n", ("a",), "`a` is a text of several lines. Edit it by hand."),
        ('a: "long\n  text"\n', ("a",), "`a` is a text of several lines. Edit it by hand."),
    ],
)
def test_what_cannot_be_edited_is_refused(text: str, path: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError) as error:
        edited(text.encode(), {path: "1"})
    assert str(error.value) == message


def test_a_file_is_replaced_at_once_and_keeps_its_permissions(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("old")
    file.chmod(0o640)
    write_atomically(file, b"new")
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("new", 0o640)
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_behind_a_link_is_replaced_and_the_link_stays(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text("old")
    link = tmp_path / "link.yaml"
    link.symlink_to("real.yaml")
    write_atomically(link, b"new")
    assert (link.is_symlink(), (tmp_path / "real.yaml").read_text()) == (True, "new")


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_atomically(tmp_path / "folder.yaml", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.yaml"]


# --- the command ------------------------------------------------------------------------------------------------------


def test_a_share_is_edited_by_the_name_of_its_arm(route: Path) -> None:
    assert run("edit", "quick-chat", "challenger=20").exit_code == 0
    assert route.read_text() == QUICK_CHAT.replace("challenger: 10", "challenger: 20")


def test_a_route_is_also_edited_by_its_intent(route: Path) -> None:
    assert run("edit", "sprinter", "challenger=20").exit_code == 0
    assert route.read_text() == QUICK_CHAT.replace("challenger: 10", "challenger: 20")


def test_the_changed_line_is_shown(route: Path) -> None:
    shown = lines(run("edit", "quick-chat", "challenger=20"))
    assert shown == [
        "gateway_config/routes/quick-chat.yaml:7",
        "- split: {champion: rest, challenger: 10} # one number to change",
        "+ split: {champion: rest, challenger: 20} # one number to change",
        "stage dev has its own `split`, which stays as it is.",
    ]


def test_a_stage_has_its_own_share(route: Path) -> None:
    run("edit", "quick-chat", "challenger=60", "--stage", "dev")
    assert route.read_text() == QUICK_CHAT.replace("challenger: 50", "challenger: 60")


def test_a_stage_without_its_own_share_says_that_others_change_too(route: Path) -> None:
    shown = lines(run("edit", "quick-chat", "challenger=20", "--stage", "prod"))
    assert shown[-1] == "stage prod has no `split` of its own: this holds for every stage without one."
    assert route.read_text() == QUICK_CHAT.replace("challenger: 10", "challenger: 20")


def test_any_value_is_edited_by_its_dotted_path(route: Path) -> None:
    run("edit", "quick-chat", "arms.champion.model=big", "arms.champion.retries=2", "fallback.0=gemma")
    expected = QUICK_CHAT.replace("model: fast", "model: big").replace("retries: 1", "retries: 2")
    assert route.read_text() == expected.replace("fallback: [big]", "fallback: [gemma]")


def test_an_arm_within_a_tier_is_found(folder: Path) -> None:
    result = run("edit", "editor", "quick=70", "small=30")
    assert result.exit_code == 0
    assert "edge: {quick: 70, small: 30}" in (folder / "routes/editor.yaml").read_text()


def test_an_arm_of_two_tiers_is_named_by_its_tier(folder: Path) -> None:
    editor = EDITOR.replace("frontier: {deep: 100}", "frontier: {deep: 50, quick: 50}")
    write_config(folder, editor=editor)
    result = run("edit", "editor", "quick=70")
    assert result.exit_code == 2
    assert "Name tiers.edge.quick or tiers.frontier.quick." in result.stderr


def test_an_edit_that_would_leave_problems_is_refused(route: Path) -> None:
    result = run("edit", "quick-chat", "arms.champion.model=bug")
    assert (result.exit_code, route.read_text()) == (1, QUICK_CHAT)
    assert result.stderr.startswith("gateway_config/routes/quick-chat.yaml:5:21 unknown-model: ")
    assert result.stderr.splitlines()[-1].startswith("Nothing was written.")


def test_a_refused_edit_is_written_by_force(route: Path) -> None:
    assert run("edit", "quick-chat", "arms.champion.model=bug", "--force").exit_code == 0
    assert "model: bug" in route.read_text()


def test_an_edit_that_changes_nothing_writes_nothing(route: Path) -> None:
    before = route.stat().st_mtime_ns
    result = run("edit", "quick-chat", "challenger=10")
    assert (result.exit_code, route.stat().st_mtime_ns) == (0, before)
    assert lines(result)[0] == "It says so already; nothing was written."


def test_json_has_file_line_and_both_texts(route: Path) -> None:
    data = run_json("edit", "quick-chat", "arms.champion.retries=2")
    assert data == {
        "file": "gateway_config/routes/quick-chat.yaml",
        "written": True,
        "changes": [
            {
                "line": 5,
                "before": "  champion: {model: fast, first_byte_ms: 8000, retries: 1}",
                "after": "  champion: {model: fast, first_byte_ms: 8000, retries: 2}",
            }
        ],
        "notes": [],
        "problems": [],
    }


def test_a_refused_edit_says_so_in_json_too(route: Path) -> None:
    result = run("edit", "quick-chat", "challenger=200", "--json")
    data = json.loads(result.stdout)
    assert (result.exit_code, data["written"]) == (1, False)
    assert [problem["rule"] for problem in data["problems"]] == ["wrong-value"]


def test_a_file_that_cannot_be_read_is_not_edited(route: Path) -> None:
    route.write_text(QUICK_CHAT + "kind: chat\n")
    result = run("edit", "quick-chat", "challenger=20")
    assert result.exit_code == 1
    assert "duplicate-key" in result.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["quick-cat", "challenger=20"], 'there is no route or intent "quick-cat". Did you mean "quick-chat"?'),
        (
            ["quick-chat", "chalenger=20"],
            'routes/quick-chat.yaml has no arm or key "chalenger". Did you mean "challenger"?',
        ),
        (["quick-chat", "challenger"], 'a value is written name=value, such as challenger=20; found "challenger".'),
        (["quick-chat", "challenger=1", "challenger=2"], '"challenger" is given twice. Give it one value.'),
        (["quick-chat", "challenger=1", "split.challenger=2"], '"split.challenger" is given twice.'),
        (["quick-chat", "owner="], '"owner=" names no value. To take the key away, remove its line by hand.'),
        (["quick-chat", "arms.champion.prompt=x"], "`arms.champion.prompt` is not written in the file"),
        (["quick-chat", "arms.champion.modle=x"], 'nothing to edit. Did you mean "arms.champion.model"?'),
        (["quick-chat", "champion.model=x"], 'no arm or key "champion.model". Did you mean "arms.champion.model"?'),
        (["quick-chat", "splot.champion=1"], 'no arm or key "splot.champion". Did you mean "split"?'),
        (["quick-chat", "challenger=20", "--stage", "PROD"], 'a stage is named like "dev"'),
    ],
)
def test_what_does_not_exist_is_wrong_usage(folder: Path, words: list[str], sentence: str) -> None:
    result = run("edit", *words)
    assert result.exit_code == 2
    assert sentence in result.stderr


WRONG = st.recursive(
    st.sampled_from(["1", "x", "null", "rest"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(st.sampled_from(["a", "b", "dev"]), inner, max_size=3).map(
            lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs.items()) + "}"
        ),
    ),
    max_leaves=6,
)


@given(
    st.dictionaries(st.sampled_from(["arms", "split", "tiers", "stages", "owner"]), WRONG, max_size=4),
    st.sampled_from(
        ["a", "arms.a", "split", "split.0", "tiers.a.b", "owner", "stages.dev.split", ".", "a..b", "arms.-1"]
    ),
)
def test_a_file_of_any_shape_is_edited_or_refused(keys: dict[str, str], name: str) -> None:
    text = "version: 1\n" + "".join(f"{key}: {value}\n" for key, value in keys.items())
    source = Source(Document("a.yaml", text.encode()), "dev")
    try:
        content = edited(text.encode(), {path_of(source, name): "changed"})
    except UsageError:
        return
    assert b"changed" in content
