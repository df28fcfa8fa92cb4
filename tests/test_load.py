"""Files become a config where nothing is wrong, and all problems with their places where something is."""

import datetime
import os
from pathlib import Path

import pytest

from gateway_config.config import GatewayConfig
from gateway_config.errors import ConfigError, UsageError
from gateway_config.load import MOST_PROBLEMS, examine, examine_documents, load
from gateway_config.problems import Problem
from gateway_config.reading import Document
from tools.rules_page import TODAY, example

CANARY = "test-" + "0a1b2c3d" * 5
FILES = {name: (content or b"").decode() for name, content in example("split-sum", "right").files.items()}
GATEWAY, CHAT = FILES["gateway.yaml"], FILES["routes/chat.yaml"]
END = "{id: end, type: end, outputs: {}}"


def examined(stage: str = "dev", **files: str) -> tuple[GatewayConfig | None, list[Problem]]:
    """A config that works, with `gateway` or `chat` (or any other route) as given."""
    texts = {"gateway": GATEWAY, "chat": CHAT, **files}
    names = [("gateway.yaml", texts.pop("gateway")), *((f"routes/{name}.yaml", text) for name, text in texts.items())]
    return examine_documents([Document(name, text.encode()) for name, text in names], stage, TODAY)


def complaints(stage: str = "dev", **files: str) -> list[str]:
    return [f"{problem.place} {problem.rule}" for problem in examined(stage, **files)[1]]


def messages(**files: str) -> str:
    return "\n".join(problem.message for problem in examined(**files)[1])


def elements(*items: str) -> str:
    return "version: 1\nkind: chat\nintents: [chat]\nelements:\n" + "".join(f"  - {item}\n" for item in items)


def model_element(properties: str) -> str:
    ways = "{success: {elementId: end}, fallback: {elementId: end}}"
    return f"{{id: m, type: model, properties: {{{properties}}}, outputs: {ways}}}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "routes").mkdir()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_becomes_a_config(folder: Path) -> None:
    config = load(folder, "dev")
    assert list(config.routes) == ["chat"]
    assert config.gateway_id == "demo-dev"


def test_places_are_named_as_a_user_would_write_them(folder: Path) -> None:
    (folder / "routes" / "chat.yaml").write_text(CHAT + "stickey: user\n")
    _, problems = examine(folder, "dev")
    assert [problem.place.file for problem in problems] == ["routes/chat.yaml"]


def test_loading_raises_all_errors_of_all_files(folder: Path) -> None:
    (folder / "gateway.yaml").write_text(GATEWAY + "tiers: 1\n")
    (folder / "routes" / "chat.yaml").write_text(CHAT + "stickey: user\nowner: yes\n")
    with pytest.raises(ConfigError) as raised:
        load(folder, "dev")
    assert [problem.rule for problem in raised.value.problems] == ["unknown-key", "unknown-key", "yaml-ambiguous"]
    assert str(raised.value).count("\n") == 2


def test_a_split_past_its_day_does_not_stop_a_program(folder: Path) -> None:
    (folder / "routes" / "chat.yaml").write_text(CHAT + "until: 2020-01-01\n")
    assert load(folder, "dev").routes["chat"].until == datetime.date(2020, 1, 1)


def test_a_folder_without_a_config_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no gateway\.yaml in .*--config DIR"):
        load(tmp_path, "dev")


@pytest.mark.parametrize("stage", ["", "Dev", "dev-1", "1dev", "d" * 17, "dev\n"])
def test_a_stage_has_a_plain_name(stage: str) -> None:
    with pytest.raises(UsageError, match='a stage is named like "dev"'):
        examined(stage)


def test_problems_come_in_the_order_of_their_places() -> None:
    found = complaints(gateway=GATEWAY + "x: 1\ny: 2\n", chat=CHAT + "x: 1\ny: 2\n")
    assert [place.partition(" ")[0] for place in found] == [
        "gateway.yaml:6:1",
        "gateway.yaml:7:1",
        "routes/chat.yaml:9:1",
        "routes/chat.yaml:10:1",
    ]


# --- stages -----------------------------------------------------------------------------------------------------------


STAGED = CHAT + "stages:\n  dev: {split: {champion: rest, challenger: 50}}\n"


