"""Responses, encoded once, without a second validation: the tests hold them against the models."""

from typing import Any, Final

import msgspec
from fastapi import Response

WAV: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The sound, 8 kHz.", "content": {"audio/wav": {}}}
}
"""What the API's description says of a sound file."""


def json_reply(document: Any) -> Response:
    return Response(msgspec.json.encode(document), media_type="application/json")
