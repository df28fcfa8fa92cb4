"""What people write is in no record, unless the route asks for it: then as text, bounded, and without our token."""

import asyncio
import base64
import contextlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway_config.compiled import CompiledConfig
from gateway_config.runtime import BrokenAnswerError, Client, StreamInterruptedError, UnfitAnswerError
from gateway_config.runtime.kept import LONGEST_KEPT, kept
from gateway_config.runtime.records.reader import RecordReader
from gateway_config.runtime.records.usage import usage_rows
from gateway_config.runtime.records.why import told
from tests.runtime import test_kinds
from tests.runtime.test_decoder import OPENAI, delta, sse
from tests.runtime.test_records import only
from tests.runtime.test_stream import streaming
from tests.runtime.world import GATEWAY, ROUTES, TOKEN, Gateway, answering, compiled, completion

CANARY = "canary-words"
PICTURE = "data:image/png;base64," + "iVBORw0KGgo" * 9


def keeping(folder: Path, *parts: str) -> CompiledConfig:
    """The config of the tests, whose chat routes ask for these parts."""
    asked = f"records: [{', '.join(parts)}]\n"
    routes = {name: text + (asked if "kind: chat" in text else "") for name, text in ROUTES.items()}
    return compiled(folder / "config", GATEWAY, routes)


@pytest.fixture
def asking(tmp_path: Path) -> CompiledConfig:
    return keeping(tmp_path, "prompt", "answer")


def kept_of(config: CompiledConfig, folder: Path, text: Any, *steps: Any, **options: Any) -> tuple[Any, Any]:
    Gateway(*steps).client(config, records=folder).ask("sprinter", text, **options)
    record = only(folder)
    return record["prompt"], record["answer"]


def test_a_route_that_asks_for_both_keeps_prompt_and_answer(asking: CompiledConfig, tmp_path: Path) -> None:
    assert kept_of(asking, tmp_path, "What is a tide?") == ("What is a tide?", "Hello.")


@pytest.mark.parametrize(("part", "expected"), [("prompt", ("Hi", None)), ("answer", (None, "Hello."))])
def test_a_route_that_asks_for_one_keeps_that_alone(tmp_path: Path, part: str, expected: tuple[Any, Any]) -> None:
    assert kept_of(keeping(tmp_path, part), tmp_path, "Hi") == expected


KINDS: Mapping[str, Callable[[Client], object]] = {
    "image": lambda client: client.image("artist", CANARY),
    "embed": lambda client: client.embed("chained", [CANARY, "b"]),
    "rerank": lambda client: client.rerank("sort", CANARY, ["a", CANARY]),
    "transcribe": lambda client: client.transcribe("hear", test_kinds.WAV, prompt=CANARY),
    "speak": lambda client: client.speak("say", CANARY),
    "classify": lambda client: client.classify("guard", CANARY),
}
SAID = base64.b64encode(CANARY.encode() * 3).decode()
BY_KIND = httpx.Response(
    200, json={"result": {"text": CANARY, "image": SAID, "audio": SAID, "data": [[1.0], [2.0]], "response": CANARY}}
)


def records_of(folder: Path) -> str:
    return "".join(path.read_text() for path in folder.glob("*.jsonl"))


def test_no_call_leaves_what_was_written_or_answered_unless_its_route_asks(
    config: CompiledConfig, kinds: CompiledConfig, tmp_path: Path
) -> None:
    said = answering(completion(CANARY))
    with Gateway(said).client(config, records=tmp_path) as client:
        answer = client.ask("sprinter", CANARY)
        client.ask("sage", [{"role": "user", "content": CANARY}], tools=[{"type": "function", "name": CANARY}])
        with pytest.raises(UnfitAnswerError):
            client.ask("sage", CANARY, schema={"type": "object"})
        client.feedback(answer, thumb="up")
    broken, _ = streaming(sse(delta(CANARY)), httpx.ReadError(CANARY))
    with broken.client(config, records=tmp_path) as client, pytest.raises(StreamInterruptedError):
        list(client.stream("sage", CANARY))
    with Gateway(BY_KIND).client(kinds, records=tmp_path) as client:
        for call in KINDS.values():
            with contextlib.suppress(BrokenAnswerError):
                call(client)
    written = records_of(tmp_path)
    assert written.count("\n") == 5 + len(KINDS)
    assert CANARY not in written
    assert SAID not in written


@pytest.mark.parametrize("kind", KINDS)
def test_of_other_kinds_the_text_is_kept_and_never_the_bytes(tmp_path: Path, kind: str) -> None:
    routes = {name: f"version: 1\n{text}\nrecords: [prompt, answer]\n" for name, text in test_kinds.ROUTES.items()}
    config = compiled(tmp_path / "config", test_kinds.MODELS, routes)
    with Gateway(BY_KIND).client(config, records=tmp_path) as client, contextlib.suppress(BrokenAnswerError):
        KINDS[kind](client)
    record = only(tmp_path)
    assert (CANARY in (record["prompt"] or ""), record["answer"]) == (
        kind != "transcribe",
        CANARY if kind == "transcribe" else None,
    )
    assert SAID not in records_of(tmp_path)


