"""Modelyard beside MLflow's own server: the same questions, the same machine, the same run.

`python -m benchmarks --help` says how to run them. Nothing here is a test: the numbers depend on
the machine, so the ratios are printed for a person to judge.
"""
