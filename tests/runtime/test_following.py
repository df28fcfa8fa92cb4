"""A client that lives by the published config follows it, keeps the last good one, and says how old it is."""

import gc
import os
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from gateway_config.cloudflare.r2 import Bucket, Keys
from gateway_config.compiled import CompiledConfig
from gateway_config.errors import UsageError
from gateway_config.runtime import Client, InputError, MissingSettingError, UnknownIntentError
from gateway_config.runtime.following import Publication
from tests.runtime.world import GATEWAY, ROUTES, SETTINGS, Gateway, compiled


class Store:
    """A bucket with one object, behind `transport=`; None is an empty bucket."""

    def __init__(self, body: bytes | None) -> None:
        self.body = body
        self.asked = self.sent = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.body is None:
            return httpx.Response(404)
        if request.headers.get("if-none-match") == f'"{hash(self.body)}"':
            return httpx.Response(304)
        self.sent += 1
        return httpx.Response(200, content=self.body, headers={"etag": f'"{hash(self.body)}"'})

    @property
    def publication(self) -> Publication:
        keys = Keys.of_token("id", "test-" * 8)
        transport = httpx.MockTransport(self)
        return Publication(
            Bucket("https://r2.test", "config", keys, transport=transport, sleep=lambda _: None), "dev.json"
        )


def published(config: CompiledConfig) -> Store:
    return Store(config.to_json().encode())


def following(store: Store, poll_s: float = 0.01) -> Client:
    return Client.from_published(
        store.publication, poll_s=poll_s, settings=SETTINGS, transport=httpx.MockTransport(Gateway())
    )


@pytest.fixture
def renamed(tmp_path: Path) -> CompiledConfig:
    """The usual config with another intent on the chat route."""
    return compiled(tmp_path, routes={**ROUTES, "quick-chat": ROUTES["quick-chat"].replace("sprinter", "runner")})


def soon(condition: object) -> None:
    deadline = time.monotonic() + 5
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


def test_a_published_config_is_the_config_that_was_compiled(config: CompiledConfig) -> None:
    with following(published(config), poll_s=60) as client:
        assert client.config.digest == config.digest
        assert client.config.routes["quick-chat"].config_digest == config.routes["quick-chat"].config_digest
        assert client.ask("sprinter", "Hi").text == "Hello."


def test_another_published_config_takes_effect_without_a_restart(
    config: CompiledConfig, renamed: CompiledConfig
) -> None:
    store = published(config)
    with following(store) as client:
        store.body = renamed.to_json().encode()
        soon(lambda: "runner" in client.config.intents)
        assert client.ask("runner", "Hi").text == "Hello."
        with pytest.raises(UnknownIntentError):
            client.ask("sprinter", "Hi")


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b"<html>", None])
def test_what_is_no_config_changes_nothing_and_is_said(config: CompiledConfig, body: bytes | None) -> None:
    store = published(config)
    with following(store) as client:
        assert client.config_state.startswith("the published config, as it was 0 s ago")
        store.body = body
        soon(lambda: "since then" in client.config_state)
        assert client.ask("sprinter", "Hi").text == "Hello."


def test_the_config_of_another_gateway_is_not_adopted(config: CompiledConfig, tmp_path: Path) -> None:
    other = compiled(tmp_path, GATEWAY.replace("id: inference", "id: other"))
    store = published(config)
    with following(store) as client:
        store.body = other.to_json().encode()
        soon(lambda: 'for the gateway "other-dev"' in client.config_state)
        assert client.config.digest == config.digest


def test_a_config_that_comes_back_is_followed_again(config: CompiledConfig) -> None:
    store = published(config)
    with following(store) as client:
        store.body, good = None, store.body
        soon(lambda: "since then" in client.config_state)
        store.body = good
        soon(lambda: "since then" not in client.config_state)


def test_a_client_that_is_closed_or_gone_looks_no_more(config: CompiledConfig) -> None:
    store = published(config)
    following(store).close()
    client = following(store)
    del client
    gc.collect()
    time.sleep(0.05)
    asked = store.asked
    time.sleep(0.1)
    assert store.asked == asked


def test_the_child_of_a_fork_follows_too(config: CompiledConfig) -> None:
    store = published(config)
    with following(store) as client:
        assert client._following is not None
        client._following.end()
        client._following.begin_in_child()
        client.ask("sprinter", "Hi")
        asked = store.asked
        soon(lambda: store.asked > asked)


def test_a_config_that_has_not_changed_is_not_sent_again(config: CompiledConfig) -> None:
    store = published(config)
    with following(store) as client:
        soon(lambda: store.asked > 4)
        assert "as it was 0 s ago" in client.config_state
    assert store.sent == 1


