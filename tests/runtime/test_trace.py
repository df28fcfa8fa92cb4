"""Ids and errors survive what machines do to them: odd clocks, other processes."""

import pickle
import time

import pytest

from gateway_config.compiled import CompiledConfig
from gateway_config.runtime import CallError, UnfitAnswerError
from gateway_config.runtime import errors as module
from gateway_config.runtime.sending.trace import new_request_id, read_trace, trace_of
from tests.runtime.world import Gateway, answering, completion, gateway_error

YEAR_NS = 365 * 86_400 * 10**9
KINDS = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, module.ClientError)]


@pytest.mark.parametrize("at_ns", [-30 * YEAR_NS, 0, 30 * YEAR_NS, 9000 * YEAR_NS, 10**21])
def test_a_trace_can_be_read_whatever_the_clock_says(monkeypatch: pytest.MonkeyPatch, at_ns: int) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: at_ns)
    known = read_trace(trace_of("0" * 64, new_request_id(), 1))
    assert known is not None
    assert 1970 <= known.at.year <= 9999


def test_the_error_of_a_call_comes_whole_from_another_process(config: CompiledConfig) -> None:
    with pytest.raises(CallError) as caught:
        Gateway(gateway_error(400, 2005, "No")).client(config).ask("sprinter", "Hi")
    arrived = pickle.loads(pickle.dumps(caught.value))
    assert (type(arrived), str(arrived)) == (type(caught.value), str(caught.value))
    assert (arrived.trace, arrived.code) == (caught.value.trace, 2005)
    assert arrived.attempts == caught.value.attempts


def test_an_answer_that_does_not_fit_comes_with_its_error_from_another_process(config: CompiledConfig) -> None:
    with pytest.raises(UnfitAnswerError) as caught:
        Gateway(answering(completion("no"))).client(config).ask("sprinter", "Hi", schema={"type": "object"})
    assert pickle.loads(pickle.dumps(caught.value)).answer == caught.value.answer


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_of_the_client_comes_from_another_process(kind: type[Exception]) -> None:
    assert str(pickle.loads(pickle.dumps(kind("what went wrong")))) == "what went wrong"
