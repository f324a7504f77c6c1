"""The roles of a task as long-running services: initiator, trainer, validator, and an observer that only watches.

Each role has a pure `decide(view) -> actions`; `observe` builds the view from records and the chain's head, `act` is
thin.
"""
