"""What stands beside the examples of the rules: the same mistake in another place, and what is no mistake."""

import pytest

from tests.test_load import CHAT, GATEWAY, complaints, examined, messages

ONE = "version: 1\nkind: chat\nintents: [chat]\narms:\n  only: {model: small}\n"
STYLE = "adapters:\n  style: {model: large, folder: adapters/style}\n"
LORA = GATEWAY.replace("kind: chat, price", "kind: chat, capabilities: [lora], price") + STYLE


def rules(**files: str) -> list[str]:
    return [problem.rule for problem in examined(**files)[1]]


@pytest.mark.parametrize("key", ["adapter: style", "reasoning_summary: auto"])
def test_a_fallback_is_carried_no_more_than_an_arm(key: str) -> None:
    assert rules(gateway=LORA, chat=f"{ONE}fallback: [{{model: large, {key}}}]\n") == ["direct-only"]
    assert rules(gateway=LORA, chat=f"{ONE}direct: true\nfallback: [{{model: large, {key}}}]\n") == []


def test_a_fallback_names_adapters_that_exist_and_fit() -> None:
    direct = f"{ONE}direct: true\nfallback: [{{model: large, adapter: %s}}]\n"
    assert 'Did you mean "style"?' in messages(gateway=LORA, chat=direct % "stile")
    other = LORA.replace("style: {model: large", "style: {model: small")
    assert rules(gateway=other, chat=direct % "style") == ["adapter-base"]


def test_a_fallback_that_we_ask_ourselves_may_have_parameters() -> None:
    assert rules(chat=f"{ONE}direct: true\nfallback: [{{model: large, temperature: 0.2}}]\n") == []


@pytest.mark.parametrize(
    "line", ["limits: [{per: trace, requests: 1, window_s: 60, then: stop}]", "when: [{if: {trace: x}, arm: champion}]"]
)
def test_nothing_is_counted_or_asked_by_the_trace(line: str) -> None:
    assert 'every request has a "trace" of its own' in messages(chat=f"{CHAT}{line}\n")


def test_a_spend_limit_counts_by_metadata_that_exists() -> None:
    gateway = GATEWAY.replace("{id: demo}", "{id: demo, spend_limits: [{usd: 5, window_s: 60, per: tenant}]}")
    assert complaints(gateway=gateway) == ["gateway.yaml:2:64 unknown-metadata"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{id: demo}", "{id: demo, spend_limits: [{usd: 0, window_s: 60}]}"),
        ("{id: demo}", '{id: demo, spend_limits: [{usd: "0.00", window_s: 60}]}'),
    ],
)
def test_a_limit_of_nothing_is_none(old: str, new: str) -> None:
    assert "is greater than 0; found" in messages(gateway=GATEWAY.replace(old, new))


def test_a_cost_limit_of_nothing_is_none() -> None:
    limit = "limits: [{per: user_id, cost_usd: 0, window_s: 60, then: stop}]\n"
    assert "`limits.0.cost_usd` is greater than 0; found 0." in messages(chat=CHAT + limit)


def test_a_substitute_that_is_deprecated_itself_leads_on_to_its_own() -> None:
    price = "price: {as_of: 2026-01-01, in_usd_per_mtok: 1}"
    third = f"  third: {{upstream: workers-ai, model: x, kind: chat, substitute: small, {price}, status: %s}}\n"
    old = GATEWAY.replace("kind: chat, price", "kind: chat, status: deprecated, substitute: third, price", 1)
    assert 'Use "third".' in messages(gateway=old + third % "active")
    circle = messages(gateway=old + third % "deprecated")
    assert 'the model "small" is deprecated. Choose another, and name it as `substitute`.' in circle


def test_a_price_without_an_amount_is_none() -> None:
    assert rules(gateway=GATEWAY.replace('in_usd_per_mtok: "0.10", ', "", 1)) == ["missing-price"]


def test_a_day_is_counted_as_one() -> None:
    assert "2026-11-20, 1 day ago." in messages(chat=f"{CHAT}until: 2026-11-20\n")


