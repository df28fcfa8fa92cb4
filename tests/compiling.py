"""Small configs from texts, and what they compile to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gateway_config.compile import compile_config
from gateway_config.compiled import CompiledConfig
from gateway_config.config import GatewayConfig
from gateway_config.load import examine_documents
from gateway_config.problems import Severity
from gateway_config.reading import Document
from tools.rules_page import TODAY

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.name for path in (GOLDEN / "compile").iterdir() if path.name != "base")
GATEWAY = (GOLDEN / "compile" / "base" / "gateway.yaml").read_text()


def config_of(routes: Mapping[str, str], gateway: str = GATEWAY, stage: str = "dev") -> GatewayConfig:
    """The config of these texts, which has no errors."""
    named = {"gateway.yaml": gateway, **{f"routes/{name}.yaml": text for name, text in routes.items()}}
    config, problems = examine_documents([Document(name, text.encode()) for name, text in named.items()], stage, TODAY)
    errors = [str(problem) for problem in problems if problem.severity is Severity.ERROR]
    assert not errors, errors
    assert config is not None
    return config


def compiled(routes: Mapping[str, str], gateway: str = GATEWAY, stage: str = "dev") -> CompiledConfig:
    return compile_config(config_of(routes, gateway, stage))


def compiled_case(name: str, stage: str = "dev") -> CompiledConfig:
    """What tests/golden/compile/<name> compiles to."""
    texts = {path.stem: path.read_text() for path in sorted((GOLDEN / "compile" / name).glob("*.yaml"))}
    return compiled(texts, texts.pop("gateway", GATEWAY), stage)


def split_route(shares: Mapping[str, int | str]) -> str:
    """A chat route with these arms and shares."""
    arms = "".join(f"  {arm}: {{model: small}}\n" for arm in shares)
    split = ", ".join(f"{arm}: {share}" for arm, share in shares.items())
    return f"version: 1\nkind: chat\nintents: [chat]\narms:\n{arms}split: {{{split}}}\n"
