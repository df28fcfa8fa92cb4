"""Account-owned API tokens."""
