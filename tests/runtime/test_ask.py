"""Asking a text route: what is sent, and what comes back."""

import asyncio
import logging
import time
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from gateway_config.buckets import bucket_of
from gateway_config.compiled import CompiledConfig
from gateway_config.runtime import (
    Client,
    ConnectionFailedError,
    Drift,
    DriftError,
    InputError,
    KindMismatchError,
    UnknownIntentError,
)
from gateway_config.runtime.records.segments import read_records
from gateway_config.runtime.sending.trace import read_trace
from tests.runtime.world import GEMMA, GPT_OSS, SETTINGS, TOKEN, Gateway, answering, completion


def test_the_request_names_the_dynamic_route_of_the_intent(config: CompiledConfig) -> None:
    gateway = Gateway()
    gateway.client(config).ask("sprinter", "Hello", arm="champion")
    request = gateway.requests[0]
    assert str(request.url) == "https://gateway.test/v1/account/inference-dev/compat/chat/completions"
    assert gateway.bodies[0] == {
        "model": "dynamic/quick-chat",
        "messages": [{"role": "user", "content": "Hello"}],
        "temperature": 0.5,
    }


def test_the_token_travels_in_the_header_of_the_gateway_only(config: CompiledConfig) -> None:
    gateway = Gateway()
    gateway.client(config).ask("sprinter", "Hello")
    headers = gateway.requests[0].headers
    assert headers["cf-aig-authorization"] == f"Bearer {TOKEN}"
    assert "authorization" not in headers


def test_messages_are_sent_as_they_are(config: CompiledConfig) -> None:
    gateway = Gateway()
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    gateway.client(config).ask("sprinter", messages)
    assert gateway.bodies[0]["messages"] == messages


def test_what_the_caller_says_comes_before_what_the_arm_declares(config: CompiledConfig) -> None:
    gateway = Gateway()
    gateway.client(config).ask("sprinter", "Hi", arm="champion", temperature=0.9, parameters={"top_p": 0.5})
    assert gateway.bodies[0]["temperature"] == 0.9
    assert gateway.bodies[0]["top_p"] == 0.5


def test_metadata_begins_with_the_trace_and_what_the_graph_reads(config: CompiledConfig) -> None:
    gateway = Gateway()
    gateway.client(config).ask("sprinter", "Hi", user="ada", tenant="acme", project="tabby-tarot")
    assert list(gateway.metadata[0]) == ["trace", "bucket", "tenant_id", "project", "intent"]
    assert gateway.metadata[0]["bucket"] == bucket_of("quick-chat", "ada")


def test_a_key_that_finds_no_room_is_kept_aside_and_told(config: CompiledConfig) -> None:
    gateway = Gateway()
    answer = gateway.client(config).ask("sprinter", "Hi", tenant="acme", project="p", metadata={"page": 3})
    assert "page" not in gateway.metadata[0]
    assert answer.left_out == {"page": 3}


def test_a_route_that_reads_no_bucket_sends_none_and_has_room_for_more(config: CompiledConfig) -> None:
    gateway = Gateway()
    gateway.client(config).ask("sage", "Why?", tenant="acme", project="p", metadata={"page": 3})
    assert list(gateway.metadata[0]) == ["trace", "tenant_id", "project", "intent", "page"]


def test_a_user_keeps_the_bucket_and_two_requests_without_user_may_not(config: CompiledConfig) -> None:
    gateway = Gateway()
    client = gateway.client(config)
    for _ in range(3):
        client.ask("sprinter", "Hi", user="ada")
    for _ in range(50):
        client.ask("sprinter", "Hi")
    buckets = [metadata["bucket"] for metadata in gateway.metadata]
    assert len(set(buckets[:3])) == 1
    assert len(set(buckets[3:])) > 5


def test_a_pinned_arm_is_sent_as_the_bucket(config: CompiledConfig) -> None:
    gateway = Gateway(answering(model=GEMMA))
    answer = gateway.client(config).ask("sprinter", "Hi", arm="challenger")
    assert gateway.metadata[0]["bucket"] == "challenger"
    assert answer.assigned_arm == "challenger"
    assert answer.served_by.arm == "challenger"


