"""Errors as problem documents (RFC 9457), all of one shape."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from acd.events import Refused
from callrouter.ports import Unavailable

MEDIA_TYPE: Final = "application/problem+json"

_log: Final = structlog.get_logger("callrouter.web")


class Problem(Exception):
    """Ends a request with this problem document."""

    def __init__(
        self, status: int, reason: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.reason = reason
        self.detail = detail
        self.headers = headers
        self.more = more

    def response(self) -> Response:
        return problem_response(self.status, self.reason, self.detail, headers=self.headers, **self.more)


class ProblemDocument(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(examples=["urn:callrouter:problem:not_in_a_call"])
    title: str = Field(examples=["Conflict"])
    status: int = Field(examples=[409])
    detail: str = Field(
        description="What is wrong and what can be done, for people.",
        examples=["the seat is not in a call: there is nothing to hold"],
    )
    reason: str = Field(description="Stable word for programs.", examples=["not_in_a_call"])


def problem_body(status: int, reason: str, detail: str, **more: Any) -> bytes:
    return msgspec.json.encode(
        {
            "type": f"urn:callrouter:problem:{reason}",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
            "reason": reason,
            **more,
        }
    )


def problem_response(
    status: int, reason: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
) -> Response:
    body = problem_body(status, reason, detail, **more)
    return Response(body, status_code=status, media_type=MEDIA_TYPE, headers=dict(headers or {}))


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: these errors come as problem documents."""
    return {
        status: {
            "model": ProblemDocument,
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
        }
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Make every error of this application a problem document."""

    @app.exception_handler(Problem)
    def _problem(_: Request, error: Problem) -> Response:
        return error.response()

    @app.exception_handler(Refused)
    def _refused(_: Request, error: Refused) -> Response:
        return problem_response(409, error.reason, error.text)

    @app.exception_handler(Unavailable)
    def _unavailable(_: Request, error: Unavailable) -> Response:
        detail = "records and accounts cannot be reached now; calls go on. Try again in a few seconds"
        _log.warning("store unavailable to the API", reason=str(error))
        return problem_response(503, "store_unavailable", detail, headers={"Retry-After": "5"})

    @app.exception_handler(RequestValidationError)
    def _invalid(_: Request, error: RequestValidationError) -> Response:
        # Never echo the input: it may hold a password or a number.
        faults = [
            {"where": "/".join(str(part) for part in fault["loc"]), "what": fault["msg"]}
            for fault in error.errors()[:20]
        ]
        first = faults[0] if faults else {"where": "request", "what": "cannot be read"}
        detail = f"{first['where']}: {first['what']}"
        return problem_response(422, "invalid_request", detail, faults=faults)

    @app.exception_handler(HTTPException)
    def _http(_: Request, error: HTTPException) -> Response:
        reason = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
        return problem_response(error.status_code, reason, str(error.detail), headers=error.headers)

    @app.exception_handler(Exception)
    def _defect(request: Request, error: Exception) -> Response:
        _log.error("defect in the API", path=request.url.path, exc_info=error)
        return problem_response(500, "internal_error", "a defect in callrouter: the log tells more")
