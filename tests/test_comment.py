"""The comment on a pull request: what it says first, what it never says, and that it always fits."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway_config.errors import ConfigError
from gateway_config.telling.diff import Change, ConfigDiff, config_diff
from infra.changes import Difference, Outcome, ResourceChange
from infra.comment import LIMIT_BYTES, Meaning, comment, meaning_of
from infra.provider.values import UNKNOWN
from tests.small_config import EDITOR, GATEWAY, QUICK_CHAT, compiled, write_config

ROUTE = "gatewright:index:Route"
GITHUB_CHARACTERS = 65_536


def outcome(*changes: ResourceChange, drift: tuple[ResourceChange, ...] = (), notices: tuple[str, ...] = ()) -> Outcome:
    return Outcome(changes, drift, notices, {}, 1.5)


def update(name: str = "quick-chat", *leaves: tuple[str, Any, Any]) -> ResourceChange:
    return ResourceChange("update", ROUTE, name, tuple(Difference(*leaf) for leaf in leaves))


def meaning(tmp_path: Path, **changed: str) -> Meaning:
    """What it means when files of the small config change."""
    before, after = write_config(tmp_path / "before"), write_config(tmp_path / "after", **changed)
    return Meaning("main", config_diff(compiled(before), compiled(after)))


MORE = QUICK_CHAT.replace("challenger: 10}", "challenger: 20}")
OTHER = MORE.replace("challenger: {model: gemma", "challenger: {model: big, temperature: 0.5")


# --- what it says ---


def test_a_comment_reads_as_a_reviewer_would_want_it(tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    drift = (update("editor", ('elements["editor.deep"].properties.timeout', 8000, 1500)),)
    change = update("quick-chat", ("split.challenger", 10, 20), ("split.champion", 90, 80))
    gateway = ResourceChange("create", "cloudflare:index/aiGateway:AiGateway", "gateway")
    found = outcome(change, gateway, drift=drift, notices=("gateway inference-prod exists already: taken in",))
    golden("comment/review.md", comment("prod", found, meaning(tmp_path, quick_chat=OTHER)))


def test_a_preview_without_changes_says_so() -> None:
    assert comment("prod", outcome()) == "### `prod`: nothing changes at Cloudflare\n"


def test_shares_stand_before_and_after(tmp_path: Path) -> None:
    assert "| `quick-chat` | share of `champion` | `90 %` | `80 %` |" in comment(
        "prod", outcome(), meaning(tmp_path, quick_chat=MORE)
    )


def test_buckets_that_move_are_counted_from_arm_to_arm(tmp_path: Path) -> None:
    assert "- `quick-chat`: 10 buckets of 100 move from `champion` to `challenger`." in comment(
        "prod", outcome(), meaning(tmp_path, quick_chat=MORE)
    )


def test_a_change_that_only_callers_notice_says_so(tmp_path: Path) -> None:
    sticky = QUICK_CHAT.replace("fallback: [big]", "fallback: [big]\nsticky: tenant")
    assert "- `quick-chat`: only callers notice; Cloudflare gets no new version." in comment(
        "prod", outcome(), meaning(tmp_path, quick_chat=sticky)
    )


def test_routes_that_come_and_go_are_named(tmp_path: Path) -> None:
    there = meaning(tmp_path, third=EDITOR.replace("scribe", "poet"))
    text = comment("prod", outcome(), there)
    assert "| `third` | a new route |  |  |" in text


def test_a_config_that_means_the_same_says_so(tmp_path: Path) -> None:
    text = comment("prod", outcome(), meaning(tmp_path, quick_chat=f"# a remark\n{QUICK_CHAT}"))
    assert text.splitlines()[-1] == "The config means what it meant at `main`."


def test_hand_edits_come_first_and_are_named_element_by_element() -> None:
    drift = (update("quick-chat", ('elements["quick-chat.champion"].properties.timeout', 8000, 1500)),)
    lines = comment("prod", outcome(update(), drift=drift)).splitlines()
    assert lines[2] == "> [!WARNING]"
    assert lines[4] == '> - `quick-chat` `elements["quick-chat.champion"].properties.timeout`: `8000` → `1500`'


def test_what_up_would_refuse_comes_before_all_else() -> None:
    refused = replace(outcome(update(), notices=("a note",)), refusals=("quick-chat: its last fallback is removed",))
    lines = comment("prod", refused).splitlines()
    assert lines[2] == "> [!CAUTION]"
    assert lines[4] == "> - `quick-chat: its last fallback is removed`"


def test_routes_on_hold_are_named() -> None:
    by_hand = update("quick-chat", ("split.challenger", 10, 5))
    held = replace(outcome(update(), drift=(by_hand,)), held=("quick-chat",))
    said = comment("prod", held)
    assert "until the config agrees.\n> - `quick-chat`\n" in said
    assert "puts it back" not in said
    assert said.startswith("### `prod`: nothing changes at Cloudflare\n")


def test_details_of_resources_are_folded() -> None:
    text = comment("prod", outcome(update("quick-chat", ("split.challenger", 10, 20))))
    folded = text.partition("<details><summary>What `up` would do: 1 resource</summary>\n\n")[2]
    assert folded == "- update `Route` `quick-chat`\n  - `split.challenger`: `10` → `20`\n\n</details>\n"


# --- what it never says ---


@pytest.mark.parametrize("secret", ["test-" * 8, "4f9d1c7a8b2e6053d1f4a9c8b7e6d5f0a1b2c3d4", "sk-abcdefghijklmnop1234"])
def test_a_credential_is_hidden_wherever_it_is_met(secret: str) -> None:
    found = outcome(
        update("quick-chat", ("header", None, secret), ("elements", None, [{"authorization": secret}])),
        drift=(update("editor", ("header", secret, None)),),
        notices=(f"the key {secret} was refused",),
    )
    assert secret not in comment("prod", found)


@pytest.mark.parametrize("path", ["/srv/build/agent 7/x", "/srv/build/routes/chat.yaml", "file:///srv/build/state"])
def test_a_path_of_the_machine_is_cut_to_its_last_name(path: str) -> None:
    text = comment("prod", outcome(update("lora", ("file", None, path)), notices=(f"reading {path} failed",)))
    assert "/srv" not in text
    assert "…/" in text


def test_addresses_are_kept_whole() -> None:
    url = "https://gateway.ai.cloudflare.com/v1/account/inference-prod/compat"
    assert f"`{url}`" in comment("prod", outcome(update("x", ("url", None, url))))


def test_a_model_calls_nobody() -> None:
    text = comment("prod", outcome(update("x", ("model", "@cf/meta/llama", "@cf/`odd`"))))
    outside = re.sub(r"(`+) ?.*?(?<!`)\1(?!`)", "", text)
    assert "@cf" in text
    assert "@" not in outside


def test_a_value_with_line_breaks_and_bars_stays_in_its_cell() -> None:
    changed = ConfigDiff(settings=(Change("front_door", None, "a | b\nc"),))
    assert "| `all routes` | `front_door` |  | `a \\| b c` |\n" in comment("prod", outcome(), Meaning("main", changed))


def test_what_only_up_will_know_is_told_in_words() -> None:
    assert "`(known after up)`" in comment("prod", outcome(update("x", ("bucket", None, UNKNOWN))))


# --- that it fits ---


def large(count: int) -> Outcome:
    leaves = tuple(("elements.x.properties.timeout", number, "š" * 500) for number in range(count))
    return outcome(update("quick-chat", *leaves), drift=(update("editor", *leaves),), notices=("n" * 5000,) * count)


@pytest.mark.parametrize("count", [1, 30, 300, 3000])
def test_two_stages_always_fit_one_comment_of_github(count: int) -> None:
    text = comment("prod", large(count))
    assert len(text.encode()) <= LIMIT_BYTES
    assert 2 * LIMIT_BYTES < GITHUB_CHARACTERS


def test_what_was_cut_is_counted_and_where_to_see_it_is_said() -> None:
    last = comment("prod", large(300)).splitlines()[-1]
    found = re.fullmatch(
        r"Cut to fit a comment: (\d+) of 300 changes by hand, 300 of 300 notes, (\d+) of 301 lines on resources\. "
        r"`gatewright preview --stage prod` shows all of it\.",
        last,
    )
    assert found, last


def test_a_fold_that_was_opened_is_closed_when_it_is_cut() -> None:
    leaves = tuple(("elements.x.properties.timeout", number, "long " * 50) for number in range(1000))
    text = comment("prod", outcome(update("quick-chat", *leaves)))
    assert "Cut to fit a comment" in text
    assert text.count("<details>") == text.count("</details>") == 1


# --- since a revision ---


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    config = write_config(tmp_path / "gateway_config")
    commit(tmp_path, "first")
    return config


def commit(folder: Path, message: str) -> None:
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", message]):
        who = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
        subprocess.run(["git", *who, *words], cwd=folder, check=True)


def test_the_config_is_compared_with_a_revision(repository: Path) -> None:
    write_config(repository, quick_chat=MORE)
    [change] = meaning_of(repository, "prod", "HEAD").diff.changed
    assert [(share.what, share.before, share.after) for share in change.shares] == [
        ("challenger", 10, 20),
        ("champion", 90, 80),
    ]


def test_settings_of_the_gateway_count_as_well(repository: Path) -> None:
    write_config(repository, gateway=GATEWAY.replace("id: inference}", "id: inference, collect_logs: false}"))
    [change] = meaning_of(repository, "prod", "HEAD").diff.settings
    assert change.what == "gateway.collect_logs"


def test_a_broken_past_does_not_hide_the_preview_of_what_mends_it(repository: Path) -> None:
    write_config(repository, quick_chat="version: 1\narms: 3\n")
    commit(repository.parent, "broken")
    write_config(repository)
    text = comment("prod", outcome(update()), meaning_of(repository, "prod", "HEAD"))
    assert "What changed since `HEAD` cannot be told: `" in text
    assert "1 to update" in text


def test_a_broken_present_is_an_error(repository: Path) -> None:
    write_config(repository, quick_chat="version: 1\narms: 3\n")
    with pytest.raises(ConfigError):
        meaning_of(repository, "prod", "HEAD")