@pytest.mark.parametrize("streamed", [False, True])
def test_pictures_are_left_out_of_what_is_kept(asking: CompiledConfig, tmp_path: Path, streamed: bool) -> None:
    parts: list[dict[str, Any]] = [
        {"type": "text", "text": f"Look: {PICTURE}"},
        {"type": "image_url", "image_url": {"url": PICTURE}},
        {"type": "input_audio", "input_audio": {"data": SAID}},
    ]
    messages = [{"role": "user", "content": parts, "image": [137, 80, 78]}]
    gateway = streaming(OPENAI)[0] if streamed else Gateway()
    with gateway.client(asking, records=tmp_path) as client:
        list(client.stream("sage", messages)) if streamed else client.ask("sage", messages)
    assert json.loads(only(tmp_path)["prompt"]) == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look: data:image/png;base64,…"},
                {"type": "image_url"},
                {"type": "input_audio"},
            ],
        }
    ]


def test_messages_that_the_caller_goes_on_with_are_kept_as_they_were_asked(
    asking: CompiledConfig, tmp_path: Path
) -> None:
    messages = [{"role": "user", "content": "Hi"}]
    client = Gateway().client(asking, records=tmp_path)
    client.ask("sage", messages)
    messages.append({"role": "assistant", "content": "later"})
    assert json.loads(only(tmp_path)["prompt"]) == [{"role": "user", "content": "Hi"}]


def test_a_stream_keeps_what_was_said(asking: CompiledConfig, tmp_path: Path) -> None:
    gateway, _ = streaming(sse(delta("One "), delta("two."), "[DONE]"))
    list(gateway.client(asking, records=tmp_path).stream("sage", "Count"))
    assert only(tmp_path)["answer"] == "One two."


def test_a_stream_that_broke_off_keeps_what_had_come(asking: CompiledConfig, tmp_path: Path) -> None:
    gateway, _ = streaming(sse(delta("One ")), httpx.ReadError("reset"))
    with pytest.raises(StreamInterruptedError):
        list(gateway.client(asking, records=tmp_path).stream("sage", "Count"))
    assert (only(tmp_path)["prompt"], only(tmp_path)["answer"]) == ("Count", "One ")


def test_a_stream_that_was_left_keeps_what_had_come(asking: CompiledConfig, tmp_path: Path) -> None:
    gateway, _ = streaming(sse(delta("One ")), sse(delta("two.")))

    async def leaving() -> None:
        async with gateway.async_client(asking, records=tmp_path) as client, client.stream("sage", "Count") as stream:
            await anext(stream)

    asyncio.run(leaving())
    assert (only(tmp_path)["status"], only(tmp_path)["answer"]) == ("cancelled", "One ")


def test_an_answer_that_does_not_fit_is_kept_as_it_came(asking: CompiledConfig, tmp_path: Path) -> None:
    client = Gateway().client(asking, records=tmp_path)
    with pytest.raises(UnfitAnswerError):
        client.ask("sage", "Hi", schema={"type": "object"})
    assert only(tmp_path)["answer"] == "Hello."


def test_what_is_long_is_cut_with_a_mark(asking: CompiledConfig, tmp_path: Path) -> None:
    prompt, _ = kept_of(asking, tmp_path, "é" * (LONGEST_KEPT + 1234))
    assert prompt == "é" * LONGEST_KEPT + "… (1,234 more characters)"


def test_what_is_just_as_long_as_it_may_be_is_whole() -> None:
    assert kept("x" * LONGEST_KEPT) == "x" * LONGEST_KEPT


def test_what_is_kept_holds_no_token_of_ours(asking: CompiledConfig, tmp_path: Path) -> None:
    told = answering(completion(f"Your header says {TOKEN}."))
    prompt, answer = kept_of(asking, tmp_path, f"Is {TOKEN} mine?", told)
    assert (prompt, answer) == ("Is *** mine?", "Your header says ***.")


# --- read again -------------------------------------------------------------------------------------------------------


def test_why_shows_what_was_kept_and_moves_no_cursor(asking: CompiledConfig, tmp_path: Path) -> None:
    kept_of(asking, tmp_path, "First\n\x1b[2Jsecond")
    (record,) = RecordReader(tmp_path)
    assert [*told(record, asking)][-3:] == ["prompt    First", "           [2Jsecond", "answer    Hello."]


def test_why_says_nothing_of_what_was_not_kept(config: CompiledConfig, tmp_path: Path) -> None:
    kept_of(config, tmp_path, "Hi")
    (record,) = RecordReader(tmp_path)
    assert [line for line in told(record, config) if line.startswith(("prompt", "answer"))] == []


def test_a_record_from_before_these_fields_is_read_as_keeping_nothing(config: CompiledConfig, tmp_path: Path) -> None:
    kept_of(config, tmp_path, "Hi")
    older = {key: value for key, value in only(tmp_path).items() if key not in ("prompt", "answer")}
    folder = tmp_path / "older"
    folder.mkdir()
    (folder / "1.jsonl").write_text(json.dumps(older) + "\n")
    reader = RecordReader(folder)
    assert [(record["prompt"], record["answer"]) for record in reader] == [(None, None)]
    assert reader.odd == 0


def test_a_record_whose_prompt_is_no_text_is_none_of_ours(config: CompiledConfig, tmp_path: Path) -> None:
    kept_of(config, tmp_path, "Hi")
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / "1.jsonl").write_text(json.dumps({**only(tmp_path), "prompt": [1]}) + "\n")
    reader = RecordReader(folder)
    assert ([*reader], reader.odd) == ([], 1)


def test_usage_counts_alike_whether_text_is_kept_or_not(
    asking: CompiledConfig, config: CompiledConfig, tmp_path: Path
) -> None:
    rows = []
    for name, own in (("kept", asking), ("not", config)):
        kept_of(own, tmp_path / name, "Hi")
        (row,) = usage_rows(RecordReader(tmp_path / name), ["route"])
        rows.append({key: value for key, value in row.items() if key != "median_ms"})
    assert rows[0] == rows[1]
