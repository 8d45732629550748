"""Asterisk's configuration, from the templates of ``asterisk_conf/``.

`render` writes a folder that one private Asterisk runs from: configuration with
generated passwords (mode 0600), data directory, music in A-law. Nothing outside
that folder is touched and nothing but the plan goes in.
"""

import re
import resource
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Final

from callrouter.toolchain.locate import Program
from callrouter.toolchain.music import to_alaw
from callrouter.toolchain.plan import NAME, AsteriskPlan, PlanError, SeatAccount, TrunkAccount, require
from callrouter.toolchain.share import share_folder


@dataclass(frozen=True)
class RenderedAsterisk:
    """Where the rendered Asterisk listens and what opens it. Passwords stay out of `repr`."""

    conf: Path
    log: Path
    folder: Path
    address: str
    sip_port: int
    ari_url: str
    ari_user: str
    ari_password: str = field(repr=False)
    ami_host: str
    ami_port: int
    ami_user: str
    ami_password: str = field(repr=False)
    program: Program


class _Words(Template):
    """``@{word}``: leaves the dialplan's ``${...}`` alone."""

    delimiter = "@"
    pattern = r"@(?:(?P<escaped>@)|\{(?P<braced>[a-z_]+)\}|(?P<named>(?!))|(?P<invalid>\{))"  # type: ignore[assignment]


# Names of the accessors in Asterisk; ast_mwi_state_type is not among them: without it AMI refuses to start.
DECLINED: Final = (
    "ast_channel_varset_type",
    "cel_generic_type",
    "ast_test_suite_message_type",
)


ASKED: Final = "-options"
"""Ending of the address that a trunk's OPTIONS go to. The one that is dialled is never asked: Asterisk sends
no INVITE to an address whose OPTIONS went unanswered, not even for an emergency line's only trunk."""
OPTIONS_TIMEOUT: Final = 4.0
"""Seconds; at the default timers OPTIONS are repeated three times by then."""

CEL_TYPE: Final = "cel_generic_type"
"""Without it Asterisk's channel event log refuses to start."""
CEL_MODULES: Final = ("res_cdrel_custom.so", "cel_custom.so")


def _seat(template: str, seat: SeatAccount) -> str:
    kind = "seat-webrtc" if seat.webrtc else "seat"
    return _Words(template).substitute(user=seat.user, password=seat.password, name=seat.name, template=kind)


def _trunk(template: str, trunk: TrunkAccount) -> str:
    outbound: list[str] = []
    contact = "max_contacts = 0"
    if trunk.peer:
        asked = f"{trunk.name}{ASKED}" if trunk.qualify else ""
        outbound.append(f"aors = {trunk.name}" + (f",{asked}" if asked else ""))
        contact = f"contact = sip:{trunk.peer}" + (";transport=tcp" if trunk.transport == "tcp" else "")
        if asked:
            contact += (
                f"\n\n[{asked}]\ntype = aor\n{contact}\n"
                f"qualify_frequency = {trunk.qualify}\nqualify_timeout = {OPTIONS_TIMEOUT}"
            )
    if trunk.transport == "tcp":
        outbound.append("transport = transport-tcp")
    if trunk.from_domain:
        outbound.append(f"from_domain = {trunk.from_domain}")
    if trunk.allow_transfer:
        outbound += ["allow_transfer = yes", "set_var = PJSIP_TRANSFER_HANDLING()=ari-only"]
    if trunk.user_eq_phone:
        outbound.append("user_eq_phone = yes")
    if trunk.auth_user:
        outbound.append(f"outbound_auth = {trunk.name}")
        contact += (
            f"\n\n[{trunk.name}]\ntype = auth\nauth_type = digest\n"
            f"username = {trunk.auth_user}\npassword = {trunk.auth_password}"
        )
    return _Words(template).substitute(
        name=trunk.name,
        context=trunk.context,
        codecs=",".join(trunk.codecs),
        outbound="\n".join(outbound),
        contact=contact,
        identify=_identify(trunk),
    )


def _identify(trunk: TrunkAccount) -> str:
    """The section that knows the trunk by its addresses; none for a trunk that never calls us."""
    if not trunk.addresses:
        return ""
    matches = "\n".join(f"match = {address}" for address in trunk.addresses)
    return f"[{trunk.name}]\ntype = identify\nendpoint = {trunk.name}\n{matches}\n"


def _templates(which: str) -> dict[str, str]:
    """The controller's templates, those of the sub-folder `which` in their place."""
    base = share_folder("asterisk_conf")
    folders = [base, base / which] if which else [base]
    files = {file.name: file for folder in folders for file in sorted(folder.glob("*.conf"))}
    return {name: file.read_text(encoding="utf-8") for name, file in files.items()}


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(target, target_is_directory=True)


