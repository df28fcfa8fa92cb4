"""The main job, told as a story on the emulator; `scripts/demo` runs it, and the journey test asserts what it tells."""
