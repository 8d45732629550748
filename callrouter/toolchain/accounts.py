"""The directory's trunks as accounts of an Asterisk."""

from collections.abc import Mapping

from callrouter.directory import Directory, Trunk
from callrouter.toolchain.plan import TrunkAccount


def trunk_accounts(
    directory: Directory,
    *,
    proxies: Mapping[str, str] | None = None,
    addresses: Mapping[str, tuple[str, ...]] | None = None,
    passwords: Mapping[str, str] | None = None,
) -> tuple[TrunkAccount, ...]:
    """An account for each trunk. What the settings say goes before what the directory says.

    `proxies` (``host:port``), `addresses` and `passwords` are by trunk name.
    Raises `PlanError` for values that can't stand in a configuration, KeyError
    for a trunk that the directory doesn't have.
    """
    proxies, addresses, passwords = proxies or {}, addresses or {}, passwords or {}
    for name in (*proxies, *addresses, *passwords):
        if name not in directory.trunks:
            raise KeyError(name)
    return tuple(
        _account(
            trunk,
            proxies.get(name, trunk.proxy),
            addresses.get(name, trunk.addresses),
            passwords.get(name, ""),
        )
        for name, trunk in directory.trunks.items()
    )


def _account(trunk: Trunk, proxy: str, addresses: tuple[str, ...], password: str) -> TrunkAccount:
    return TrunkAccount(
        name=trunk.name,
        addresses=addresses,
        peer=proxy,
        codecs=trunk.codecs,
        transport=trunk.transport,
        qualify=trunk.options if proxy else 0,
        auth_user=trunk.user if password else "",
        auth_password=password,
        user_eq_phone=trunk.user_phone,
    )
