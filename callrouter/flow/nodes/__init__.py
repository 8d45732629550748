"""The verbs of the flow language, one a file."""

from collections.abc import Mapping
from typing import Final

from callrouter.flow.node import Node
from callrouter.flow.nodes.callback import Callback
from callrouter.flow.nodes.collect import Collect
from callrouter.flow.nodes.consent import Consent
from callrouter.flow.nodes.hangup import Hangup
from callrouter.flow.nodes.hours import Hours
from callrouter.flow.nodes.http import Http
from callrouter.flow.nodes.language import Language
from callrouter.flow.nodes.menu import Menu
from callrouter.flow.nodes.play import Play
from callrouter.flow.nodes.queue import Queue
from callrouter.flow.nodes.return_ import Return
from callrouter.flow.nodes.set import Set
from callrouter.flow.nodes.sql import Sql
from callrouter.flow.nodes.subflow import Subflow
from callrouter.flow.nodes.survey import Survey
from callrouter.flow.nodes.switch import Switch
from callrouter.flow.nodes.transfer import Transfer
from callrouter.flow.nodes.voicemail import Voicemail

VERBS: Final[Mapping[str, type[Node]]] = {
    kind.verb: kind
    for kind in (
        Play, Menu, Collect, Hours, Switch, Set, Language, Queue, Transfer, Callback, Voicemail, Consent,
        Http, Sql, Subflow, Return, Survey, Hangup,
    )
}  # fmt: skip
"""Every verb by its YAML key."""
