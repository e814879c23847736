"""Batch inference: a version of a model scores files, on all cores, all or nothing.

This package knows nothing of the server: it is given a folder with the model's files. `worker` is what runs beside the
model, in processes of their own and perhaps in the model's own environment; the rest plans, keeps a journal, and puts
the result in its place. The command is in `modelyard.cli.batch`.
"""
