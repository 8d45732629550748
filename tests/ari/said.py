"""Messages as Asterisk 22.10.1 sends them, in the form that its socket had them."""

import json
from typing import Any

STAMP = "2026-11-23T05:41:30.843+0000"


def channel(id: str = "1795412490.0", **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "name": "PJSIP/carrier-00000000",
        "state": "Ring",
        "protocol_id": "1-10048@127.0.0.1",
        "caller": {"name": "", "number": "+8613897000001"},
        "connected": {"name": "", "number": ""},
        "accountcode": "",
        "dialplan": {
            "context": "from-trunk",
            "exten": "12345",
            "priority": 2,
            "app_name": "Stasis",
            "app_data": "callrouter,caller,carrier",
        },
        "creationtime": "2026-11-23T05:41:30.842+0000",
        "language": "zh",
        **more,
    }


def said(kind: str, **fields: Any) -> bytes:
    whole = {
        "type": kind,
        "timestamp": STAMP,
        **fields,
        "asterisk_id": "02:fc:00:00:00:01",
        "application": "callrouter",
    }
    return json.dumps(whole).encode()


def of_channel(kind: str, id: str, *, state: str = "Up", **fields: Any) -> bytes:
    return said(kind, **fields, channel=channel(id, state=state))


def entered(id: str, *args: str, **more: Any) -> bytes:
    return said("StasisStart", args=list(args), channel=channel(id, **more))


def caller(id: str = "1795412490.0", **more: Any) -> bytes:
    return entered(id, "caller", "carrier", "allowed_not_screened", "", "70", "", **more)


def playback(kind: str, id: str, state: str) -> bytes:
    return said(kind, playback={"id": id, "media_uri": "sound:a", "target_uri": "channel:x", "state": state})


def reply(transaction: str | int, status: int, message: str = "") -> bytes:
    return said(
        "RESTResponse",
        transaction_id=str(transaction),
        request_id=str(transaction),
        status_code=status,
        reason_phrase="Reason",
        uri="x",
        content_type="application/json",
        message_body=json.dumps({"message": message}) if message else "",
    )
