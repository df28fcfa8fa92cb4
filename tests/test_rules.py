"""Every rule has a wrong and a right example, and the page about rules is made of them."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway_config.problems import Severity
from gateway_config.rules import RULES
from tools.rules_page import EXAMPLES, READING, WARNED, example, page

IDS = [*READING, *RULES]
DOCS = Path(__file__).parent.parent / "docs"


def test_every_rule_has_a_golden_case_and_no_case_is_left_of_a_rule_that_went() -> None:
    assert sorted(path.name for path in EXAMPLES.iterdir()) == sorted([*IDS, "base"])


@pytest.mark.parametrize("id", IDS)
def test_the_wrong_example_shows_its_rule_alone_at_its_place(id: str, golden: Callable[[str, str], None]) -> None:
    problems = example(id, "wrong").problems()
    assert {problem.rule for problem in problems} == {id}
    golden(f"rules/{id}/problems.txt", "".join(f"{problem}\n" for problem in problems))


@pytest.mark.parametrize("id", IDS)
def test_the_right_example_shows_nothing(id: str) -> None:
    assert example(id, "right").problems() == []


@pytest.mark.parametrize("id", IDS)
def test_a_problem_has_the_severity_of_its_rule(id: str) -> None:
    read = Severity.WARNING if id in WARNED else Severity.ERROR
    severity = RULES[id].severity if id in RULES else read
    assert {problem.severity for problem in example(id, "wrong").problems()} == {severity}


@pytest.mark.parametrize("id", IDS)
def test_a_message_is_one_line_of_whole_sentences(id: str) -> None:
    for problem in example(id, "wrong").problems():
        assert re.fullmatch(r"[^\n]+[.?]", problem.message), problem.message


def test_the_page_about_rules_is_fresh() -> None:
    assert (DOCS / "rules.md").read_text() == page()
