"""A stand-in for Pulumi's Python language host, so that plain `pulumi up` runs where only the `pulumi` binary is.

The official CLI brings the real host. This one hands the program to the SDK's own language server, so what it shows is
that Pulumi.yaml, the program and its errors are sound. Code is made by Pulumi's own generators. Where the real host is
on PATH the tests use that one.
"""
