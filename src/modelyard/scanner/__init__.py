"""The child process that looks into the files of models, so that the server itself never has to.

It has no token, no database and no file, and little memory: it asks its parent for stretches of the one file that it
judges, and answers in JSON. `python -I -m modelyard.scanner FD` speaks on a socket that it was handed.
"""
