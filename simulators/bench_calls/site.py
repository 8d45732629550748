"""The site that is measured: seats with skills, a queue for all of them, one with a few seats."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import yaml

from simulators.bench_calls.plan import DIALLED, DIALLED_FEW, TRUNKS, Way

WRAP_UP: Final = 1
"""Seconds after each call, here as in app_queue (`wrapuptime`); none for the few."""
RING: Final = 15
SKILLS_ASKED: Final = "mandarin >= 3"


def write_site(shipped: Path, folder: Path, seats: Sequence[str], few: Sequence[str]) -> Path:
    """Write it under `folder`; prompts and calendars are those of the `shipped` site."""
    site = folder / "site"
    (site / "site").mkdir(parents=True)
    (site / "prompts").symlink_to((shipped / "prompts").resolve(), target_is_directory=True)
    for calendar in (shipped / "site").glob("calendar*.yaml"):
        (site / "site" / calendar.name).symlink_to(calendar.resolve())
    _write(site / "site" / "floor.yaml", _floor(seats, few))
    _write(site / "site" / "directory.yaml", _directory())
    for name in ("province", "few"):
        node = {"queue": {"queue": name, "skills": SKILLS_ASKED}}
        flow = {"flow": name, "languages": ["zh"], "person": "seat", "start": "seat", "nodes": {"seat": node}}
        _write(site / f"{name}.yaml", flow)
    return site


def _floor(seats: Sequence[str], few: Sequence[str]) -> dict[str, object]:
    def seat(number: int, queue: str) -> dict[str, object]:
        return {"queues": [queue], "skills": {"mandarin": 4 + number % 6, "english": 1 + number % 9}}

    queue = {"announce_first": None, "callback_after": None, "ring_for": RING}
    return {
        "timezone": "Asia/Shanghai",
        "skills": {"mandarin": "普通话", "english": "英语"},
        "queues": {"province": {**queue, "wrap_up": WRAP_UP}, "few": {**queue, "wrap_up": 0}},
        "seats": {
            **{name: seat(number, "province") for number, name in enumerate(seats)},
            **{name: seat(number, "few") for number, name in enumerate(few)},
        },
    }


def _directory() -> dict[str, object]:
    return {
        "organisations": {"province": {"name": "Bench"}},
        "trunks": {TRUNKS[Way.OURS]: {"name": "Callers", "options": 0}},
        "ingress": [
            {"numbers": [DIALLED], "organisation": "province", "flow": "province"},
            {"numbers": [DIALLED_FEW], "organisation": "province", "flow": "few"},
        ],
        "lines": {},
    }


def _write(file: Path, content: object) -> None:
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    file.write_text(text, encoding="utf-8")


def dialplan() -> str:
    """What Asterisk does by itself: its own queue, a plain `Dial()`; both answer first, as a hotline does.

    `i`: without it Answer() waits up to half a second for the caller's first packet.
    """
    return f"""
[bench-queue]
exten => {DIALLED},1,Answer(,i)
 same => n,Queue(province,r)
 same => n,Hangup()
exten => {DIALLED_FEW},1,Answer(,i)
 same => n,Queue(few,r)
 same => n,Hangup()

[bench-dial]
exten => _[a-z]!,1,Answer(,i)
 same => n,Dial(PJSIP/${{EXTEN}},{RING},r)
 same => n,Hangup()
"""


def queues(seats: Sequence[str], few: Sequence[str]) -> str:
    """app_queue as its users set it up for many seats. `retry` is the least that it takes."""
    head = "[general]\nautofill = yes\npersistentmembers = no\nlog_membername_as_agent = no\n"
    common = (
        f"strategy = rrmemory\nautofill = yes\nringinuse = no\ntimeout = {RING}\nretry = 1\n"
        "joinempty = yes\nleavewhenempty = no\nannounce-frequency = 0\nreportholdtime = no\n"
    )
    parts = [head]
    for name, members, wrap_up in (("province", seats, WRAP_UP), ("few", few, 0)):
        listed = "".join(f"member => PJSIP/{member}\n" for member in members)
        parts.append(f"[{name}]\n{common}wrapuptime = {wrap_up}\n{listed}")
    return "\n".join(parts)
