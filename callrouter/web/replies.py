"""Responses, encoded once, without a second validation: the tests hold them against the models."""

from typing import Any

import msgspec
from fastapi import Response


def json_reply(document: Any) -> Response:
    return Response(msgspec.json.encode(document), media_type="application/json")