def test_a_store_that_sends_what_has_not_changed_all_the_same_is_understood(config: CompiledConfig) -> None:
    body = config.to_json().encode()
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=body, headers={"etag": "always"}))
    bucket = Bucket("https://r2.test", "config", Keys.of_token("id", "test-" * 8), transport=transport)
    assert Publication(bucket, "dev.json").newer("always") is None


def test_a_look_that_fails_in_a_way_that_nobody_foresaw_is_followed_by_another(
    config: CompiledConfig, renamed: CompiledConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def odd(*_: object) -> None:
        raise KeyError

    store = published(config)
    with following(store) as client:
        with monkeypatch.context() as broken:
            broken.setattr(Publication, "newer", odd)
            soon(lambda: "KeyError" in client.config_state)
        store.body = renamed.to_json().encode()
        soon(lambda: client.config.digest == renamed.digest)


@pytest.mark.parametrize("poll_s", [0, -1, "30", float("nan")])
def test_a_pause_between_looks_that_is_none_is_refused(config: CompiledConfig, poll_s: float) -> None:
    with pytest.raises(InputError, match="poll_s"):
        following(published(config), poll_s)


def test_nothing_published_is_said_when_the_client_is_made() -> None:
    with pytest.raises(UsageError, match=r'no config is published as "dev\.json"'):
        following(Store(None))


def test_a_client_of_files_says_that_it_follows_nothing(config: CompiledConfig) -> None:
    assert Gateway().client(config).config_state == "the config that the client was made with"


ENVIRONMENT = {
    "CLOUDFLARE_ACCOUNT_ID": "account",
    "GATEWRIGHT_CONFIG_BUCKET": "config",
    "GATEWRIGHT_CONFIG_TOKEN_ID": "id",
    "GATEWRIGHT_CONFIG_TOKEN": "test-" * 8,
}


@pytest.mark.parametrize("missing", ENVIRONMENT)
def test_what_is_missing_to_read_the_config_is_named(missing: str) -> None:
    environment: Mapping[str, str] = {key: value for key, value in ENVIRONMENT.items() if key != missing}
    with pytest.raises(MissingSettingError, match=f"{missing} is not set"):
        Publication.from_environment(environment)


def test_the_token_that_reads_the_config_is_in_no_repr() -> None:
    assert ENVIRONMENT["GATEWRIGHT_CONFIG_TOKEN"] not in repr(Publication.from_environment(ENVIRONMENT))
    assert os.environ.get("GATEWRIGHT_CONFIG_TOKEN") is None


def test_a_bucket_of_another_jurisdiction_has_its_own_address() -> None:
    publication = Publication.from_environment({**ENVIRONMENT, "GATEWRIGHT_R2_JURISDICTION": "eu"})
    assert "account.eu.r2.cloudflarestorage.com" in repr(publication)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("CLOUDFLARE_ACCOUNT_ID", "a b", "holds a space"),
        ("GATEWRIGHT_CONFIG_BUCKET", "\udcff", "odd character"),
        ("GATEWRIGHT_CONFIG_TOKEN_ID", "id\n", "a line's end"),
        ("GATEWRIGHT_CONFIG_TOKEN", "test-\n", "a line's end"),
        ("GATEWRIGHT_CONFIG_KEY", "\udcff", "no text in UTF-8"),
        ("GATEWRIGHT_R2_JURISDICTION", "../eu", 'a word like "eu"'),
        ("GATEWRIGHT_R2_URL", "nonsense", "is no URL: it has no host"),
        ("GATEWRIGHT_R2_URL", "http://[::1", "is no URL"),
        ("CLOUDFLARE_BASE_URL", "http://[::1", "is no URL"),
    ],
)
def test_what_cannot_be_right_is_named_before_anything_is_read(name: str, value: str, message: str) -> None:
    with pytest.raises(MissingSettingError, match=f"{name}.*{message}"):
        Publication.from_environment({**ENVIRONMENT, name: value})


@pytest.mark.parametrize(
    ("body", "message"), [(b"{}", "stage: Field required"), (b"<html>", "all of it: Invalid JSON")]
)
def test_what_is_no_config_is_said_with_its_first_wrong_place(body: bytes, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        following(Store(body))


def test_a_publication_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="a publication is made by"):
        Client.from_published("dev.json", settings=SETTINGS)  # type: ignore[arg-type]


def test_a_client_that_was_closed_follows_again_when_it_is_asked_again(config: CompiledConfig) -> None:
    store = published(config)
    with following(store) as client:
        client.close()
        client.ask("sprinter", "Hi")
        asked = store.asked
        soon(lambda: store.asked > asked)
