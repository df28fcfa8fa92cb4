"""The client of Cloudflare's API against answers written by hand."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.cloudflare.errors import (
    AlreadyExistsError,
    CloudflareError,
    InvalidError,
    NotAllowedError,
    NotFoundError,
    TooManyRequestsError,
    TroubleError,
    UnansweredError,
    UnknownCloudflareError,
)
from gateway_config.errors import UnreachableError, UsageError

TOKEN = "test-" * 8
Answer = httpx.Response | Exception


class Cloudflare:
    """Gives prepared answers in turn, the last one for ever, and remembers what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.slept_s: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, **options: Any) -> ControlPlane:
        return ControlPlane(TOKEN, transport=httpx.MockTransport(self), sleep=self.slept_s.append, **options)


def ok(**body: Any) -> httpx.Response:
    return httpx.Response(200, json={"success": True, **body})


def refusal(status: int, code: int, message: str, **headers: str) -> httpx.Response:
    errors = [{"code": code, "message": message}]
    return httpx.Response(status, json={"success": False, "errors": errors}, headers=headers)


# --- envelopes ---


@pytest.mark.parametrize("key", ["result", "data", "route"])
def test_each_of_the_three_envelopes_is_opened(key: str) -> None:
    assert Cloudflare(ok(**{key: {"id": "r1"}})).client().get("/x") == {"id": "r1"}


def test_an_answer_without_an_envelope_is_given_whole() -> None:
    assert Cloudflare(ok()).client().delete("/x") == {"success": True}


def test_the_token_is_sent_and_never_shown() -> None:
    cloudflare = Cloudflare(ok(result=1))
    client = cloudflare.client()
    client.get("/x")
    assert cloudflare.requests[0].headers["Authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in repr(client)


def test_pages_of_a_list_without_totals_end_with_one_that_is_not_full() -> None:
    full = ok(data={"routes": [{"id": 1}, {"id": 2}], "page": 1, "per_page": 2})
    cloudflare = Cloudflare(full, ok(data={"routes": [{"id": 3}], "page": 2, "per_page": 2}))
    assert [route["id"] for route in cloudflare.client().pages("/routes", "routes")] == [1, 2, 3]


def test_pages_of_a_bare_list_are_followed_too() -> None:
    cloudflare = Cloudflare(ok(result=[1, 2]), ok(result=[]))
    assert list(cloudflare.client().pages("/gateways", "unused", per_page=2)) == [1, 2]


def test_each_page_is_asked_for_by_its_number() -> None:
    cloudflare = Cloudflare(ok(result=[1, 2]), ok(result=[3]))
    list(cloudflare.client().pages("/gateways", "unused", per_page=2))
    assert [request.url.params["page"] for request in cloudflare.requests] == ["1", "2"]


# --- errors by name ---


@pytest.mark.parametrize(
    ("status", "code", "message", "error"),
    [
        (404, 7002, "gateway not found", NotFoundError),
        (404, 7005, "route not found", NotFoundError),
        (400, 7005, "route already exists", AlreadyExistsError),
        (400, 7001, "gateway already exists", AlreadyExistsError),
        (400, 7001, "Required", InvalidError),
        (403, 10000, "Authentication error", NotAllowedError),
        (403, 4711, "a code that nobody knows", NotAllowedError),
        (400, 4711, "a code that nobody knows", UnknownCloudflareError),
    ],
)
def test_a_failure_is_named_by_code_then_status_then_words(
    status: int, code: int, message: str, error: type[CloudflareError]
) -> None:
    with pytest.raises(CloudflareError) as caught:
        Cloudflare(refusal(status, code, message)).client().get("/x")
    assert type(caught.value) is error


def test_an_unknown_code_says_where_it_belongs() -> None:
    with pytest.raises(UnknownCloudflareError, match=r"cloudflare/errors\.py"):
        Cloudflare(refusal(400, 4711, "odd")).client().get("/x")


def test_an_error_says_which_call_failed_and_why() -> None:
    with pytest.raises(InvalidError) as caught:
        Cloudflare(refusal(400, 7001, "Required")).client().post("/routes", {})
    assert str(caught.value) == "Cloudflare refused POST /routes: Required (HTTP 400, code 7001)."


def test_the_place_of_a_bad_element_is_told() -> None:
    body = {"success": False, "errors": [{"code": 7001, "message": "Required", "path": ["elements", 0, "outputs"]}]}
    with pytest.raises(InvalidError, match=r"Required at elements\.0\.outputs"):
        Cloudflare(httpx.Response(400, json=body)).client().post("/routes", {})


def test_the_singular_error_of_a_gateway_body_is_read_too() -> None:
    body = {"success": False, "error": [{"code": 7002, "message": "not found"}]}
    with pytest.raises(NotFoundError):
        Cloudflare(httpx.Response(404, json=body)).client().get("/x")


def test_a_page_of_html_becomes_a_sentence() -> None:
    with pytest.raises(TroubleError, match="HTTP 502"):
        Cloudflare(httpx.Response(502, html="<h1>Bad gateway</h1>")).client().get("/x")


# --- retry ---


@pytest.mark.parametrize(
    "first",
    [
        httpx.Response(500, json={"success": False, "errors": []}),
        httpx.Response(502, html="<h1>Bad gateway</h1>"),
        refusal(429, 10429, "slow down"),
        refusal(401, 2009, "Unauthorized"),
        httpx.Response(200, text='{"success": true, "resu'),
        httpx.ReadTimeout("late"),
        httpx.ReadError("reset"),
        httpx.ConnectError("refused"),
    ],
    ids=["500", "502 with HTML", "429", "401/2009", "truncated", "timeout", "reset", "refused"],
)
def test_a_read_is_repeated_after(first: Answer) -> None:
    assert Cloudflare(first, ok(result=1)).client().get("/x") == 1


def test_a_token_that_is_refused_is_not_tried_again() -> None:
    cloudflare = Cloudflare(refusal(403, 10000, "Authentication error"))
    with pytest.raises(NotAllowedError):
        cloudflare.client().get("/x")
    assert len(cloudflare.requests) == 1


def test_attempts_have_an_end() -> None:
    cloudflare = Cloudflare(refusal(429, 10429, "slow down"))
    with pytest.raises(TooManyRequestsError):
        cloudflare.client(attempts=3).get("/x")
    assert len(cloudflare.requests) == 3


def test_retry_after_is_obeyed() -> None:
    cloudflare = Cloudflare(refusal(429, 10429, "slow down", **{"retry-after": "7"}), ok(result=1))
    cloudflare.client().get("/x")
    assert cloudflare.slept_s == [7.0]


def test_retry_after_cannot_hold_us_for_ever() -> None:
    cloudflare = Cloudflare(refusal(429, 10429, "slow down", **{"retry-after": "86400"}), ok(result=1))
    cloudflare.client().get("/x")
    assert cloudflare.slept_s == [60.0]


def test_waits_grow_and_differ() -> None:
    cloudflare = Cloudflare(refusal(500, 1, "trouble"))
    with pytest.raises(TroubleError):
        cloudflare.client(attempts=4).get("/x")
    first, second, third = cloudflare.slept_s
    assert 0.25 <= first <= 0.5 <= second <= 1.0 <= third <= 2.0


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.ReadError("reset"), UnansweredError),
        (httpx.ReadTimeout("late"), UnansweredError),
        (httpx.DecodingError("no gzip"), UnansweredError),
        (httpx.Response(200, text='{"success": true, "resu'), UnansweredError),
        (httpx.Response(500, json={}), TroubleError),
    ],
    ids=["reset", "timeout", "no gzip", "truncated", "500"],
)
def test_a_creation_that_may_have_happened_is_not_repeated(answer: Answer, error: type[Exception]) -> None:
    cloudflare = Cloudflare(answer)
    with pytest.raises(error):
        cloudflare.client().post("/routes", {})
    assert len(cloudflare.requests) == 1


