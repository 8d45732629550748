"""Write the configuration of an Asterisk for the seats and trunks of a site: see production.md.

python docs/howto/asterisk_of_site.py /etc/callrouter/callrouter.yaml /etc/callrouter/phones \
    /var/lib/callrouter/asterisk --address 192.0.2.20

The file of phones has one line for each seat, and for each trunk that challenges calls: its name, a
blank, its password. ARI's and AMI's passwords are made anew and written where the settings want them.
"""

import argparse
import os
import shlex
import sys
from pathlib import Path
from urllib.parse import urlsplit

from callrouter.config.faults import ConfigError
from callrouter.directory.model import Trunk
from callrouter.settings import Node, load_settings
from callrouter.site import Site, load_site
from callrouter.toolchain.asterisk import AsteriskPlan, SeatAccount, TrunkAccount, render
from callrouter.toolchain.errors import ToolchainError
from callrouter.toolchain.locate import asterisk_files


def main() -> None:
    """Render, keep the passwords, and say how Asterisk is started."""
    options = _options()
    try:
        settings = load_settings(options.settings)
        site = load_site(settings.site)
        passwords = _passwords(options.phones)
        node = settings.asterisk[0]
        rendered = render(_plan(node, site, passwords, options.address, options.sip_port), options.folder)
    except (ConfigError, ToolchainError, OSError) as error:
        sys.exit(f"asterisk_of_site: {error}")
    for file, password in (
        (node.ari_password_file, rendered.ari_password),
        (node.ami_password_file, rendered.ami_password),
    ):
        if file is None:
            sys.exit("asterisk_of_site: the settings need ari_password_file and ami_password_file")
        _write_secret(file, password)
    sys.stdout.write(shlex.join(rendered.program.command("-C", rendered.conf, "-f")) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Asterisk's configuration for a site.")
    parser.add_argument("settings", type=Path, help="the settings file of `callrouter serve`")
    parser.add_argument("phones", type=Path, help="names and passwords, one pair a line")
    parser.add_argument("folder", type=Path, help="where the configuration goes")
    parser.add_argument("--address", default="127.0.0.1", help="address for SIP and audio")
    parser.add_argument("--sip-port", type=int, default=5060)
    return parser.parse_args()


def _passwords(file: Path) -> dict[str, str]:
    found = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        match line.split():
            case [name, password]:
                found[name] = password
            case [_, *_]:
                raise OSError(f"{file}:{number}: write a name, a blank and a password")
    return found


def _plan(node: Node, site: Site, passwords: dict[str, str], address: str, sip_port: int) -> AsteriskPlan:
    lacking = [seat for seat in site.seats if seat not in passwords]
    if lacking:
        raise OSError(f"no password for {', '.join(lacking)}: add them to the file of phones")
    night = [seat.seat for seat in site.floor.seats if any(one.queue == "night" for one in seat.queues)]
    return AsteriskPlan(
        asterisk_files(),
        address=address,
        sip_port=sip_port,
        http_port=urlsplit(node.ari_url).port or 8088,
        ami_port=node.ami_port,
        rtp_first=10_000,
        rtp_last=19_999,
        seats=tuple(SeatAccount(seat, passwords[seat], site.seats[seat].name) for seat in site.seats),
        trunks=tuple(_trunk(trunk, passwords) for trunk in site.directory.trunks.values()),
        night_group=tuple(night),
        sounds={"zh": site.folder.resolve() / "prompts" / "zh"},
        apology="technical_trouble",
    )


def _trunk(trunk: Trunk, passwords: dict[str, str]) -> TrunkAccount:
    return TrunkAccount(
        trunk.name,
        trunk.addresses,
        peer=trunk.proxy,
        codecs=trunk.codecs,
        transport=trunk.transport,
        qualify=trunk.options if trunk.proxy else 0,
        auth_user=trunk.user,
        auth_password=passwords.get(trunk.name, ""),
        user_eq_phone=trunk.user_phone,
        allow_transfer=trunk.refer,
    )


def _write_secret(file: Path, text: str) -> None:
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text + "\n")


if __name__ == "__main__":
    main()
