"""A canary token is in nothing that a person or a file gets to see."""

import json
import logging
import pickle
import traceback
from pathlib import Path

import httpx
import pytest

from gateway_config.compiled import CompiledConfig
from gateway_config.runtime import CallError, Settings
from gateway_config.runtime.records.segments import read_records
from tests.runtime.test_decoder import delta, sse
from tests.runtime.world import Gateway, Step, answering, gateway_error

CANARY = "test-canary-" * 4
SETTINGS = Settings("account", CANARY, "https://gateway.test/v1")


@pytest.mark.parametrize(
    "step",
    [
        httpx.ConnectError(f"cannot connect with {CANARY[:8]}"),
        httpx.ReadError("reset"),
        gateway_error(401, 2009, f"the token {CANARY} is wrong"),
        httpx.Response(500, text=f"Bearer {CANARY}"),
        httpx.Response(200, text=f"Bearer {CANARY}"),
        httpx.Response(200, text="x" * 80 + CANARY),
        httpx.Response(200, text="x", headers={"content-type": CANARY}),
        httpx.Response(500, text="x", headers={"content-type": CANARY}),
        httpx.RemoteProtocolError(f"illegal status line: bytearray(b'HTTP/1.1 2x0 {CANARY}')"),
        httpx.Response(200, content=sse(delta("Hi"), {"error": f"Bearer {CANARY}"})),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_a_failure_tells_no_token_anywhere(
    config: CompiledConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture, step: Step, streamed: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    with Gateway(step).client(config, settings=SETTINGS, records=tmp_path) as client:
        with pytest.raises(CallError) as caught:
            list(client.stream("sprinter", "Hi")) if streamed else client.ask("sprinter", "Hi")
        shown = [repr(client), str(client.config_state), caplog.text, repr(caught.value), str(caught.value.args)]
    shown.append("".join(traceback.format_exception(caught.value)))
    shown.append(json.dumps(list(read_records(tmp_path))))
    shown.append(caught.value.received)
    assert [text for text in shown if CANARY[:16] in text] == []


def test_an_answer_holds_no_token(config: CompiledConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with Gateway(answering()).client(config, settings=SETTINGS, records=tmp_path) as client:
        answer = client.ask("sprinter", "Hi")
    assert CANARY.encode() not in pickle.dumps(answer)
    assert CANARY not in caplog.text + json.dumps(list(read_records(tmp_path)))
