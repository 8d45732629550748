"""What `/metrics` tells besides the screens' snapshot, gathered from the parts of the controller."""

from collections.abc import Iterator, Mapping

from acd.ids import Instant, NodeId
from acd.service_level import micros
from callrouter.ami.client import AmiClient
from callrouter.ari.client import AriClient
from callrouter.controller import Controller
from callrouter.feed.client import FeedClient
from callrouter.store.writer import RecordWriter, StoreHealth
from callrouter.web.metrics import Counted, Figures


def gathered(
    controller: Controller,
    writer: RecordWriter,
    ari: Mapping[NodeId, AriClient],
    ami: Mapping[NodeId, AmiClient],
    feed: FeedClient | None,
    now: Instant,
) -> Figures:
    """As of now; quick enough to be asked every second."""
    store = writer.health()
    links = {f"ari/{name}": client.connected for name, client in ari.items()}
    links |= {f"ami/{name}": client.connected for name, client in ami.items()}
    if feed is not None:
        links["mqtt"] = feed.health.connected
    day = writer.rolling.at(micros(now))
    return Figures(
        answer_rate_24h=(day.answered, day.offered),
        calls_by_outcome=dict(writer.outcomes),
        loop_delay_buckets=controller.delays.buckets(),
        loop_delay_sum=controller.delays.total_seconds,
        links=links,
        store_available=store.available,
        store_lag=store.behind,
        store_queued=store.queued,
        store_spilled_bytes=store.spilled_bytes,
        store_lost=store.lost,
        outbox=feed.health.waiting if feed is not None else None,
        counters=(*_of_ari(ari), *_of_ami(ami), _of_store(store), *_of_feed(feed)),
    )


def _of_ari(clients: Mapping[NodeId, AriClient]) -> Iterator[Counted]:
    """Label sets are bounded: nodes by the settings, commands by our code, statuses by HTTP."""
    metrics = {str(node): client.metrics for node, client in clients.items()}
    yield Counted(
        "callrouter_ari_connections",
        "Connections to Asterisk's REST interface that came up.",
        ("node",),
        {(node,): one.connections for node, one in metrics.items()},
    )
    yield Counted(
        "callrouter_ari_requests",
        "Commands sent to Asterisk.",
        ("node", "command"),
        {(node, name): count for node, one in metrics.items() for name, count in one.requests.items()},
    )
    yield Counted(
        "callrouter_ari_failures",
        "Commands that Asterisk refused, by HTTP status; 0: no answer.",
        ("node", "status"),
        {
            (node, str(status)): count
            for node, one in metrics.items()
            for status, count in one.failures.items()
        },
    )
    yield Counted(
        "callrouter_ari_late_replies",
        "Answers that came after they had been given up.",
        ("node",),
        {(node,): one.late_replies for node, one in metrics.items()},
    )


def _of_ami(clients: Mapping[NodeId, AmiClient]) -> Iterator[Counted]:
    yield Counted(
        "callrouter_ami_connections",
        "Logins to Asterisk's manager interface.",
        ("node",),
        {(str(node),): client.connections for node, client in clients.items()},
    )
    yield Counted(
        "callrouter_ami_events",
        "Events from Asterisk's manager interface.",
        ("node",),
        {(str(node),): client.events.total() for node, client in clients.items()},
    )


def _of_store(store: StoreHealth) -> Counted:
    return Counted(
        "callrouter_store_entries",
        "Entries by what became of them; rejected and damaged ones lie in the spill folder.",
        ("result",),
        {(name,): getattr(store, name) for name in ("written", "lost", "rejected", "damaged")},
    )


def _of_feed(feed: FeedClient | None) -> Iterator[Counted]:
    if feed is None:
        return
    health = feed.health
    yield Counted(
        "callrouter_feed_messages",
        "Messages to and from the broker; dead letters are received ones that could not be taken.",
        ("what",),
        {
            ("sent",): health.sent,
            ("repeated",): health.repeated,
            ("received",): health.received,
            ("dead_letters",): health.dead_letters,
        },
    )
