"""Differences of graphs in words, of configs as data, and `gatewright diff`."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_config.compiled import CompiledConfig
from gateway_config.graph import Element, Graph, graph_digest
from gateway_config.splits import split_elements
from gateway_config.telling.diff import Change, ConfigDiff, Move, RouteDiff, config_diff, graph_diff
from tests.small_config import EDITOR, GATEWAY, QUICK_CHAT, compiled, lines, run, run_json, write_config
from tests.test_explain import graphs


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a config in it, in which the command is run."""
    monkeypatch.chdir(tmp_path)
    return write_config(tmp_path / "gateway_config")


@pytest.fixture
def declared(folder: Path) -> Graph:
    return compiled(folder).routes["quick-chat"].graph


def with_properties(graph: Graph, id: str, **properties: Any) -> Graph:
    own = graph.elements[id]
    return Graph({**graph.elements, id: Element(id, own.type, {**own.properties, **properties}, own.outputs)})


def with_output(graph: Graph, id: str, label: str, target: str) -> Graph:
    own = graph.elements[id]
    return Graph({**graph.elements, id: Element(id, own.type, own.properties, {**own.outputs, label: target})})


def renamed(graph: Graph, name: Callable[[str], str]) -> Graph:
    """The same graph under other ids, in another order."""
    elements = [
        Element(name(own.id), own.type, own.properties, {label: name(id) for label, id in own.outputs.items()})
        for own in graph.elements.values()
    ]
    return Graph.of(*reversed(elements))


def shares_of(graph: Graph, shares: Mapping[str, int]) -> Graph:
    """quick-chat's graph with other shares."""
    arms = {arm: f"quick-chat.{arm}" for arm in shares}
    fresh = split_elements("quick-chat", shares, arms)
    kept = [own for own in graph.elements.values() if ".in." not in own.id and ".split." not in own.id]
    start = Element("start", "start", {}, {"next": fresh[0].id})
    return Graph.of(start, *(own for own in kept if own.type != "start"), *fresh)


# --- two graphs -------------------------------------------------------------------------------------------------------


def test_equal_graphs_have_nothing_to_say(declared: Graph) -> None:
    assert graph_diff(declared, declared) == []


def test_other_ids_and_another_order_are_no_difference(declared: Graph) -> None:
    assert graph_diff(declared, renamed(declared, lambda id: f"x-{len(id)}-{id[::-1]}")) == []


def test_a_property_is_named_with_its_element(declared: Graph) -> None:
    observed = with_properties(declared, "quick-chat.champion", timeout=9000)
    assert graph_diff(declared, observed) == ['element "quick-chat.champion": timeout is 9000, declared 8000']


def test_a_property_is_named_though_all_ids_were_changed(declared: Graph) -> None:
    observed = renamed(with_properties(declared, "quick-chat.champion", retries=4), lambda id: f"{hash(id)}")
    assert graph_diff(declared, observed) == ['element "quick-chat.champion": retries is 4, declared 1']


def test_ids_that_changed_places_are_seen_through(declared: Graph) -> None:
    swap = {"quick-chat.champion": "quick-chat.challenger", "quick-chat.challenger": "quick-chat.champion"}
    observed = renamed(with_properties(declared, "quick-chat.champion", timeout=9000), lambda id: swap.get(id, id))
    assert graph_diff(declared, observed) == ['element "quick-chat.champion": timeout is 9000, declared 8000']


def test_shares_are_named_by_their_arms(declared: Graph) -> None:
    observed = shares_of(declared, {"champion": 80, "challenger": 20})
    assert graph_diff(declared, observed) == [
        'share of "challenger" is 20, declared 10',
        'share of "champion" is 80, declared 90',
    ]


def test_a_percentage_that_contradicts_its_buckets_is_named(declared: Graph) -> None:
    own = declared.elements["quick-chat.split.1"]
    outputs = {"80%": "quick-chat.champion", "20%": "quick-chat.challenger"}
    observed = Graph({**declared.elements, own.id: Element(own.id, own.type, {}, outputs)})
    assert graph_diff(declared, observed) == [
        'element "quick-chat.split.1": draw is 80% "quick-chat.champion", 20% "quick-chat.challenger", '
        'declared 90% "quick-chat.champion", 10% "quick-chat.challenger"'
    ]