def test_a_stage_replaces_a_whole_key() -> None:
    config, _ = examined("dev", chat=STAGED)
    assert config is not None
    assert config.routes["chat"].split == {"champion": "rest", "challenger": 50}


def test_another_stage_keeps_what_the_file_says() -> None:
    config, _ = examined("prod", chat=STAGED)
    assert config is not None
    assert config.routes["chat"].split == {"champion": "rest", "challenger": 10}


def test_a_problem_in_a_stage_is_placed_there() -> None:
    text = CHAT + "stages:\n  dev: {split: {champion: 50, challenger: 10}, stickey: 1}\n"
    assert complaints(chat=CHAT + "stages:\n  dev: {split: {champion: 50, challenger: 10}}\n") == [
        "routes/chat.yaml:10:43 split-sum"
    ]
    assert complaints(chat=text) == ["routes/chat.yaml:10:48 unknown-key"]
    assert complaints("prod", chat=text) == []


@pytest.mark.parametrize(
    ("stages", "complaint"),
    [
        ("[dev]", "9:9 wrong-type"),
        ("{dev: 5}", "9:15 wrong-type"),
        ("{Dev: {}}", "9:10 wrong-value"),
        ("{dev: {stages: {}}}", "9:16 unknown-key"),
    ],
)
def test_stages_have_a_shape(stages: str, complaint: str) -> None:
    assert complaints(chat=f"{CHAT}stages: {stages}\n") == [f"routes/chat.yaml:{complaint}"]


# --- what is said about values ----------------------------------------------------------------------------------------


def test_an_empty_mapping_lacks_its_keys() -> None:
    assert "missing-key" in complaints(chat="{}\n")[0]


def test_a_file_that_is_not_whole_is_not_judged_further() -> None:
    assert complaints(chat="version: 2\nkind: [\n") == ["routes/chat.yaml:3:1 yaml-syntax"]


def test_a_value_that_was_not_understood_is_named_once() -> None:
    assert complaints(chat=CHAT + "deadline_ms: 1e3\n") == ["routes/chat.yaml:9:14 yaml-ambiguous"]


def test_a_file_full_of_problems_names_the_first_ones() -> None:
    assert len(complaints(chat=CHAT + "".join(f"k{number}: 1\n" for number in range(1000)))) == MOST_PROBLEMS


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("deadline_ms: 1.5", "`deadline_ms` is a whole number, without quotes; found 1.5."),
        ("deadline_ms: true", "`deadline_ms` is a whole number, without quotes; found true."),
        ("deadline_ms: 0", "`deadline_ms` is greater than 0; found 0."),
        ("deadline_ms: 999999999999999999", None),
        ("until: '2027-01-01'", '`until` is a day, such as 2027-02-01, without quotes; found "2027-01-01".'),
        ("direct: 1", "`direct` is true or false, without quotes; found 1."),
        ("owner: 5", "`owner` is a text; found 5."),
        ("when: {}", "`when` is a list; found {}."),
        ("allow: [x]", '`allow` is a mapping of keys; found ["x"].'),
        ("split_: 1", 'the key "split_" is not known here. Did you mean "split"?'),
        ("limits: [{per: user_id, window_s: 5, then: stop}]", "counts either `requests` or `cost_usd`"),
        ("limits: [{per: user_id, cost_usd: -1, window_s: 5, then: stop}]", "`limits.0.cost_usd` is at least 0"),
        ('limits: [{per: user_id, cost_usd: "1E+400", window_s: 5, then: stop}]', "is an amount of money"),
        ('limits: [{per: user_id, cost_usd: "1_0", window_s: 5, then: stop}]', "is an amount of money"),
        ('limits: [{per: user_id, cost_usd: "NaN", window_s: 5, then: stop}]', "is an amount of money"),
        ("limits: [{per: User, requests: 1, window_s: 5, then: stop}]", "`limits.0.per` is written like"),
        ("when: [{if: {Plan: free}, arm: champion}]", "names metadata keys in lower case"),
        ("when: [{if: {plan: {not: [a]}}, arm: champion}]", "compares `plan` with a text"),
        ("when: [{if: {any: []}, arm: champion}]", "has a list of conditions under `any`"),
        ("when: [{if: {}, arm: champion}]", "maps metadata keys to what they are"),
        ("cache: {key: x, ttl_s: 60, shared: [user]}", 'is "tenant", "arm" or "prompt"'),
        ("cache: {key: '', ttl_s: 60}", '`cache.key` is not empty; found "".'),
        ("sticky: usr", '`sticky` is "user", "tenant", "project" or "request"; found "usr". Did you mean "user"?'),
        ("allow: {missing-fallback: no way}", "`allow.missing-fallback` has at least 10 characters; found"),
        ("when: [{if: {plan: 1.5}, arm: champion}]", 'found {"plan": 1.5}.'),
        ("deadline_ms: 99999999999999999999999999", "has more than 18 digits"),
        ("deadline_ms: .inf", ".inf is no number that a key could take."),
    ],
)
def test_a_value_is_refused_with_what_was_expected(line: str, said: str | None) -> None:
    found = messages(chat=f"{CHAT}{line}\n")
    assert found == "" if said is None else said in found


