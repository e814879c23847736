"""The child process that makes Parquet files of rows, so that the server's threads never compute for long.

It reads the spooled rows of its parent and gives files back; it has no token, no database and no storage.
`python -I -m modelyard.packer FD` speaks on a socket that it was handed, and ends with its parent.
"""
