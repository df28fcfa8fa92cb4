"""What is wrong with a value is said in words, at its place."""

import re

import pytest

from gateway_config.config import GatewayFile, Route
from gateway_config.patterns import EXAMPLES
from tests.test_load import CHAT, GATEWAY, complaints, examined, messages


def patterns(schema: object) -> set[str]:
    """Every pattern in a JSON Schema."""
    if isinstance(schema, dict):
        own = {schema["pattern"]} if isinstance(schema.get("pattern"), str) else set[str]()
        own |= set(schema.get("patternProperties", {}))
        return own.union(*(patterns(inner) for inner in schema.values()))
    return set[str]().union(*(patterns(inner) for inner in schema)) if isinstance(schema, list) else set()


@pytest.mark.parametrize("pattern", sorted(patterns([GatewayFile.model_json_schema(), Route.model_json_schema()])))
def test_every_pattern_has_an_example_that_fits_it(pattern: str) -> None:
    examples = re.findall('"([^"]+)"', EXAMPLES[pattern])
    assert examples
    assert all(re.search(pattern, example) for example in examples)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version: 1", "version: 2", "`version` is 1; found 2."),
        ("kind: chat", "kind: chatt", '"speak" or "classify"; found "chatt". Did you mean "chat"?'),
        (
            "challenger: 10",
            "challenger: x",
            '`split.challenger` is a whole number, without quotes, or "rest"; found "x"',
        ),
        ("{model: small}", "{model: small, summary: low}", 'Did you mean "reasoning_summary"?'),
        ("{model: small}", "{model: small, effort: low}", 'Did you mean "reasoning_effort"?'),
    ],
)
def test_what_is_expected_is_said_in_words(old: str, new: str, said: str) -> None:
    [problem] = examined(chat=CHAT.replace(old, new))[1]
    assert said in problem.message


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("split: {", "  split: {", "`split` is a key of the file itself; does it stand too deep?"),
        (
            "split: {champion: rest, challenger: 10}",
            "split:\nchampion: rest\nchallenger: 10",
            "Indent it if it belongs to `split`",
        ),
        (
            "{champion: rest, challenger: 10}",
            "\n  champion:rest\n  challenger:10",
            'found "champion:rest challenger:10". A colon and a space go between a key and its value.',
        ),
        (
            "champion: rest",
            "champion:rest",
            'found "champion:rest". A colon and a space go between a key and its value.',
        ),
        ("champion: rest", "champion: Rest", 'found "Rest". Did you mean "rest"?'),
        ("split:", "shares:", 'the key "shares" is not known here. Did you mean "split"?'),
        (
            "{model: small}",
            "{model: small, share: 90}",
            "not known here. `split`, a key of the file itself, says that.",
        ),
        ("{model: small}", "small", 'is a mapping of keys; found "small". Write it as {model: small}.'),
        ("intents: [chat]", "intents: chat", '`intents` is a list; found "chat". Write it as [chat].'),
        ("kind: chat", "kind: chat\nfallback: large", '`fallback` is a list; found "large". Write it as [large].'),
        ("kind: chat", "kind: chat\nwhen: {if: {tier: edge}, arm: champion}", "Put brackets around it, or a hyphen"),
        ("champion: rest", "champion=rest", "A colon and a space go between"),
        ("challenger: 10", "challenger: \xa010", "plain ASCII, and U+00A0 is not"),
        ("challenger: 10", "challenger: \uff11\uff10", "plain ASCII, and U+FF11 is not"),
        ("  champion: {", "  Champion_1: {", 'found "Champion_1". Did you mean "champion-1"?'),
        ("{model: small}", "{model: Small}", 'found "Small". Did you mean "small"?'),
        ("{model: small}", '{model: "@cf/x/small"}', "Models have names in gateway.yaml, beside their ids."),
        ("  challenger: {model", "challenger: {model", "not known here. Indent it if it belongs to `arms`."),
        ("  champion: {model: small}", "  champion:\n  model: small", "Indent `model` if it belongs to the key above."),
        ("{model: small}", "{model: small, temperature: 0,5}", "a decimal is written with a point, such as 0.3"),
    ],
)
def test_a_slip_of_the_hand_is_told_as_what_it_is(old: str, new: str, said: str) -> None:
    found = [problem.message for problem in examined(chat=CHAT.replace(old, new, 1))[1]]
    assert any(said in message for message in found), found


def test_a_name_that_cannot_be_is_told_at_the_name() -> None:
    chat = CHAT.replace("champion: {model", "Champion: {model").replace("champion: rest", "Champion: rest")
    assert complaints(chat=chat) == ["routes/chat.yaml:5:3 wrong-value", "routes/chat.yaml:7:9 wrong-value"]


def test_a_text_is_no_short_form_of_what_has_no_text() -> None:
    gateway = re.sub(r"price: {[^}]*}", "price: unknown", GATEWAY, count=1)
    assert [problem.message for problem in examined(gateway=gateway)[1]] == [
        '`models.small.price` is a mapping of keys; found "unknown".'
    ]


@pytest.mark.parametrize("id", ["Ab3d5" * 8, "Long" * 20])
def test_what_is_not_shown_is_not_said_again_in_a_hint(id: str) -> None:
    found = messages(gateway=GATEWAY.replace("id: demo", f"id: {id}"))
    assert "`gateway.id`" in found
    assert id.lower() not in found.lower()


def test_a_missing_space_is_one_problem() -> None:
    assert complaints(chat=CHAT.replace("challenger: 10", "challenger:10")) == ["routes/chat.yaml:7:25 wrong-value"]


def test_what_is_wrong_within_a_mapping_is_told_and_not_that_it_is_no_word() -> None:
    cache = "cache: {key: 'x{d}', ttl_s: 60, fields: {d: {form: Z, time_zone: UTC}}}\n"
    [problem] = examined(chat=CHAT + cache)[1]
    assert problem.message.startswith('`cache.fields.d.form` is written like "%Y-%m-%d"')


def test_nothing_is_concluded_from_a_number_that_could_not_be_read() -> None:
    chat = CHAT.replace("{model: small}", "{model: small, first_byte_ms: 9e9}") + "deadline_ms: 1\n"
    assert complaints(chat=chat) == ["routes/chat.yaml:5:43 yaml-ambiguous"]


@pytest.mark.parametrize(
    ("split", "column"),
    [
        ("{champion: 90, challenger: 20, third: 0}", 35),
        ("{champion: rest, challenger: rest, third: 0}", 37),
        ("{champion: 99, third: 2, challenger: 10}", 30),
        ("{champion: 30, challenger: 20, third: 0}", 46),
    ],
)
def test_a_wrong_sum_stands_at_the_share_where_it_goes_wrong(split: str, column: int) -> None:
    chat = CHAT.replace("{champion: rest, challenger: 10}", split).replace(
        "arms:\n", "arms:\n  third: {model: small}\n"
    )
    assert f"routes/chat.yaml:8:{column} split-sum" in complaints(chat=chat)
