"""The control plane: Cloudflare's API under /client/v4."""
