"""The command line: one file per command, and the table that starts them.

Nothing here computes; a command turns its arguments into one call of the package and its errors into one
line.
"""
