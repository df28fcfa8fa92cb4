"""What a client is made with: settings of the environment or of a caller, a config, folders."""

from pathlib import Path
from typing import Any

import pytest

from gateway_config.compiled import CompiledConfig
from gateway_config.runtime import Client, InputError, MissingSettingError, Settings
from gateway_config.runtime.sending.door import without
from tests.runtime.world import SETTINGS, TOKEN, Gateway


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "CLOUDFLARE_ACCOUNT_ID is not set"),
        ({"CLOUDFLARE_ACCOUNT_ID": "a"}, "GATEWRIGHT_TOKEN is not set"),
        ({"CLOUDFLARE_ACCOUNT_ID": "a/b", "GATEWRIGHT_TOKEN": TOKEN}, "not an account's id"),
        ({"CLOUDFLARE_ACCOUNT_ID": "a", "GATEWRIGHT_TOKEN": "a b"}, "characters that no token has"),
        ({"CLOUDFLARE_ACCOUNT_ID": "a", "GATEWRIGHT_TOKEN": TOKEN, "GATEWRIGHT_URL": "x"}, "begins with https"),
        ({"CLOUDFLARE_ACCOUNT_ID": "a", "GATEWRIGHT_TOKEN": TOKEN, "GATEWRIGHT_URL": "http://a.b"}, "unencrypted"),
        ({"CLOUDFLARE_ACCOUNT_ID": "a", "GATEWRIGHT_TOKEN": TOKEN, "GATEWRIGHT_URL": "http://a:x"}, "no URL"),
        ({"CLOUDFLARE_ACCOUNT_ID": "a", "GATEWRIGHT_TOKEN": TOKEN + "\n"}, "characters that no token has"),
        ({"CLOUDFLARE_ACCOUNT_ID": "a", "GATEWRIGHT_TOKEN": TOKEN, "GATEWRIGHT_URL": "\udcff"}, "no URL"),
        ({"CLOUDFLARE_ACCOUNT_ID": "a", "GATEWRIGHT_TOKEN": TOKEN, "GATEWRIGHT_CACHE_NAMESPACE": "\udcff"}, "no text"),
    ],
)
def test_a_setting_that_cannot_be_right_is_named(
    config: CompiledConfig, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], message: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(MissingSettingError, match=message):
        Client(config)


@pytest.mark.parametrize("url", ["https://me:secret@a/v1", "https://a/v1?b=c", "https://a/v1#b", "https://a b/v1"])
def test_a_url_that_says_more_than_a_host_and_a_path_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(MissingSettingError, match="is a host and a path") as caught:
        Settings("account", TOKEN, url)
    assert url not in str(caught.value)


@pytest.mark.parametrize("url", ["https://gateway.test/v1", "https://gateway.test/v1/", "https://gateway.test/v1//"])
def test_slashes_at_the_end_of_the_url_say_nothing(config: CompiledConfig, url: str) -> None:
    gateway = Gateway()
    gateway.client(config, Settings("account", TOKEN, url)).ask("sprinter", "Hi")
    assert str(gateway.requests[0].url).startswith("https://gateway.test/v1/account/inference-dev/compat")


@pytest.mark.parametrize("url", [None, 5, b"https://a"])
def test_a_url_that_is_no_text_is_a_missing_setting(url: Any) -> None:
    with pytest.raises(MissingSettingError, match="is no URL"):
        Settings("account", TOKEN, url)


@pytest.mark.parametrize("made_with", [{"config": "routes"}, {"settings": TOKEN}, {"records": 5}, {"records": ""}])
def test_a_client_that_is_made_with_something_else_says_what_it_wants(
    config: CompiledConfig, made_with: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match="found") as caught:
        Client(**{"config": config, "settings": SETTINGS, **made_with})
    assert TOKEN not in str(caught.value)


def test_a_folder_of_files_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="the config: a folder is a text or a Path"):
        Client.from_files(5, settings=SETTINGS)  # type: ignore[arg-type]


def test_records_may_be_named_as_text(config: CompiledConfig, tmp_path: Path) -> None:
    with Gateway().client(config, records=str(tmp_path)) as client:
        client.ask("sprinter", "Hi")
    assert list(tmp_path.iterdir())


def test_a_text_keeps_its_words_where_the_token_is_none() -> None:
    assert without("x", "unexpired, x") == "unexpired, ***"
    assert without(TOKEN, f"a{TOKEN}b{TOKEN[:20]}") == "a***b***"
