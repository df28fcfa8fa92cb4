"""The gateway's own logs."""
