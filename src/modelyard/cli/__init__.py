"""The command line."""

from modelyard.cli.main import main

__all__ = ["main"]