def test_the_name_of_a_route_has_an_end() -> None:
    assert complaints(**{"a" * 41: ONE.replace("[chat]", "[other]") + "fallback: [large]\n"}) == [
        f"routes/{'a' * 41}.yaml:1:1 route-name"
    ]


SPENT = GATEWAY.replace("{id: demo}", "{id: demo, spend_limits: [{usd: 5, window_s: 60, per: %s}]}")


def test_a_spend_limit_may_count_by_a_key_that_every_route_asks_for() -> None:
    limit = "limits: [{per: user_id, requests: 1, window_s: 60, then: stop}]\n"
    assert rules(gateway=SPENT % "user_id", chat=CHAT + limit) == []
    other = ONE.replace("[chat]", "[other]") + "fallback: [large]\n"
    assert 'the requests of "other" do not carry "user_id"' in messages(
        gateway=SPENT % "user_id", chat=CHAT + limit, other=other
    )


def test_a_spend_limit_does_not_count_by_a_key_that_finds_no_room() -> None:
    asking = f"{CHAT}when: [{{if: {{tier: edge, user_id: ada}}, arm: champion}}]\n"
    assert 'the requests of "chat" do not carry "intent"' in messages(gateway=SPENT % "intent", chat=asking)
    assert rules(gateway=SPENT % "tenant_id", chat=asking) == []


def test_of_many_routes_a_spend_limit_names_three() -> None:
    many = {f"route-{number}": ONE.replace("[chat]", f"[i-{number}]") + "fallback: [large]\n" for number in range(5)}
    found = messages(gateway=SPENT % "user_id", **many)
    assert 'the requests of "chat", "route-0", "route-1" and 3 more do not carry' in found


def verbatim(conditions: str, more: str = "") -> str:
    ways = '"true": {elementId: ask}, "false": {elementId: end}'
    served = "{success: {elementId: end}, fallback: {elementId: end}}"
    asked = f"- {{id: when, type: conditional, properties: {{conditions: {conditions}}}, outputs: {{{ways}}}}}"
    model = "properties: {provider: workers-ai, model: m, timeout: 1000, retries: 0}"
    return (
        "version: 1\nkind: chat\nintents: [chat]\nelements:\n"
        "- {id: start, type: start, outputs: {next: {elementId: when}}}\n"
        f"{asked}\n- {{id: ask, type: model, {model}, outputs: {served}}}\n"
        f"- {{id: end, type: end, outputs: {{}}}}\n{more}"
    )


def test_verbatim_conditions_count_as_metadata_that_is_needed() -> None:
    keys = [f"{{metadata.k{number}: {{$eq: a}}}}" for number in range(5)]
    found = examined(chat=verbatim(f"{{$and: [{', '.join(keys)}]}}"))[1]
    assert [f"{problem.place} {problem.rule}" for problem in found if problem.rule == "metadata-budget"] == [
        "routes/chat.yaml:4:1 metadata-budget"
    ]
    assert "metadata-budget" not in rules(chat=verbatim(f"{{$and: [{', '.join(keys[:4])}]}}"))


def test_percentages_made_elsewhere_are_a_split_that_can_be_decided() -> None:
    drawn = '{id: when, type: percentage, outputs: {"10%": {elementId: ask}, "90%": {elementId: end}}}'
    text = verbatim("{metadata.tier: {$eq: edge}}", "until: 2027-01-01\n")
    assert "until-without-split" in rules(chat=text)
    percentages = "\n".join(f"- {drawn}" if "id: when," in line else line for line in text.split("\n"))
    assert "until-without-split" not in rules(chat=percentages)


def test_where_a_limit_leads_may_be_misspelt() -> None:
    limit = "limits: [{per: user_id, requests: 1, window_s: 60, then: stopp}]\n"
    assert 'Did you mean "stop"?' in messages(chat=CHAT + limit)


def test_the_trace_is_not_proposed_as_a_key_to_ask_for() -> None:
    assert '"trace"' not in messages(chat=CHAT + "when: [{if: {traced: x}, arm: champion}]\n")


