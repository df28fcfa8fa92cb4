"""Answers that must fit a schema: what their repair costs, and schemas that could not be checked."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Generic, TypeVar

import httpx
import pytest
from pydantic import BaseModel

from gateway_config.compiled import CompiledConfig
from gateway_config.runtime import CallError, DriftError, InputError
from gateway_config.runtime.records.segments import read_records
from tests.runtime.test_asking import SCHEMA
from tests.runtime.world import GEMMA, Gateway, Step, answering, completion

T = TypeVar("T")
WRONG = answering(completion("no JSON"), model=GEMMA)


@pytest.mark.parametrize(
    ("repair", "status", "tokens_in", "cost_usd"),
    [
        (WRONG, "UnfitAnswerError", 20, "0.0000050"),
        (httpx.Response(500), "AnsweredNoError", 10, "0.0000025"),
        (KeyboardInterrupt(), "cancelled", 10, "0.0000025"),
    ],
)
def test_a_call_that_fails_after_an_answer_still_counts_it(
    rich: CompiledConfig, tmp_path: Path, repair: Step, status: str, tokens_in: int, cost_usd: str
) -> None:
    with (
        Gateway(WRONG, repair).client(rich, records=tmp_path) as client,
        pytest.raises((CallError, KeyboardInterrupt)),
    ):
        client.ask("seer", "Plan", schema=SCHEMA)
    (record,) = read_records(tmp_path)
    found = (record["status"], record["tokens_in"], Decimal(record["cost_usd"]))
    assert found == (status, tokens_in, Decimal(cost_usd))
    assert record["served_model"] == GEMMA


def test_an_answer_that_is_refused_as_drift_still_counts(rich: CompiledConfig, tmp_path: Path) -> None:
    gateway = Gateway(answering(model="@cf/someone/else"))
    with gateway.client(rich, records=tmp_path, refuse_drift=True) as client, pytest.raises(DriftError):
        client.ask("seer", "Hi")
    (record,) = read_records(tmp_path)
    assert (record["served_model"], record["tokens_in"]) == ("@cf/someone/else", 10)


class Box(BaseModel, Generic[T]):
    content: T


def test_a_generic_class_is_named_as_an_upstream_takes_it(rich: CompiledConfig) -> None:
    gateway = Gateway(answering(completion('{"content": 1}'), model=GEMMA))
    answer = gateway.client(rich).ask("seer", "Plan", schema=Box[int])
    assert answer.data == Box[int](content=1)
    assert gateway.bodies[0]["response_format"]["json_schema"]["name"] == "Box_int_"


class Callback(BaseModel):
    call: Callable[[int], int]


def test_a_class_without_a_schema_is_refused_in_one_line(rich: CompiledConfig) -> None:
    with pytest.raises(InputError, match="Callback has no JSON Schema: ") as caught:
        Gateway().client(rich).ask("seer", "Plan", schema=Callback)
    assert "\n" not in str(caught.value)
