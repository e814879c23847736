"""Serving measured beside its peers: one MLflow model, one request, one load generator, one table."""
