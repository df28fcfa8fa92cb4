"""What this emulator does not do, said plainly; the coverage page lists it."""

MISSING = (
    ("AI Gateway datasets and evaluations", "deprecated, and unavailable to new accounts"),
    ("AI Gateway custom providers, billing endpoints", "no request of ours needs them"),
    ("Data loss prevention", "`dlp` is checked and stored, nothing is scanned: its profiles are not known"),
    (
        "OpenTelemetry export, Stripe events, log classification, zero data retention",
        "checked and stored, without effect",
    ),
    ("WebSockets API", "its message schema is not known"),
    ("User-owned tokens under /user/tokens", "account-owned tokens only"),
    ("Secrets Store", "a gateway with a store_id is believed to have the secret a provider config names"),
    ("The S3 side of R2", "moto's server stands in for it; `--s3 URL` writes there"),
    ("Lifecycle rules at work", "kept and answered; no object is ever expired"),
    ("Logpush as CSV, ownership challenges, other datasets", "refused or ignored"),
    ("R2 objects, custom domains, CORS, event notifications, metrics on the control plane", "not there"),
    ("Upstreams other than Workers AI, OpenAI and Anthropic", "2005, as where a provider does not answer"),
    ("Prices of OpenAI and Anthropic models", "unknown, so their cost is null"),
    ("The guardrail's delay of about half a second", "not imitated"),
    ("Real text", "answers are deterministic word salad; token counts are estimates (four characters a token)"),
)
