"""docs/config.md: its examples are one config without problems, and it names every key of the config classes."""

from __future__ import annotations

import datetime
import re

import pytest

from gateway_config.config import Part
from gateway_config.load import examine_documents
from gateway_config.problems import Severity
from gateway_config.reading import Document
from tools.command import ROOT

PAGE = (ROOT / "docs" / "config.md").read_text()
TODAY = datetime.date(2026, 11, 21)  # an example has a day by which its split is decided
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def name_of(example: str) -> str:
    found = re.match(r"# (routes/[a-z-]+\.yaml)", example)
    return found[1] if found else "gateway.yaml"


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_the_examples_of_the_page_are_a_config_without_problems(stage: str) -> None:
    documents = [Document(name_of(example), example.encode()) for example in EXAMPLES]
    config, problems = examine_documents(documents, stage, today=TODAY)
    assert [str(problem) for problem in problems if problem.severity is not Severity.REMARK] == []
    assert config is not None
    assert sorted(config.routes) == ["editing", "search", "talk"]


@pytest.mark.parametrize("part", Part.__subclasses__(), ids=lambda part: part.__name__)
def test_every_key_of_the_config_stands_on_the_page(part: type[Part]) -> None:
    keys = {field.alias or name for name, field in part.model_fields.items()}
    assert sorted(key for key in keys if not re.search(rf"\b{key}\b", PAGE)) == []
