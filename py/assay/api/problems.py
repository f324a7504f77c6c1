"""Failures as answers:

One sentence and the right status, never a stack trace. Not found 404, bad input 422, not now 503, broken 500.
"""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from assay.errors import AssayError, Refused, Unavailable

_log = logging.getLogger("assay.api")


class NotFound(Refused):
    """There is no such thing on record."""


def install(app: FastAPI) -> None:
    """Make the app answer every failure as a `Problem`."""

    @app.exception_handler(AssayError)
    async def assay_error(_request: Request, error: AssayError) -> JSONResponse:
        status = 404 if isinstance(error, NotFound) else {Refused: 422, Unavailable: 503}.get(type(error), 500)
        return _problem(status, type(error).__name__, str(error))

    @app.exception_handler(RequestValidationError)
    async def malformed(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or "request"
        return _problem(422, "Refused", f"{where}: {first['msg'][:1].lower()}{first['msg'][1:]}")

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        message = (
            f"there is nothing at {request.url.path}; see /docs" if error.status_code == 404 else str(error.detail)
        )
        return _problem(error.status_code, "NotFound" if error.status_code == 404 else "Refused", message)

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        _log.error("%s failed", request.url.path, exc_info=error)
        return _problem(500, "Broken", "the node failed to answer; its log says why")


def _problem(status: int, error: str, message: str) -> JSONResponse:
    return JSONResponse({"error": error.lower(), "message": message}, status_code=status)
