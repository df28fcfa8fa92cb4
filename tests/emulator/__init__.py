"""A Cloudflare one can run on a laptop: AI Gateway and what stands around it, over HTTP.

Written from what is publicly known of Cloudflare's API, and ignorant of the code it helps to test:
nothing here imports `gateway_config` or `infra`.  Start it with `python -m tests.emulator`, or in a test
with `tests.emulator.server.running_emulator()`.

    control/    the API under /client/v4: per service its records and rules (models) and its HTTP (responses)
    data/       the gateway's own doors under /v1/{account}/{gateway}
    upstreams/  the models behind the gateway: deterministic answers, tokens, prices, failures
    admin.py    what only an emulator has, under /_emulator: faults, clock, draws, journal, assumptions
"""
