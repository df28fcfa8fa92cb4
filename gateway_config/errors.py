"""Every error Gatewright raises, in one tree.

GatewrightError                  .exit_code
  ├── ConfigError            1   the YAML has problems; all of them, each with its place
  ├── UsageError             2   the caller asked for something that does not exist
  ├── GraphError             1   elements that are no graph
  └── ServiceError           3   something outside could not be reached, or refused
        ├── UnreachableError
        └── RefusedError
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway_config.problems import Problem


class GatewrightError(Exception):
    """The root; `str(error)` is the sentence a user reads, `exit_code` what a command ends with."""

    exit_code = 1


class ConfigError(GatewrightError):
    """The config has problems; nothing was deployed or sent."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UsageError(GatewrightError):
    """A command or call named something that does not exist."""

    exit_code = 2


class GraphError(GatewrightError):
    """Elements that do not make a graph: a missing start, an edge to nowhere, a wrong shape."""


class ServiceError(GatewrightError):
    """Something outside of this process did not do what was asked."""

    exit_code = 3


class UnreachableError(ServiceError):
    """No answer: no network, nothing listening, or a time limit passed."""


class RefusedError(ServiceError):
    """An answer that says no."""
