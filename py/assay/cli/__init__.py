"""The `assay` command.

Decides nothing: it starts roles, sends what the person asked for and shows what the records say.
"""
