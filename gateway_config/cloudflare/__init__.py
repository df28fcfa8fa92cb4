"""How Cloudflare is spoken with: its API with its refusals by name, and objects in R2."""