def test_the_trace_holds_the_digest_the_time_and_the_attempt(config: CompiledConfig) -> None:
    gateway = Gateway()
    answer = gateway.client(config).ask("sprinter", "Hi")
    trace = read_trace(answer.trace)
    assert trace is not None
    assert trace.config_digest == config.routes["quick-chat"].config_digest[:12]
    assert trace.attempt == 1
    assert gateway.metadata[0]["trace"] == answer.trace


def test_the_answer_carries_text_route_digests_and_log_id(config: CompiledConfig) -> None:
    answer = Gateway().client(config).ask("sprinter", "Hi", arm="champion")
    route = config.routes["quick-chat"]
    assert (answer.text, answer.route, answer.finish_reason) == ("Hello.", "quick-chat", "stop")
    assert (answer.graph_digest, answer.config_digest) == (route.graph_digest, route.config_digest)
    assert answer.log_id == "log-1"


def test_the_cost_is_exact_where_the_price_is_known(config: CompiledConfig) -> None:
    answer = Gateway(answering(model=GEMMA)).client(config).ask("sprinter", "Hi", arm="challenger")
    assert answer.cost_usd == Decimal("0.0000025")


def test_the_cost_is_unknown_where_the_price_is(config: CompiledConfig) -> None:
    assert Gateway().client(config).ask("sprinter", "Hi", arm="champion").cost_usd is None


def test_the_cost_is_unknown_where_the_tokens_are(config: CompiledConfig) -> None:
    answer = Gateway(answering(completion(usage=None), model=GEMMA)).client(config).ask("sage", "Hi")
    assert answer.usage is None
    assert answer.cost_usd is None


def test_the_cost_is_that_of_the_model_that_served(config: CompiledConfig) -> None:
    answer = Gateway(answering(model=GEMMA)).client(config).ask("sprinter", "Hi", arm="champion")
    assert answer.served_by.name == "gemma"
    assert answer.cost_usd == Decimal("0.0000025")


def test_a_cache_hit_costs_a_known_zero(config: CompiledConfig) -> None:
    answer = Gateway(answering(cf_aig_cache_status="HIT")).client(config).ask("sprinter", "Hi", arm="champion")
    assert answer.cache == "hit"
    assert answer.cost_usd == 0


def test_thoughts_are_told_apart_from_the_answer(config: CompiledConfig) -> None:
    answer = Gateway(answering(completion("<think>Hm.</think>\n\nYes."))).client(config).ask("sprinter", "Hi")
    assert (answer.text, answer.reasoning) == ("Yes.", "Hm.")


def test_a_thought_that_began_in_the_prompt_is_no_part_of_the_answer(config: CompiledConfig) -> None:
    answer = Gateway(answering(completion("Hm.</think>Yes."))).client(config).ask("sprinter", "Hi")
    assert (answer.text, answer.reasoning) == ("Yes.", "Hm.")


def test_a_number_as_content_is_text(config: CompiledConfig) -> None:
    assert Gateway(answering(completion(42))).client(config).ask("sprinter", "6 * 7?").text == "42"


def test_the_answer_of_workers_ai_in_its_envelope_is_read(config: CompiledConfig) -> None:
    body = {"result": {"response": "Hello.", "usage": {"prompt_tokens": 1, "completion_tokens": 2}}, "success": True}
    answer = Gateway(answering(body)).client(config).ask("sprinter", "Hi")
    assert answer.text == "Hello."
    assert answer.usage is not None
    assert answer.usage.tokens_out == 2


def test_a_fallback_of_the_route_is_served_and_no_drift(config: CompiledConfig) -> None:
    client = Gateway(answering(model=GPT_OSS)).client(config)
    answer = client.ask("sprinter", "Hi", arm="champion")
    assert answer.served_by.element == "quick-chat.fallback.gpt-oss"
    assert answer.served_by.arm is None
    assert client.drift_counts == {}


def test_a_model_named_with_its_upstream_is_the_same_model(config: CompiledConfig) -> None:
    answer = Gateway(answering(model=f"workers-ai/{GEMMA}")).client(config).ask("sage", "Hi")
    assert answer.served_by.arm == "thinker"


def test_missing_headers_are_unknown_and_no_drift(config: CompiledConfig) -> None:
    client = Gateway(httpx.Response(200, json=completion())).client(config)
    answer = client.ask("sprinter", "Hi")
    assert answer.served_by.model is None
    assert client.drift_counts == {}


