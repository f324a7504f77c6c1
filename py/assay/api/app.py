"""The HTTP API: tasks, rounds, submissions, accounts and payouts as JSON, with OpenAPI docs under /docs.

Reads one store and changes nothing; knows no chain and no key, so it can face the internet behind a proxy that limits
rates.
"""

from __future__ import annotations

from fastapi import FastAPI

from assay import __version__
from assay.api import accounts, curve, health, payouts, problems, rounds, submissions, tasks
from assay.store import Store

DESCRIPTION = (
    "Tasks, rounds, submissions with verdict and reasons, accounts and payouts of an Assay deployment. Money is wei."
)


def create_app(store: Store, evaluations: curve.Evaluations = curve.noted) -> FastAPI:
    """Return the API over a store that somebody keeps up to date. `evaluations(store, task)` gives what checkpoints of
    a task were measured to be worth, by round; without it, what this store's own node measured.
    """
    app = FastAPI(title="Assay", version=__version__, description=DESCRIPTION)
    app.state.store = store
    app.state.evaluations = evaluations
    problems.install(app)
    for noun in (health, tasks, curve, rounds, submissions, accounts, payouts):
        app.include_router(noun.router)
    return app
