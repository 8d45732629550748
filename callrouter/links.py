"""From settings and site to what each link of a controller is told."""

import ssl

from acd.ids import SeatId
from callrouter.ami.client import AmiSettings
from callrouter.ari.client import AriSettings
from callrouter.feed.client import FeedSettings
from callrouter.lookups import HttpService, Service, SqlDatabase
from callrouter.settings import Feed, Node, Settings
from callrouter.site import Site


def ari_settings(node: Node) -> AriSettings:
    return AriSettings(url=node.ari_url.rstrip("/"), user=node.ari_user, password=node.password("ari"))


def feed_settings(feed: Feed) -> FeedSettings:
    host, _, port = feed.broker.rpartition(":")
    password = feed.password_file.read_text(encoding="utf-8").strip() if feed.password_file else None
    return FeedSettings(
        host=host or port,
        port=int(port) if host else (8883 if feed.tls else 1883),
        user=feed.user or None,
        password=password,
        tls=ssl.create_default_context(cafile=feed.ca_file) if feed.tls else None,
        numbers_to=feed.numbers_to,
    )


def ami_settings(node: Node) -> AmiSettings:
    return AmiSettings(
        host=node.ami_host, port=node.ami_port, user=node.ami_user, password=node.password("ami")
    )


def services(settings: Settings) -> dict[str, Service]:
    found: dict[str, Service] = {}
    for name, lookup in settings.lookups.items():
        if lookup.kind == "http":
            token = lookup.token_file.read_text(encoding="utf-8").strip() if lookup.token_file else ""
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            found[name] = HttpService(url=lookup.url, headers=headers)
        else:
            found[name] = SqlDatabase(url=lookup.url)
    return found


def phones(site: Site) -> dict[str, SeatId]:
    """Endpoints of seats' phones, as AMI names them."""
    return {plan.endpoint.removeprefix("PJSIP/"): seat for seat, plan in site.seats.items()}


def asked_trunks(site: Site) -> list[str]:
    """Trunks whose OPTIONS tell whether they live."""
    return [name for name, trunk in site.directory.trunks.items() if trunk.options]
