"""The rules alone: frozen dataclasses and pure functions over the standard library, no input or output."""
