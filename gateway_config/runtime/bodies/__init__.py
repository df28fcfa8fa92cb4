"""Bodies, streams and refusals: from bytes to plain values and back. No I/O."""
