"""Logpush: a gateway's records, encrypted, as objects in a bucket."""