def _data(plan: AsteriskPlan, data: Path) -> None:
    """The data directory: links into the installation, our prompts beside the core sounds."""
    _link(data / "documentation", plan.asterisk.data / "documentation")
    _link(data / "rest-api", plan.asterisk.rest_api)
    sounds = data / "sounds"
    sounds.mkdir(exist_ok=True)
    voices = (plan.asterisk.sounds / name for name in ("en", "en_US_f_Allison"))
    english = next((voice for voice in voices if voice.is_dir()), None)
    if english is None:
        raise PlanError(
            f"no English core sounds under {plan.asterisk.sounds}: run `callrouter tools install`"
        )
    _link(sounds / "en", english)
    for language, folder in plan.sounds.items():
        require(NAME, language, "language", "letters, e.g. zh")
        _link(sounds / language, folder.resolve())
    music = data / "moh"
    music.mkdir(exist_ok=True)
    for file in sorted(plan.asterisk.music.glob("*.wav")):
        target = music / f"{file.stem}.alaw"
        if not target.exists():
            to_alaw(file, target)


def _write(file: Path, text: str) -> None:
    """Atomically, readable by the owner only."""
    unfinished = file.with_suffix(".part")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(file)


def render(plan: AsteriskPlan, folder: Path) -> RenderedAsterisk:
    """Write the configuration of `plan` under `folder` (made if absent) and tell what opens it.

    Rendering again into the same folder replaces configuration and passwords and keeps
    registrations. Raises `PlanError` for a plan that can't work.
    """
    folder = folder.resolve()
    if re.search(r"[\s;\\]", str(folder)):
        raise PlanError(
            f"{folder}: Asterisk's configuration can't name a path with blanks or ';': choose another"
        )
    etc, var, run, log, data = (folder / name for name in ("etc", "var", "run", "log", "data"))
    spool = var / "spool"
    # What callers say is the owner's alone; Asterisk would make neither of the two, or for everybody.
    sound = (spool, spool / "recording", spool / "monitor")
    events = log / "cel-custom"
    for made in (folder, etc, var / "lib/keys", *sound, var / "cache", run, log, events, data):
        made.mkdir(mode=0o700, parents=True, exist_ok=True)
    _data(plan, data)
    ari_password, ami_password = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    texts = _templates(plan.templates)
    seat, trunk = texts.pop("pjsip.seat.conf"), texts.pop("pjsip.trunk.conf")
    cel = CEL_MODULES if plan.cel else ()
    words = {
        "etc": etc,
        "var": var,
        "run": run,
        "log": log,
        "data": data,
        "modules": plan.asterisk.modules,
        "language": plan.language,
        "system": secrets.token_hex(4),
        "max_files": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        "max_calls": plan.max_calls,
        "address": plan.address,
        "sip_port": plan.sip_port,
        "http_port": plan.http_port,
        "ami_port": plan.ami_port,
        "rtp_first": plan.rtp_first,
        "rtp_last": plan.rtp_last,
        "ice": "yes" if any(seat.webrtc for seat in plan.seats) else "no",
        "ari_user": "callrouter",
        "ari_password": ari_password,
        "ami_user": "callrouter",
        "ami_password": ami_password,
        "seat_qualify": plan.seat_qualify,
        "seat_qualify_timeout": plan.seat_qualify_timeout,
        "seat_rtp_timeout": plan.seat_rtp_timeout,
        "trunk_rtp_timeout": plan.trunk_rtp_timeout,
        "net_retry": plan.net_retry,
        "net_patience": plan.net_patience,
        "night_group": "&".join(f"PJSIP/{user}" for user in plan.night_group),
        "night_ring": plan.night_ring,
        "apology": plan.apology,
        "more_modules": "\n".join(f"load = {module}" for module in (*plan.more_modules, *cel)),
        "cel": "yes" if plan.cel else "no",
        "declined": "\n".join(
            f"decline = {kind}" for kind in DECLINED if not (plan.cel and kind == CEL_TYPE)
        ),
        "seats": "\n".join(_seat(seat, account) for account in plan.seats),
        "trunks": "\n".join(_trunk(trunk, account) for account in plan.trunks),
        **plan.words,
    }
    for name, text in texts.items():
        _write(etc / name, _Words(text).substitute(words))
    return RenderedAsterisk(
        conf=etc / "asterisk.conf",
        log=log / "messages.log",
        folder=folder,
        address=plan.address,
        sip_port=plan.sip_port,
        ari_url=f"http://127.0.0.1:{plan.http_port}/ari",
        ari_user="callrouter",
        ari_password=ari_password,
        ami_host="127.0.0.1",
        ami_port=plan.ami_port,
        ami_user="callrouter",
        ami_password=ami_password,
        program=plan.asterisk.program,
    )
