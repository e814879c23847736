"""The rules for Python, a module for each family: small functions from a place to what is found there."""
