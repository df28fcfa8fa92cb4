"""The cache: keys from the route's template, and what is read from it."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from gateway_config.compiled import CompiledCache, CompiledConfig, CompiledDate
from gateway_config.runtime import AnsweredNoError, DoneEvent, InputError, MissingSettingError, Settings
from gateway_config.runtime.kinds.caching import rendered
from tests.runtime.test_asking import SCHEMA
from tests.runtime.test_decoder import OPENAI
from tests.runtime.world import GEMMA, SETTINGS, Gateway, answering, completion, gateway_error


def key_of(rich: CompiledConfig, intent: str, text: str = "Hi", settings: Settings = SETTINGS, **options: Any) -> str:
    gateway = Gateway(answering(model=GEMMA))
    client = gateway.client(rich, settings=settings)
    client.ask(intent, text, cache={"sign": "leo"}, **options)
    return gateway.requests[0].headers["cf-aig-cache-key"]


def test_a_key_is_route_arm_tenant_prompt_and_template(rich: CompiledConfig) -> None:
    day = rendered(rich.routes["daily"].cache, {"sign": "leo"})  # type: ignore[arg-type]
    assert key_of(rich, "daily", tenant="acme").startswith(":daily:one:acme:")
    assert key_of(rich, "daily").endswith(f":{day}")
    assert key_of(rich, "daily") == key_of(rich, "daily")


def test_another_prompt_or_tenant_is_another_key_unless_shared(rich: CompiledConfig) -> None:
    assert len({key_of(rich, "daily", text, tenant=t) for text in ("a", "b") for t in ("x", "y")}) == 4
    assert len({key_of(rich, "shared", text, tenant=t) for text in ("a", "b") for t in ("x", "y")}) == 1


def test_the_day_of_a_key_is_that_of_its_time_zone(rich: CompiledConfig) -> None:
    cache = rich.routes["daily"].cache
    assert cache is not None
    late = datetime(2026, 2, 9, 23, 30, tzinfo=UTC)
    assert rendered(cache, {"sign": "leo"}, late) == "daily_horo_leo_2026_02_10"


def test_the_time_to_live_goes_along_and_fresh_does_not_read(rich: CompiledConfig) -> None:
    gateway = Gateway(answering(model=GEMMA))
    client = gateway.client(rich)
    client.ask("daily", "Hi", cache={"sign": "leo"})
    client.ask("daily", "Hi", cache={"sign": "leo"}, fresh=True)
    assert gateway.requests[0].headers["cf-aig-cache-ttl"] == "3600"
    assert ["cf-aig-skip-cache" in request.headers for request in gateway.requests] == [False, True]


def test_another_namespace_makes_every_key_another(rich: CompiledConfig) -> None:
    other = Settings(SETTINGS.account_id, SETTINGS.token, SETTINGS.url, cache_namespace="2")
    assert key_of(rich, "daily", settings=other) == "2" + key_of(rich, "daily")


@pytest.mark.parametrize("day", ["2026-02-09", "9.2.2026", "", "2026_13_01", "today", 5, None])
def test_a_day_that_is_not_written_in_its_form_is_refused(rich: CompiledConfig, day: Any) -> None:
    gateway = Gateway()
    with pytest.raises(InputError, match='"date" of the cache key is a'):
        gateway.client(rich).ask("daily", "Hi", cache={"sign": "leo", "date": day})
    assert gateway.requests == []


def test_one_day_is_one_key_however_it_is_written(rich: CompiledConfig) -> None:
    cache = rich.routes["daily"].cache
    assert cache is not None
    keys = {rendered(cache, {"sign": "leo", "date": day}) for day in ("2026_02_09", "2026_2_9")}
    assert keys == {"daily_horo_leo_2026_02_09"}


def test_a_day_whose_form_cannot_be_read_is_taken_as_it_is() -> None:
    cache = CompiledCache(key="{day}", fields={"day": CompiledDate(form="%-d.%-m.", time_zone="UTC")}, ttl_s=60)
    assert rendered(cache, {"day": "9.2."}) == "9.2."


def test_a_machine_without_the_time_zone_says_what_to_install() -> None:
    cache = CompiledCache(key="{day}", fields={"day": CompiledDate(form="%d", time_zone="Mars/Olympus")}, ttl_s=60)
    with pytest.raises(MissingSettingError, match="tzdata"):
        rendered(cache, {})


@pytest.mark.parametrize("key", ["x_{sign!r}", "x_{sign:>3}", "x_{{sign}}"])
def test_braces_that_hold_no_field_share_no_answer(key: str) -> None:
    with pytest.raises(InputError, match="braces"):
        rendered(CompiledCache(key=key, fields={"sign": "text"}, ttl_s=60), {"sign": "leo"})


def changed(rich: CompiledConfig, route: str, **of_target: Any) -> CompiledConfig:
    """The same config with another target of the arm `one`."""
    own = rich.routes[route]
    targets = {id: replace(target, **of_target) for id, target in own.targets.items()}
    return replace(rich, routes={**rich.routes, route: replace(own, targets=targets)})


def test_another_system_prompt_or_parameter_of_the_arm_is_another_key(rich: CompiledConfig) -> None:
    prompted, warmer = changed(rich, "daily", prompt="Be brief."), changed(rich, "daily", parameters={"temperature": 1})
    assert len({key_of(config, "daily") for config in (rich, prompted, warmer)}) == 3


def test_tenants_that_share_their_answers_do_so_within_an_adapter(rich: CompiledConfig) -> None:
    tenants = {"acme": {"gemma": "acme-tone"}, "other": {}}
    config = replace(changed(rich, "shared", adapter="tenant"), tenants=tenants)
    assert key_of(config, "shared", tenant="acme") != key_of(config, "shared", tenant="other")
    assert key_of(config, "shared", tenant="more") == key_of(config, "shared", tenant="other")


def test_a_stream_has_the_key_of_the_whole_answer_and_either_reads_the_others(rich: CompiledConfig) -> None:
    streamed = httpx.Response(200, content=OPENAI, headers={"cf-aig-cache-status": "HIT"})
    gateway = Gateway(streamed, answering(model=GEMMA))
    client = gateway.client(rich)
    whole = client.ask("daily", "Hi", cache={"sign": "leo"})
    done = [*client.stream("daily", "Hi", cache={"sign": "leo"})][-1]
    assert isinstance(done, DoneEvent)
    assert (whole.text, whole.cost_usd, done.answer.text) == ("Grüß dich 🌊", Decimal(0), "Hello.")
    assert len({request.headers["cf-aig-cache-key"] for request in gateway.requests}) == 1


@pytest.mark.parametrize("fresh", ["yes", 1, []])
def test_fresh_is_true_or_false(rich: CompiledConfig, fresh: Any) -> None:
    with pytest.raises(InputError, match="fresh"):
        Gateway().client(rich).ask("daily", "Hi", cache={"sign": "leo"}, fresh=fresh)


@pytest.mark.parametrize("inputs", ["ab", 5, {"a": "b"}, ["ab"], [("Hi", {}, 1)], [None]])
def test_what_to_warm_is_pairs(rich: CompiledConfig, inputs: Any) -> None:
    gateway = Gateway()
    with pytest.raises(InputError, match="warm"):
        list(gateway.client(rich).warm("daily", inputs))
    assert gateway.requests == []


def test_a_field_that_is_missing_or_unknown_is_refused(rich: CompiledConfig) -> None:
    client = Gateway().client(rich)
    with pytest.raises(InputError, match='needs the field "sign"'):
        client.ask("daily", "Hi")
    with pytest.raises(InputError, match=r"no field 'sing'. Did you mean \"sign\""):
        client.ask("daily", "Hi", cache={"sing": "leo"})
    with pytest.raises(InputError, match="has no cache"):
        client.ask("seer", "Hi", cache={"sign": "leo"})


def test_a_value_cannot_break_out_of_its_place_in_the_key(rich: CompiledConfig) -> None:
    gateway = Gateway(answering(model=GEMMA))
    gateway.client(rich).ask("daily", "Hi", cache={"sign": "a:b\r\nx: ü"}, tenant="a:b")
    assert ":a%3Ab:" in gateway.requests[0].headers["cf-aig-cache-key"]
    assert "a%3Ab%0D%0Ax%3A%20%C3%BC" in gateway.requests[0].headers["cf-aig-cache-key"]


def test_a_route_without_cache_sends_no_key(rich: CompiledConfig) -> None:
    gateway = Gateway(answering(model=GEMMA))
    gateway.client(rich).ask("seer", "Hi")
    assert not [name for name in gateway.requests[0].headers if name.startswith("cf-aig-cache")]


def test_a_repair_is_not_answered_from_the_cache_of_the_bad_answer(rich: CompiledConfig) -> None:
    wrong, right = completion('{"name": "a"}'), completion('{"name": "a", "score": 3}')
    gateway = Gateway(answering(wrong, model=GEMMA), answering(right, model=GEMMA))
    gateway.client(rich).ask("daily", "Plan", cache={"sign": "leo"}, schema=SCHEMA)
    assert [request.headers.get("cf-aig-skip-cache") for request in gateway.requests] == [None, "true"]


def test_arms_that_share_their_answers_do_so_within_a_tier_only(rich: CompiledConfig) -> None:
    assert key_of(rich, "tiered", tier="edge") != key_of(rich, "tiered", tier="frontier")
    assert key_of(rich, "tiered", tier="edge") == key_of(rich, "tiered")


def test_warming_goes_on_after_an_input_that_fails_and_says_which_did(rich: CompiledConfig) -> None:
    gateway = Gateway(answering(), gateway_error(500, 0, "Oh"), answering())
    warmed = gateway.client(rich).warm("daily", [("Hi", {"sign": sign}) for sign in ("leo", "aries", "virgo")])
    assert [next(warmed).text for _ in range(2)] == ["Hello.", "Hello."]
    with pytest.raises(AnsweredNoError, match=r"1 of 3 inputs were not warmed \(number 2\)"):
        next(warmed)


def test_warming_with_asyncio_goes_on_too(rich: CompiledConfig) -> None:
    texts: list[str] = []

    async def warming() -> None:
        client = Gateway(gateway_error(500, 0, "Oh"), answering()).async_client(rich)
        async for answer in client.warm("daily", [("Hi", {"sign": sign}) for sign in ("leo", "aries")]):
            texts.append(answer.text)

    with pytest.raises(AnsweredNoError, match=r"1 of 2 inputs were not warmed \(number 1\)"):
        asyncio.run(warming())
    assert texts == ["Hello."]


@pytest.mark.parametrize("parameters", [{"seed": {1, 2}}, {"seed": float("nan")}, {"seed": object()}])
def test_what_cannot_be_sent_has_no_key_and_is_refused(rich: CompiledConfig, parameters: dict[str, Any]) -> None:
    gateway = Gateway()
    with pytest.raises(InputError, match="cannot be written as JSON"):
        gateway.client(rich).ask("daily", "Hi", cache={"sign": "leo"}, parameters=parameters)
    assert gateway.requests == []


def test_a_message_with_a_number_as_a_key_has_a_cache_key_too(rich: CompiledConfig) -> None:
    message: Any = {"role": "user", "content": "Hi", 5: "five"}
    gateway = Gateway(answering(model=GEMMA))
    gateway.client(rich).ask("daily", [message], cache={"sign": "leo"})
    assert gateway.requests[0].headers["cf-aig-cache-key"]