def test_conditions_nested_without_end_are_refused() -> None:
    nested = "{any: [" * 12 + "{plan: free}" + "]}" * 12
    assert "is nested at most 8 deep" in messages(chat=f"{CHAT}when: [{{if: {nested}, arm: champion}}]\n")


def test_a_list_that_is_too_long_says_how_long_it_may_be() -> None:
    limits = ", ".join(["{usd: 1, window_s: 60}"] * 21)
    assert "has at most 20 entries" in messages(
        gateway=GATEWAY.replace("{id: demo}", f"{{id: demo, spend_limits: [{limits}]}}")
    )


def test_a_name_cannot_break_out_of_its_message() -> None:
    found = messages(chat=CHAT + '"\\e[31m\\n::error::": 1\n')
    assert r"\x1b[31m\n::error::" in found


def test_a_public_key_is_no_credential() -> None:
    line = "MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEA1234567890abcdefgh12"
    key = f"-----BEGIN PUBLIC KEY-----\n{line}\n{line}\n-----END PUBLIC KEY-----".replace("\n", "\\n")
    assert complaints(gateway=GATEWAY.replace("{id: demo}", f'{{id: demo, logpush_public_key: "{key}"}}')) == []


@pytest.mark.parametrize(
    "text", [f"{CHAT}owner: {CANARY}\n", f"{CHAT}{CANARY}: 1\n", f"{CHAT}allow: {{{CANARY}: x}}\n"]
)
def test_a_credential_is_in_no_message(text: str) -> None:
    found = messages(chat=text)
    assert "looks like a credential" in found
    assert CANARY not in found


# --- verbatim elements ------------------------------------------------------------------------------------------------


START = "{id: start, type: start, outputs: {next: {elementId: m}}}"
FINE = 'provider: workers-ai, model: "@cf/openai/gpt-oss-120b", timeout: 30000, retries: 0'


def rules_of(*items: str) -> set[str]:
    return {problem.rule for problem in examined(chat=elements(*items))[1]} - {"unused-model"}


def test_elements_that_make_a_graph_are_fine() -> None:
    assert rules_of(START, model_element(FINE), END) == set()


@pytest.mark.parametrize(
    "properties",
    [
        FINE.replace("30000", '"30000"'),
        FINE.replace("30000", "1.5"),
        FINE.replace("30000", "null"),
        FINE.replace("30000", "-1"),
        FINE.replace("timeout: 30000, ", ""),
        FINE.replace('"@cf/openai/gpt-oss-120b"', "[]"),
        FINE.replace("workers-ai", "true"),
        FINE.replace("retries: 0", "retries: {}"),
    ],
)
def test_a_model_element_has_properties_of_the_right_type(properties: str) -> None:
    assert rules_of(START, model_element(properties), END) == {"elements-grammar"}


@pytest.mark.parametrize(
    "labels", ["-10% 110%", "else 100%", "nan% 100%", "1e1% 90%", "10 90%", "50%", "", "inf%", "20% " * 5 + "0%"]
)
def test_percentages_are_numbers_that_add_up(labels: str) -> None:
    outputs = ", ".join(f'"{label}": {{elementId: m}}' for label in dict.fromkeys(labels.split()))
    split = f"{{id: p, type: percentage, outputs: {{{outputs}}}}}"
    assert "elements-grammar" in rules_of(START.replace("m}", "p}"), split, model_element(FINE), END)


