"""A small config of its own for the tests of the command line, and a way to run a command on it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from gateway_config.commands.app import app_for
from gateway_config.compile import compile_config
from gateway_config.compiled import CompiledConfig
from gateway_config.load import load

GATEWAY = """\
version: 1
gateway: {id: inference}
models:
  fast:
    {upstream: workers-ai, model: "@cf/meta/llama-3.1-8b-instruct-fast", kind: chat,
     price: {in_usd_per_mtok: "0.10", as_of: 2026-08-28}}
  gemma:
    {upstream: workers-ai, model: "@cf/google/gemma-4-26b-a4b-it", kind: chat,
     price: {in_usd_per_mtok: "0.10", as_of: 2026-08-28}}
  big:
    {upstream: openai, model: gpt-4o, kind: chat,
     price: {in_usd_per_mtok: "0.10", as_of: 2026-08-28}}
projects:
  meta-mirror: {intents: [sprinter]}
metadata: [plan]
"""
QUICK_CHAT = """\
version: 1
intents: [sprinter]
kind: chat
arms:
  champion: {model: fast, first_byte_ms: 8000, retries: 1}
  challenger: {model: gemma, first_byte_ms: 8000}
split: {champion: rest, challenger: 10} # one number to change
fallback: [big]
stages:
  dev: {split: {champion: rest, challenger: 50}}
"""
EDITOR = """\
version: 1
intents: [scribe]
kind: chat
arms:
  quick: {model: gemma, temperature: 0.2}
  small: {model: fast}
  deep: {model: big}
tiers:
  edge: {quick: 75, small: 25}
  frontier: {deep: 100}
when:
  - {if: {plan: trial}, arm: small}
limits:
  - {per: user_id, requests: 10, window_s: 60, then: fast}
sticky: tenant
fallback: [fast]
"""
FILES = {"gateway.yaml": GATEWAY, "routes/quick-chat.yaml": QUICK_CHAT, "routes/editor.yaml": EDITOR}


def write_config(folder: Path, **changed: str) -> Path:
    """The small config in this folder; `changed` replaces whole files, by `gateway` or the name of a route."""
    texts = {**FILES, **{_file(name): text for name, text in changed.items()}}
    (folder / "routes").mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    return folder


def _file(name: str) -> str:
    return "gateway.yaml" if name == "gateway" else f"routes/{name.replace('_', '-')}.yaml"


def compiled(folder: Path, stage: str = "prod") -> CompiledConfig:
    return compile_config(load(folder, stage))


def run(*words: str, env: dict[str, str] | None = None) -> Result:
    """What the command line does with these words."""
    return CliRunner(env=env or {}).invoke(app_for(words), list(words), prog_name="gatewright", catch_exceptions=False)


def run_json(*words: str) -> Any:
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def lines(result: Result) -> Sequence[str]:
    return result.stdout.splitlines()
