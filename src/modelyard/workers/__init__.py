"""Callers whose client is the clock: what the server asks of itself, through the gate like everybody else."""
