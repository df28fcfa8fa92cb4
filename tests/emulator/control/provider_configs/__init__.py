"""Stored provider keys of a gateway (BYOK)."""