def test_an_unexpected_model_is_reported_once_a_minute_and_counted_each_time(
    config: CompiledConfig, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Drift] = []
    client = Gateway(answering(model="@cf/other/model")).client(config, on_drift=seen.append)
    for _ in range(3):
        client.ask("sprinter", "Hi", arm="champion")
    assert client.drift_counts == {("quick-chat", "workers-ai/@cf/other/model"): 3}
    assert len(seen) == 1
    assert seen[0].meant == ("workers-ai/@cf/meta/llama-3.1-8b-instruct-fast", f"workers-ai/{GPT_OSS}")
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_a_callback_that_raises_costs_no_answer(config: CompiledConfig, caplog: pytest.LogCaptureFixture) -> None:
    def broken(drift: Drift) -> None:
        raise KeyError(drift.served)

    gateway = Gateway(answering(model="@cf/other/model"), answering(model="@cf/another/model"))
    client = gateway.client(config, on_drift=broken)
    assert [client.ask("sprinter", "Hi").text for _ in range(2)] == ["Hello.", "Hello."]
    assert sum(client.drift_counts.values()) == 2
    assert sum("on_drift raised" in record.getMessage() for record in caplog.records) == 1


def test_a_client_that_refuses_drift_raises_it_each_time(config: CompiledConfig) -> None:
    client = Gateway(answering(model="@cf/other/model")).client(config, refuse_drift=True)
    for _ in range(2):
        with pytest.raises(DriftError, match=r"@cf/other/model.* answered the route \"quick-chat\"") as caught:
            client.ask("sprinter", "Hi", arm="champion")
        assert len(caught.value.attempts) == 1


def test_the_other_arms_model_is_drift_too(config: CompiledConfig) -> None:
    client = Gateway(answering(model=GEMMA)).client(config)
    client.ask("sprinter", "Hi", arm="champion")
    assert sum(client.drift_counts.values()) == 1


def test_the_time_of_each_phase_adds_up(config: CompiledConfig) -> None:
    timing = Gateway().client(config).ask("sprinter", "Hi").timing
    phases = timing.prepare_ms + timing.prompt_ms + timing.inference_ms + timing.parse_ms
    assert phases == pytest.approx(timing.total_ms, abs=0.01)
    assert timing.first_token_ms is None
    assert timing.slowest in ("prepare", "prompt", "inference", "parse")


def test_what_was_waited_for_in_vain_is_inference(config: CompiledConfig, tmp_path: Path) -> None:
    def late(request: httpx.Request) -> httpx.Response:
        time.sleep(0.02)
        raise httpx.ReadError("reset")

    with Gateway(late).client(config, records=tmp_path) as client, pytest.raises(ConnectionFailedError):
        client.ask("sprinter", "Hi")
    (record,) = read_records(tmp_path)
    assert record["inference_ms"] >= 20
    assert record["parse_ms"] == 0
    assert record["slowest"] == "inference"


def test_an_attempt_that_fails_after_one_that_was_answered_is_no_parsing(rich: CompiledConfig, tmp_path: Path) -> None:
    def late(request: httpx.Request) -> httpx.Response:
        time.sleep(0.02)
        raise httpx.ReadError("reset")

    with (
        Gateway(answering(completion("no JSON")), late).client(rich, records=tmp_path) as client,
        pytest.raises(ConnectionFailedError),
    ):
        client.ask("think", "Hi", schema={"type": "object"})
    (record,) = read_records(tmp_path)
    assert record["inference_ms"] >= 20
    assert record["prepare_ms"] < 20
    assert record["parse_ms"] == 0


