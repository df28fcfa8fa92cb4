"""The ways an answer is written down, whole or as a stream: one file for each."""
