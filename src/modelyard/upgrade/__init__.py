"""The upgrade assistant: moves workflows from a flat MLflow registry to the catalog, a step at a time.

It is a client like any other: it imports the domain's rules and the failures, and nothing of the server.
"""
