"""The smallest honest server of each peer, run by the interpreter of that peer's own environment.

Nothing here is imported by the benchmark: the peers' libraries are not installed beside it.
"""
