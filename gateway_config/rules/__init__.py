"""What must hold over the whole config. One function a rule; its id is its name, its docstring its documentation.

A rule yields complaints and never raises. A new rule is one function in the file of its theme, and one golden case.
"""

from gateway_config.rules import chains, elements, gateway, metadata, models, names, records, splits
from gateway_config.rules.registry import RULES, Rule, check

__all__ = [
    "RULES",
    "Rule",
    "chains",
    "check",
    "elements",
    "gateway",
    "metadata",
    "models",
    "names",
    "records",
    "splits",
]
