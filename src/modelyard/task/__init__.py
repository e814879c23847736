"""What runs beside the code of a task: the supervisor around it, and the program that begins it, inside.

It takes nothing of the server along: the standard library only, and for notebooks nbclient and what it needs. What runs
in the environment of a task is older than 3.11 where that is.
"""
