"""How names and ids are written: the patterns of the config classes, and each in words."""

from collections.abc import Mapping

LONGEST_NAME = 40
NAME = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
STAGE = r"^[a-z][a-z0-9]{0,15}$"
METADATA_KEY = r"^[a-z][a-z0-9_]*$"
HAZARD = r"^(S([1-9]|1[0-3])|P1)$"
SPEND_ID = r"^[a-zA-Z0-9_-]+$"
URL = r"^https://[^\s@?]+$"
VARIABLE = r"^[A-Z][A-Z0-9_]*$"
GATEWAY_ID = r"^[a-z0-9_]+(?:-[a-z0-9_]+)*$"
UPSTREAM = r"^[a-z0-9]+(-[a-z0-9]+)*$"
DATE_FORM = r"%"

# What each pattern of the config classes looks like; nobody reads a pattern in a message.
EXAMPLES: Mapping[str, str] = {
    NAME: '"quick-chat" (lower-case letters and digits, hyphens between)',
    STAGE: '"dev" (lower-case letters and digits, at most 16)',
    METADATA_KEY: '"tenant_id" (lower-case letters, digits and underscores)',
    HAZARD: '"S1" … "S13" or "P1"',
    SPEND_ID: '"team_a" (letters, digits, hyphens and underscores)',
    URL: '"https://collector.example.com/v1/traces" (https, and neither @ nor ?, where secrets stand)',
    VARIABLE: '"COLLECTOR_TOKEN" (the name of an environment variable, in capitals)',
    GATEWAY_ID: '"inference" (lower-case letters, digits and underscores, hyphens between)',
    UPSTREAM: '"workers-ai" (lower-case letters and digits, hyphens between)',
    DATE_FORM: '"%Y-%m-%d" (what strftime takes, with a % at least)',
}
