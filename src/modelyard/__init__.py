"""Modelyard: a self-hosted, governed home for MLflow models."""

__version__ = "0.1.0"
