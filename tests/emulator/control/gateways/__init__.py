"""AI gateways."""