@pytest.mark.parametrize("answer", [httpx.ConnectError("refused"), refusal(429, 10429, "slow down")], ids=str)
def test_a_creation_that_did_not_happen_is_repeated(answer: Answer) -> None:
    assert Cloudflare(answer, ok(result={"id": "r1"})).client().post("/routes", {}) == {"id": "r1"}


def test_nothing_listening_is_said_in_one_sentence() -> None:
    with pytest.raises(UnreachableError, match=r"Cannot reach api\.cloudflare\.com") as caught:
        Cloudflare(httpx.ConnectError("refused")).client(attempts=2).get("/x")
    assert not isinstance(caught.value, UnansweredError)


# --- pace ---


def test_pace_spreads_calls() -> None:
    cloudflare = Cloudflare(ok(result=1))
    client = cloudflare.client(pace_per_s=4)
    for _ in range(3):
        client.get("/x")
    assert cloudflare.slept_s[0] == 0.0
    assert 0.4 < cloudflare.slept_s[2] <= 0.5


# --- environment ---


def test_the_environment_names_token_and_address() -> None:
    environment = {"CLOUDFLARE_API_TOKEN": TOKEN, "CLOUDFLARE_BASE_URL": "http://127.0.0.1:1/client/v4"}
    assert repr(ControlPlane.from_environment(environment)) == "ControlPlane(http://127.0.0.1:1/client/v4/, token=***)"


def test_an_address_that_is_none_is_named() -> None:
    environment = {"CLOUDFLARE_API_TOKEN": TOKEN, "CLOUDFLARE_BASE_URL": "nonsense/client/v4"}
    with pytest.raises(UsageError, match='found "nonsense/client/v4"'):
        ControlPlane.from_environment(environment)


@pytest.mark.parametrize("token", ["", "two words", "ümlaut", "line\nbreak"])
def test_a_token_that_is_none_is_refused_without_showing_it(token: str) -> None:
    with pytest.raises(UsageError) as caught:
        ControlPlane.from_environment({"CLOUDFLARE_API_TOKEN": token})
    assert not token or token not in str(caught.value)
