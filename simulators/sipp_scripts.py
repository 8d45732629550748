"""What SIPp is told to play: callers and seats under remote control, phones that register, bench parties.

The files in ``sipp_scenarios/`` with their blanks filled in; see `sipp` for what runs them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np

SCENARIOS: Final = Path(__file__).with_name("sipp_scenarios")
REFUSALS: Final = (
    *(301, 302, 400, 401, 403, 404, 405, 406, 407, 408, 410, 413, 415, 416, 420, 480, 481, 482, 483, 484),
    *(485, 486, 487, 488, 491, 500, 501, 502, 503, 504, 505, 513, 580, 600, 603, 604, 606),
)
ANSWER_BRANCHES: Final = 16
"""Answer delays of a seat are this many equally likely values: SIPp can't wait a random time for a CANCEL."""
VOICE: Final = "voice.alaw"
"""What speaking callers say: raw A-law in the run's folder."""
_SPEAK: Final = f"""
  <nop hide="true"><action>
    <assignstr assign_to="voice" value="[field4]"/>
    <strcmp assign_to="unlike" variable="voice" value="speech"/>
    <test assign_to="mute" variable="unlike" compare="not_equal" value="0"/>
  </action></nop>
  <nop hide="true" test="mute" next="talk"/>
  <nop hide="true" next="talk"><action><exec rtp_stream="{VOICE},-1,8,PCMA/8000"/></action></nop>"""
_HUSH: Final = '<nop hide="true"><action><exec rtp_stream="pause"/></action></nop>'


def caller_scenario(*, speech: bool = False) -> str:
    """With `speech` the callers whose fifth field is ``speech`` send `VOICE` from the answer on."""
    return _read(
        "caller",
        refusals=_refusals("invite", "refused"),
        bye_refusals=_refusals("bye", "over"),
        late_refusals=_refusals("late", "over"),
        media="rtpstream_audio_port" if speech else "media_port",
        speak=_SPEAK if speech else '\n  <nop hide="true" next="talk"/>',
        hush=_HUSH if speech else "",
    )


def _refusals(transaction: str, then: str) -> str:
    """Every final answer but 200: at a message that it does not know SIPp breaks the call off."""
    return "\n".join(
        f'  <recv response="{code}" response_txn="{transaction}" optional="true" next="{then}"/>'
        for code in REFUSALS
    )


def seat_scenario(
    answer_seconds: Sequence[float],
    never: float = 0.0,
    refuses: float = 0.0,
    refusal: int = 486,
    codecs: Mapping[str, int] = MappingProxyType({"pcma": 8}),
) -> str:
    """A seat that answers after one of `answer_seconds`, each as likely.

    With chance `never` it rings on, with chance `refuses` it refuses with `refusal`; its answers take
    `codecs` (name: payload type).
    """
    lines = []
    refuse = ""
    if refuses > 0:
        refuse = f'  <nop hide="true" next="refuse" chance="{refuses:.6f}"/>'
    if never > 0:
        chance = min(1.0, never / max(1 - refuses, never))
        lines.append(f'  <nop hide="true" next="never" chance="{chance:.6f}"/>')
    count = len(answer_seconds)
    for index in range(count - 1):
        lines.append(f'  <nop hide="true" next="wait{index}" chance="{1 / (count - index):.6f}"/>')
    lines.append(f'  <nop hide="true" next="wait{count - 1}"/>')
    for index, seconds in enumerate(answer_seconds):
        lines.append(f'  <label id="wait{index}"/>')
        if seconds < 0.001:
            lines.append('  <nop hide="true" next="answer"/>')
        else:
            lines.append(
                f'  <recv request="CANCEL" timeout="{round(seconds * 1000)}" ontimeout="answer"'
                ' next="cancelled"/>'
            )
    payloads = " ".join(str(number) for number in codecs.values())
    maps = "\n".join(f"a=rtpmap:{number} {name.upper()}/8000" for name, number in codecs.items())
    return _read(
        "seat",
        branches="\n".join(lines),
        refuse=refuse,
        refusal=str(refusal),
        payloads=payloads,
        maps=maps,
    )


def bench_caller_scenario(talk: float) -> str:
    """A caller who dials at once and hangs up `talk` seconds after the answer, unless the far end does."""
    return _read("bench_caller", talk_ms=str(round(talk * 1000)))


def bench_seat_scenario(talk: float) -> str:
    """A seat that answers at once and hangs up `talk` seconds later, unless the far end does."""
    return _read("bench_seat", talk_ms=str(round(talk * 1000)))


def register_scenario(expires: int = 300) -> str:
    return _read("register", expires=str(expires), refresh_ms=str(round(expires * 700)))


def _read(name: str, **words: str) -> str:
    """A scenario with its ``@{words}``; SIPp's own ``[keywords]`` and ``$variables`` stay as they are."""
    text = (SCENARIOS / f"{name}.xml").read_text(encoding="utf-8")
    return re.sub(r"@\{(\w+)\}", lambda found: words[found[1]], text)


def answer_strata(draws: Iterable[float]) -> list[float]:
    """The `ANSWER_BRANCHES` mid-quantiles of a sample of delays."""
    ranks = (np.arange(ANSWER_BRANCHES) + 0.5) / ANSWER_BRANCHES
    return [float(value) for value in np.quantile(np.fromiter(draws, dtype=float), ranks)]
