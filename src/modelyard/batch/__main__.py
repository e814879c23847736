"""`python -m modelyard.batch` is `modelyard batch`."""

from modelyard.cli.batch import main

main()
