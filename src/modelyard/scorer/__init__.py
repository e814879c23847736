"""What answers predictions with one model version, in a process and a Python environment of its own.

It runs beside the model's own libraries, and takes nothing else of ours along: the standard library, MLflow and what
MLflow needs are all that it imports.
"""
