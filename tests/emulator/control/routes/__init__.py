"""Dynamic routes with their versions and deployments."""
