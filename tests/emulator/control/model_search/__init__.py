"""The model catalogue of Workers AI."""