def test_a_condition_that_was_changed_is_told_in_words(folder: Path) -> None:
    declared = compiled(folder).routes["editor"].graph
    observed = with_properties(declared, "editor.when.1", conditions={"metadata.plan": {"$eq": "free"}})
    assert graph_diff(declared, observed) == [
        'element "editor.when.1": conditions is plan is free, declared plan is trial'
    ]


def test_a_missing_element_is_named_with_what_it_is(declared: Graph) -> None:
    bypassed = [with_output(declared, id, "fallback", "end") for id in ("quick-chat.champion", "quick-chat.challenger")]
    elements = {**bypassed[0].elements, "quick-chat.challenger": bypassed[1].elements["quick-chat.challenger"]}
    del elements["quick-chat.fallback.big"]
    assert 'element "quick-chat.fallback.big" is missing, declared: model gpt-4o of openai' in graph_diff(
        declared, Graph(elements)
    )


def test_an_element_that_nobody_declared_is_named(declared: Graph) -> None:
    stranger = Element(
        "extra", "model", {"provider": "openai", "model": "gpt-5"}, {"success": "end", "fallback": "end"}
    )
    observed = Graph({**declared.elements, "extra": stranger})
    assert graph_diff(declared, observed) == ['element "extra" is there and not declared: model gpt-5 of openai']


def test_a_way_that_leads_elsewhere_is_named(declared: Graph) -> None:
    observed = with_output(declared, "quick-chat.champion", "fallback", "end")
    assert graph_diff(declared, observed) == [
        'element "quick-chat.champion": output "fallback" is "end", declared "quick-chat.fallback.big"'
    ]


def test_a_property_that_we_do_not_know_is_named(declared: Graph) -> None:
    observed = with_properties(declared, "quick-chat.champion", region="eu")
    assert graph_diff(declared, observed) == ['element "quick-chat.champion": region is "eu", declared not set']


@given(graphs(), graphs())
def test_there_is_something_to_say_exactly_where_the_digests_differ(one: Graph, other: Graph) -> None:
    assert bool(graph_diff(one, other)) == (graph_digest(one) != graph_digest(other))


@given(graphs(), st.randoms(use_true_random=False))
def test_renaming_all_elements_is_never_a_difference(graph: Graph, random: Any) -> None:
    names = list(graph.elements)
    shuffled = dict(zip(names, random.sample(names, len(names)), strict=True))
    assert graph_diff(graph, renamed(graph, lambda id: shuffled[id])) == []


# --- two configs ------------------------------------------------------------------------------------------------------


@pytest.fixture
def change(folder: Path) -> Callable[..., ConfigDiff]:
    """What it means to write other files in place of these."""

    def written(**files: str) -> ConfigDiff:
        before = compiled(folder)
        return config_diff(before, compiled(write_config(folder, **files)))

    return written


Written = Callable[..., ConfigDiff]


def only(diff: ConfigDiff) -> RouteDiff:
    [route] = diff.changed
    return route


def test_a_config_does_not_differ_from_itself(folder: Path) -> None:
    config: CompiledConfig = compiled(folder)
    assert not config_diff(config, config)


def test_a_share_moves_as_many_buckets_as_it_grows(change: Written) -> None:
    route = only(change(quick_chat=QUICK_CHAT.replace("challenger: 10", "challenger: 20")))
    assert route == RouteDiff(
        "quick-chat",
        deploys=True,
        shares=(Change("challenger", 10, 20), Change("champion", 90, 80)),
        moves=(Move("champion", "challenger", 10),),
    )


def test_a_model_that_is_swapped_is_named_by_its_arm(change: Written) -> None:
    route = only(change(quick_chat=QUICK_CHAT.replace("model: gemma", "model: big")))
    gemma, big = "gemma (workers-ai @cf/google/gemma-4-26b-a4b-it)", "big (openai gpt-4o)"
    assert route == RouteDiff("quick-chat", deploys=True, models=(Change("challenger", gemma, big),))


def test_a_parameter_that_only_callers_know_deploys_nothing(change: Written) -> None:
    route = only(change(editor=EDITOR.replace("temperature: 0.2", "temperature: 0.7")))
    assert route == RouteDiff("editor", deploys=False, parameters=(Change("quick.temperature", 0.2, 0.7),))