def test_a_call_leaves_one_line_in_the_log(config: CompiledConfig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gatewright")
    answer = Gateway().client(config).ask("sprinter", "Hi", arm="champion")
    assert [record.getMessage().split(" prepare")[0] for record in caplog.records] == [
        f"call trace={answer.trace} status=ok route=quick-chat arm=champion served=@cf/meta/llama-3.1-8b-instruct-fast"
    ]


def test_the_async_client_asks_the_same(config: CompiledConfig) -> None:
    async def asking() -> str:
        async with Gateway().async_client(config) as client:
            return (await client.ask("sprinter", "Hi")).text

    assert asyncio.run(asking()) == "Hello."


# --- refused before anything is sent ------------------------------------------------------------------------------


def refused(config: CompiledConfig, error: type[Exception], message: str, *args: object, **options: object) -> None:
    gateway = Gateway()
    with pytest.raises(error, match=message):
        gateway.client(config).ask(*args, **options)  # type: ignore[arg-type]
    assert gateway.requests == []


def test_an_unknown_intent_is_refused_with_the_nearest_one(config: CompiledConfig) -> None:
    refused(
        config, UnknownIntentError, "no route serves the intent 'sprintr'. Did you mean \"sprinter\"", "sprintr", "Hi"
    )


def test_an_intent_that_is_no_text_is_refused(config: CompiledConfig) -> None:
    refused(config, UnknownIntentError, "None", None, "Hi")


def test_a_picture_is_not_asked_as_a_text(config: CompiledConfig) -> None:
    refused(config, KindMismatchError, "use client.image", "artist", "A cat")


@pytest.mark.parametrize("nothing", ["", "  ", []])
def test_nothing_to_ask_is_refused(config: CompiledConfig, nothing: object) -> None:
    refused(config, InputError, "nothing to ask", "sprinter", nothing)


@pytest.mark.parametrize("neither", [None, 3, b"Hi", {"role": "user", "content": "Hi"}])
def test_what_is_neither_a_text_nor_messages_is_refused(config: CompiledConfig, neither: object) -> None:
    refused(config, InputError, "is a text or a list of messages; found", "sprinter", neither)


def test_a_message_without_a_role_is_refused(config: CompiledConfig) -> None:
    refused(config, InputError, "message 1 is a mapping", "sprinter", [{"content": "Hi"}])


def test_an_unknown_arm_is_refused_with_the_nearest_one(config: CompiledConfig) -> None:
    refused(config, InputError, 'Did you mean "challenger"', "sprinter", "Hi", arm="chalenger")


def test_an_unknown_option_is_refused_with_the_nearest_one(config: CompiledConfig) -> None:
    refused(config, InputError, "no option 'tenat' here. Did you mean \"tenant\"", "sprinter", "Hi", tenat="acme")


@pytest.mark.parametrize("deadline", [0, -5, 1.5, True, "10"])
def test_a_deadline_that_is_none_is_refused(config: CompiledConfig, deadline: object) -> None:
    refused(config, InputError, "deadline_ms is a whole number", "sprinter", "Hi", deadline_ms=deadline)


@pytest.mark.parametrize(
    "metadata", [{"cf.user": "x"}, {"": 1}, {"a": [1]}, {"a": float("nan")}, {"bucket": "07"}, {"a": "x" * 5000}]
)
def test_metadata_that_the_gateway_would_drop_is_refused(config: CompiledConfig, metadata: dict[str, object]) -> None:
    refused(config, InputError, "metadata", "sprinter", "Hi", metadata=metadata)


def test_an_input_that_is_too_large_is_refused(config: CompiledConfig) -> None:
    refused(config, InputError, "bytes; at most", "sprinter", "x" * 25_000_001)


def test_what_json_cannot_say_is_refused(config: CompiledConfig) -> None:
    refused(config, InputError, "cannot be written as JSON", "sprinter", "Hi", parameters={"seed": object()})


def test_parameters_cannot_choose_the_model(config: CompiledConfig) -> None:
    refused(config, InputError, "cannot set 'model'", "sprinter", "Hi", parameters={"model": "other"})


def test_the_token_is_in_no_repr(config: CompiledConfig) -> None:
    client = Gateway().client(config)
    assert TOKEN not in repr(client) + repr(SETTINGS) + repr(client._core.door)


def test_the_files_beside_the_package_are_a_config() -> None:
    client = Client.from_files(settings=SETTINGS, transport=httpx.MockTransport(Gateway(answering())))
    assert client.ask("sprinter", "Hi").text == "Hello."


def test_what_is_written_into_an_answer_stays_out_of_the_record(config: CompiledConfig, tmp_path: Path) -> None:
    with Gateway().client(config, records=tmp_path) as client:
        for _ in range(2):
            client.ask("sprinter", "Hi").metadata["own"] = object()  # type: ignore[index]
    assert ["own" in record["metadata"] for record in read_records(tmp_path)] == [False, False]