def test_what_a_property_is_instead_is_told() -> None:
    text = FINE.replace("timeout: 30000", 'timeout: "30000"')
    told = messages(chat=elements(START, model_element(text), END))
    assert 'is a whole number of milliseconds, and Cloudflare requires it; found "30000".' in told
    assert "; found none." in messages(chat=elements(START, model_element("provider: workers-ai"), END))


def test_elements_are_json_which_has_no_days() -> None:
    found = examined(chat=elements(START, model_element(f"{FINE}, since: 2026-01-01"), END))[1]
    assert 'has no days. Put "2026-01-01" in quotes' in found[0].message


def test_a_circle_is_named_as_the_path_that_it_is() -> None:
    circle = model_element(FINE).replace("fallback: {elementId: end}", "fallback: {elementId: k}")
    back = circle.replace("id: m", "id: k").replace("elementId: k", "elementId: m")
    found = messages(chat=elements(START, circle, back, END))
    assert "in a circle: m → k → m." in found or "in a circle: k → m → k." in found


def test_a_route_that_cannot_be_read_hides_no_problem_of_the_others(tmp_path: Path) -> None:
    gateway = "version: 1\ngateway: {id: inference}\nmodels: {a: {upstream: workers-ai, model: m, kind: chat}}\n"
    (tmp_path / "routes").mkdir()
    (tmp_path / "gateway.yaml").write_text(gateway + "projects: {shop: {intents: [talk]}}\n")
    (tmp_path / "routes" / "broken.yaml").write_text("version: 1\nkind: chat\nintents: [talk]\narmz: {}\n")
    (tmp_path / "routes" / "whole.yaml").write_text("version: 1\nkind: chat\narms: {one: {model: b}}\n")
    config, problems = examine(tmp_path, "dev")
    assert config is None
    assert {"unknown-key", "unknown-model"} <= {problem.rule for problem in problems}
    assert not {"unknown-intent", "unused-model"} & {problem.rule for problem in problems}


def small(folder: Path) -> Path:
    """A config folder with one route in it."""
    (folder / "routes").mkdir()
    (folder / "gateway.yaml").write_text(GATEWAY)
    (folder / "routes" / "chat.yaml").write_text(CHAT)
    return folder


@pytest.mark.parametrize("kind", ["folder", "pipe", "circle", "device"])
def test_a_route_that_is_no_file_is_a_problem_with_a_place(tmp_path: Path, kind: str) -> None:
    odd = small(tmp_path) / "routes" / "odd.yaml"
    if kind == "folder":
        odd.mkdir()
    elif kind == "pipe":
        os.mkfifo(odd)
    else:
        odd.symlink_to("odd.yaml" if kind == "circle" else "/dev/zero")
    _, problems = examine(tmp_path, "dev", TODAY)
    assert [str(problem.place) for problem in problems if problem.rule == "file-unreadable"] == [f"{odd}:1:1"]


def test_a_file_that_changes_while_it_is_read_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, whole = small(tmp_path), os.read
    monkeypatch.setattr("os.read", lambda descriptor, size: whole(descriptor, size)[:30])
    _, problems = examine(folder, "dev", TODAY)
    assert {(problem.rule, "it has changed while it was read" in problem.message) for problem in problems} == {
        ("file-unreadable", True)
    }


def test_routes_that_cannot_be_listed_are_not_taken_for_none(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text(GATEWAY)
    (tmp_path / "routes").write_text("")
    with pytest.raises(UsageError, match=r'routes" cannot be read: Not a directory'):
        examine(tmp_path, "dev", TODAY)


def test_a_price_that_is_null_is_named_where_it_stands() -> None:
    gateway = GATEWAY.replace(
        "models:\n", "models:\n  free:\n    upstream: a\n    model: b\n    kind: chat\n    price: null\n"
    )
    [problem] = [problem for problem in examined(gateway=gateway)[1] if problem.rule == "missing-price"]
    assert gateway.splitlines()[problem.place.line - 1].strip() == "price: null"
