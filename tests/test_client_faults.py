"""A sample of `scripts/faults client`, whose counts are in docs/faults.md: each fault meets one sort of call."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from gateway_config.compiled import CompiledConfig
from tests.faults.client import results, rows, sample, summary, table
from tests.faults.client_acts import reset
from tests.faults.client_case import config_of, result_of
from tests.faults.client_certificates import Certificates
from tests.faults.client_faults import FAILED, FINE, WAYS, Fault, fault, faults

PAGE = Path(__file__).parent.parent / "docs" / "faults.md"
# Names are asked of the network, which no test may reach.
MET = [fault for fault in sample(list(faults())) if fault.name != "a name that does not exist"]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> CompiledConfig:
    return config_of(tmp_path_factory.mktemp("config"))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.mark.http
@pytest.mark.parametrize(("number", "met"), list(enumerate(MET)), ids=[fault.name for fault in MET])
def test_a_call_that_meets_a_fault_ends_as_it_must(
    number: int, met: Fault, config: CompiledConfig, certificates: Certificates
) -> None:
    way, asynchronous = met.ways[number % len(met.ways)], number // len(met.ways) % 2 == 1
    assert result_of(met, way, asynchronous, config, certificates).why is None


@pytest.mark.http
@pytest.mark.parametrize(
    "wrong", [fault("reset", FINE, reset), replace(fault("reset", FAILED, reset), heard=True, told="x")]
)
def test_a_case_that_ends_otherwise_is_told(wrong: Fault, config: CompiledConfig, certificates: Certificates) -> None:
    assert result_of(wrong, "stream", False, config, certificates).why is not None


@pytest.mark.http
def test_every_sort_of_call_has_a_column() -> None:
    found = list(results([fault("reset", FAILED, reset)]))
    assert next(iter(rows(found))) == ("reset", *("2" for _ in WAYS), "`ConnectionFailedError`")
    assert f"{2 * len(WAYS)} cases" in summary(found, 1.0)
    assert next(table(found)).startswith("| fault | ask |")


def test_the_page_has_a_line_for_each_fault() -> None:
    told = set(re.findall(r"^\| (.+?) \|", PAGE.read_text(), re.MULTILINE))
    assert {fault.name for fault in MET} - told == set()
