"""`python -m modelyard` is the command line."""

from modelyard.cli import main

main()