def test_a_time_limit_is_a_parameter_that_is_deployed(change: Written) -> None:
    route = only(change(quick_chat=QUICK_CHAT.replace("retries: 1", "retries: 2")))
    assert route == RouteDiff("quick-chat", deploys=True, parameters=(Change("champion.retries", 1, 2),))


def test_a_new_arm_takes_buckets_of_the_others(change: Written) -> None:
    text = QUICK_CHAT.replace(
        "split: {champion: rest, challenger: 10}", "split: {champion: rest, challenger: 10, third: 5}"
    )
    text = text.replace("challenger: 50}", "challenger: 50, third: 0}").replace(
        "  challenger: {model", "  third: {model: big}\n  challenger: {model"
    )
    route = only(change(quick_chat=text))
    assert Change("third", None, 5) in route.shares
    assert sum(move.buckets for move in route.moves if move.after == "third") == 5


def test_an_arm_that_is_left_alone_has_everything(change: Written) -> None:
    text = QUICK_CHAT.split("split:")[0].replace("  challenger: {model: gemma, first_byte_ms: 8000}\n", "")
    route = only(change(quick_chat=text + "fallback: [big]\n"))
    assert route.shares == (Change("challenger", 10, None), Change("champion", 90, 100))
    assert route.moves == (Move("challenger", "champion", 10),)


def test_a_limit_is_told_as_a_way(change: Written) -> None:
    route = only(change(editor=EDITOR.replace("requests: 10", "requests: 20")))
    assert route == RouteDiff("editor", deploys=True, ways=(Change('element "editor.limit.1": limit', "10", "20"),))


def test_settings_of_a_route_are_named(change: Written) -> None:
    route = only(change(editor=EDITOR.replace("sticky: tenant", "sticky: user")))
    assert route == RouteDiff("editor", deploys=False, settings=(Change("sticky", "tenant", "user"),))


def test_routes_that_come_and_go_are_named(folder: Path) -> None:
    before = compiled(folder)
    (folder / "routes/editor.yaml").rename(folder / "routes/writer.yaml")
    diff = config_diff(before, compiled(folder))
    assert (diff.added, diff.removed, diff.changed) == (("writer",), ("editor",), ())


def test_a_changed_split_is_told_on_the_front_door_too(change: Written) -> None:
    no_limits = EDITOR.replace("limits:\n  - {per: user_id, requests: 10, window_s: 60, then: fast}\n", "")
    doored = {"gateway": GATEWAY + "front_door: ask\n", "editor": no_limits}
    change(**doored)
    diff = change(**doored, quick_chat=QUICK_CHAT.replace("challenger: 10", "challenger: 20"))
    assert [route.name for route in diff.changed] == ["ask", "quick-chat"]
    assert diff.changed[0].moves == (Move("champion", "challenger", 10),)


# --- the command ------------------------------------------------------------------------------------------------------


def git(*arguments: str) -> None:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def committed(folder: Path) -> Path:
    """The config, committed once."""
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    return folder


def test_a_clean_checkout_changes_nothing(committed: Path) -> None:
    result = run("diff", "--expect-no-changes")
    assert (result.exit_code, result.stdout) == (
        0,
        "Nothing changes for callers or at Cloudflare since HEAD in stage dev.\n",
    )


def test_the_files_are_compared_with_the_last_commit(committed: Path) -> None:
    write_config(committed, quick_chat=QUICK_CHAT.replace("challenger: 10", "challenger: 20"))
    assert lines(run("diff", "--stage", "prod")) == [
        "quick-chat: a new version is deployed",
        "  share of challenger: 10 % → 20 %",
        "  share of champion: 90 % → 80 %",
        "  10 buckets of 100 from champion to challenger",
    ]


def test_a_stage_that_overrides_what_changed_does_not_change(committed: Path) -> None:
    write_config(committed, quick_chat=QUICK_CHAT.replace("challenger: 10", "challenger: 20"))
    assert run_json("diff", "--stage", "dev")["changed"] == []


def test_changes_where_none_were_expected_have_their_own_exit_code(committed: Path) -> None:
    write_config(committed, quick_chat=QUICK_CHAT.replace("challenger: 50", "challenger: 60"))
    assert [run("diff").exit_code, run("diff", "--expect-no-changes").exit_code] == [0, 7]


