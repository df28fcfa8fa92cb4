"""A stand-in for the plugin `pulumi-resource-cloudflare`, which cannot be had without a network.

It lets the real Pulumi engine run our real program with the stock Python SDK against the emulator. It proves
that our program is sound and what it sends; it does not prove that Cloudflare's own provider accepts it.
"""
