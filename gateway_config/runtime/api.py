"""Cloudflare's API for what no gateway does: within one deadline, and with no token in what it says."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from gateway_config.cloudflare.control_plane import BASE_URL, ControlPlane
from gateway_config.errors import UsageError
from gateway_config.runtime.errors import MissingSettingError
from gateway_config.runtime.sending.call import Until
from gateway_config.runtime.sending.door import Door, network_to, without
from gateway_config.runtime.settings import check_url


def api_until(moment: float, longest_s: float, sleep: Callable[[float], None], **options: Any) -> ControlPlane:
    """The API that the environment names; no wait of it outlasts `moment` (of `call.now`), or `longest_s` by itself.

    Raises MissingSettingError for a token or an address that is none.
    """
    try:
        address = os.environ.get("CLOUDFLARE_BASE_URL") or BASE_URL
        check_url("CLOUDFLARE_BASE_URL", address)
        network = network_to(address)
        limit = Until(longest_s, moment)
        return ControlPlane.from_environment(transport=network, timeout_s=limit, sleep=sleep, **options)
    except UsageError as error:
        raise MissingSettingError(str(error)) from None


def without_tokens(door: Door, text: str) -> str:
    """A text as we may show it: with neither the serve token nor that of the API."""
    return door.hidden(without(os.environ.get("CLOUDFLARE_API_TOKEN") or "", text))