def test_json_has_shares_moves_and_models_as_data(committed: Path) -> None:
    write_config(committed, quick_chat=QUICK_CHAT.replace("challenger: 10", "challenger: 20"))
    [route] = run_json("diff", "--stage", "prod")["changed"]
    assert route["shares"][0] == {"what": "challenger", "before": 10, "after": 20}
    assert route["moves"] == [{"before": "champion", "after": "challenger", "buckets": 10}]


def test_settings_of_the_gateway_itself_are_compared(committed: Path) -> None:
    write_config(committed, gateway=GATEWAY.replace("{id: inference}", "{id: inference, collect_logs: false}"))
    assert lines(run("diff")) == ["gateway.collect_logs: true → false"]


def test_prices_are_compared_without_losing_a_digit(committed: Path) -> None:
    write_config(committed, gateway=GATEWAY.replace('"0.10"', '"0.250"', 1))
    changed = [change for route in run_json("diff")["changed"] for change in route["parameters"]]
    assert {change["after"]["in_usd_per_mtok"] for change in changed} == {"0.250"}


def test_a_price_is_told_without_what_it_leaves_out(committed: Path) -> None:
    write_config(committed, gateway=GATEWAY.replace('"0.10"', '"0.250"', 1))
    told = [line for line in lines(run("diff")) if ".price: " in line]
    assert told
    assert not [line for line in told if "null" in line or "0.250" not in line]


def test_a_cache_that_comes_is_told_with_its_fields(committed: Path) -> None:
    cache = 'cache: {key: "{day}", ttl_s: 60, fields: {day: {form: "%d", time_zone: Europe/Berlin}}}\n'
    write_config(committed, editor=EDITOR + cache)
    [change] = run_json("diff")["changed"][0]["settings"]
    assert change["after"]["fields"] == {"day": {"form": "%d", "time_zone": "Europe/Berlin"}}


def test_records_that_begin_to_keep_what_people_write_are_told_and_deploy_nothing(committed: Path) -> None:
    write_config(committed, editor=EDITOR + "records: [prompt, answer]\n")
    assert lines(run("diff"))[1:] == ["  records: [] → [prompt, answer]"]


def test_an_older_revision_can_be_named(committed: Path) -> None:
    write_config(committed, editor=EDITOR.replace("sticky: tenant", "sticky: user"))
    git("commit", "-q", "-a", "-m", "second")
    assert [run("diff", "HEAD", "--expect-no-changes").exit_code, run("diff", "HEAD~1").exit_code] == [0, 0]
    assert lines(run("diff", "HEAD~1"))[1] == "  sticky: tenant → user"


def test_a_hidden_file_is_no_route_of_an_older_revision_either(committed: Path) -> None:
    hidden = committed / "routes" / ".quick-chat.yaml"
    hidden.write_text(QUICK_CHAT)
    git("add", ".")
    git("commit", "-q", "-m", "an editor's file")
    assert run("diff", "HEAD").exit_code == 0


def test_problems_of_the_older_config_name_its_revision(committed: Path) -> None:
    write_config(committed, editor=EDITOR.replace("model: big", "model: bug"))
    git("commit", "-q", "-a", "-m", "broken")
    write_config(committed)
    result = run("diff")
    assert result.exit_code == 1
    assert result.stderr.startswith("HEAD:gateway_config/routes/editor.yaml:7:17 unknown-model:")


@pytest.mark.parametrize("revision", ["nowhere", "--output=x", "HEAD:gateway_config"])
def test_an_unknown_revision_is_wrong_usage(committed: Path, revision: str) -> None:
    result = run("diff", "--", revision)
    assert result.exit_code == 2
    assert f'git knows no revision "{revision}"' in result.stderr


def test_a_folder_outside_of_git_is_told_with_gits_own_reason(folder: Path) -> None:
    result = run("diff")
    assert result.exit_code == 2
    assert result.stderr.startswith('there is no revision to compare "gateway_config" with; git says: not a git repo')


def test_a_revision_before_the_config_is_wrong_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "empty")
    write_config(tmp_path / "gateway_config")
    result = run("diff")
    assert result.exit_code == 2
    assert 'has no gateway.yaml at the revision "HEAD"' in result.stderr


def test_a_machine_without_git_is_told_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    result = run("diff")
    assert (result.exit_code, result.stderr) == (3, "git is not installed; comparing with a revision needs it.\n")