@pytest.mark.parametrize("file", ["gateway", "chat"])
def test_stages_are_among_the_keys_that_may_be_meant(file: str) -> None:
    texts = {"gateway": GATEWAY, "chat": CHAT.partition("stages:")[0]}
    texts[file] += "stage: {dev: {}}\n"
    assert 'Did you mean "stages"?' in messages(**texts)


ALL_OF_IT = "takes the place of all of it."


@pytest.mark.parametrize(
    ("stage", "place", "said"),
    [
        ("split: {challenger: 100}", "10:16", 'the arm "champion" has no share'),
        ("split: {champion: 20, challenger: 20}", "10:43", "add to 40, not 100"),
        ("arms: {challenger: {model: large}}", "7:19", 'has no arm "champion"'),
        ("cache: {ttl_s: 60}", "10:16", 'the key "key" is missing'),
    ],
)
def test_who_overrides_a_part_of_a_key_is_told_that_it_is_all_of_it(stage: str, place: str, said: str) -> None:
    found = examined("dev", chat=f"{CHAT}stages:\n  dev: {{{stage}}}\n")[1]
    told = [problem for problem in found if said in problem.message]
    assert [problem.message.endswith(ALL_OF_IT) for problem in told] == [True]
    assert str(told[0].place) == f"routes/chat.yaml:{place}"


def test_what_a_file_says_for_all_stages_is_its_own() -> None:
    assert ALL_OF_IT not in messages(chat=CHAT.replace("rest, challenger: 10", "20, challenger: 10"))


def test_a_key_by_its_dotted_path_is_no_key() -> None:
    assert 'Did you mean "split"?' in messages(chat=f"{CHAT}stages:\n  dev: {{split.challenger: 50}}\n")


@pytest.mark.parametrize("file", ["gateway", "chat"])
@pytest.mark.parametrize(
    ("stage", "meant"), [("prd", "prod"), ("production", "prod"), ("develop", "dev"), ("dev2", None), ("staging", None)]
)
def test_a_stage_that_is_almost_one_of_ours_is_asked_about(file: str, stage: str, meant: str | None) -> None:
    texts = {"gateway": GATEWAY, "chat": CHAT}
    texts[file] += f"stages:\n  {stage}: {{}}\n"
    assert (f'Did you mean "{meant}"?' in messages(**texts)) == (meant is not None)


def test_a_text_is_never_the_same_as_a_number_wherever_it_is_asked() -> None:
    asked = "when: [{if: {any: [{user_id: {not: 1}}, {tenant_id: [a, 2, true]}, {plan: 3}]}, arm: champion}]\n"
    told = messages(gateway=GATEWAY + "metadata: [plan]\n", chat=CHAT + asked)
    assert [words for words in ('Write "1"', 'Write "2"', 'Write "true"', 'Write "3"') if words in told] == [
        'Write "1"',
        'Write "2"',
        'Write "true"',
    ]


def test_a_limit_that_leads_to_an_arm_is_told_the_arms_model() -> None:
    limit = "limits: [{per: user_id, requests: 1, window_s: 60, then: champion}]\n"
    assert '"champion" is an arm. Its model is "small".' in messages(chat=CHAT + limit)


def test_an_upstream_may_be_meant_by_a_word_of_its_name() -> None:
    assert 'Did you mean "azure-openai"?' in messages(gateway=GATEWAY.replace("workers-ai", "azure", 1))


def test_what_is_only_a_little_alike_is_not_asked_about() -> None:
    assert "Did you mean" not in messages(chat=CHAT + "notes: x\n")


def test_arms_that_a_stage_takes_away_are_told_at_the_stage() -> None:
    assert "routes/chat.yaml:10:15 route-shape" in complaints(chat=f"{CHAT}stages:\n  dev: {{arms: {{}}}}\n")


def test_a_split_that_was_forgotten_is_one_problem() -> None:
    chat = CHAT.replace("split:", "# split:") + "until: 2027-02-01\n"
    assert complaints(chat=chat) == ["routes/chat.yaml:4:1 split-arms"]
