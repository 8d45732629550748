"""What can become of a caller: loops, traps and losses, found by walking every branch.

Exits carry who decides them (`Choice`). From that three things are proved:

* *No automatic loop.* The exits that no caller chooses (data, time, silence,
  mistakes, failures, lines that are busy) form no cycle, except through queues.
  So whoever presses nothing, or only wrong keys, arrives.
* *Nobody is lost.* A `hangup` is reached only by callers who have been *served*
  (person, callback, voicemail) or who have *chosen* their way by a key since the
  last failure or mistake, unless the node says why in `without_person`.
* *A person can be reached* in every flow, and every subflow comes back.

Subflows are walked once for each standing in which callers enter them, and
their effect on the caller is reused.
"""

from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import NamedTuple

from callrouter.flow.node import Choice, Exit, Placed
from callrouter.flow.nodes.hangup import Hangup
from callrouter.flow.nodes.return_ import Return
from callrouter.flow.nodes.subflow import Subflow
from callrouter.flow.program import Flow

Remark = tuple[tuple[str | int, ...], str, str]


class Standing(IntEnum):
    """What the caller has had so far."""

    NOTHING = 0
    CHOSEN = 1
    SERVED = 2


class State(NamedTuple):
    node: str
    standing: Standing


class Outcome(NamedTuple):
    """What walking a flow from one standing shows."""

    reached: Mapping[State, tuple[State, str] | None]
    """Every state with the state and branch it was first reached by."""
    returns: frozenset[tuple[str, Standing]]
    """(`as` word, standing) of every way back from a subflow."""


def after(standing: Standing, exit: Exit) -> Standing:
    """The caller's standing once `exit` is taken."""
    if exit.served:
        return Standing.SERVED
    if exit.choice is Choice.CALLER:
        return max(standing, Standing.CHOSEN)
    if exit.choice in (Choice.MISTAKE, Choice.FAILURE) and standing is Standing.CHOSEN:
        return Standing.NOTHING
    return standing


class Walks:
    """Walks over a set of flows that refer to each other."""

    def __init__(self, flows: Mapping[str, Flow]) -> None:
        self.flows = flows
        self._exits = {
            (flow.id, name): tuple(placed.body.exits())
            for flow in flows.values()
            for name, placed in flow.nodes.items()
        }
        self._outcomes: dict[tuple[str, Standing], Outcome] = {}
        self._ways: dict[str, frozenset[str]] = {}
        self.recursive = self._recursive()
        self._entries = self._entry_standings()

    def faults(self, flow: Flow, draft: bool = False) -> Iterator[Remark]:
        """What is wrong with a flow. In a draft nodes may be missing, so none is called unreachable."""
        if flow.id in self.recursive:
            yield ("flow",), f"flow {flow.id!r} calls itself, directly or through others", "Break the circle"
            return
        if not draft:
            yield from self._unreachable(flow)
        yield from self._loops(flow)
        yield from self._losses(flow)
        yield from self._ends(flow)

    def notices(self, flow: Flow) -> Iterator[Remark]:
        """Subflows that nothing calls."""
        if flow.subflow and not self._entries.get(flow.id):
            yield ("flow",), f"no flow calls the subflow {flow.id!r}", "Remove it, or call it"

    # --- walking -----------------------------------------------------------------------------

    def outcome(self, flow: Flow, entry: Standing) -> Outcome:
        """Everything a caller who enters with this standing may come to."""
        key = (flow.id, entry)
        if key not in self._outcomes:
            self._outcomes[key] = self._walk(flow, entry)
        return self._outcomes[key]

    def _walk(self, flow: Flow, entry: Standing) -> Outcome:
        waiting = [State(flow.start, entry)] if flow.start in flow.nodes else []
        if flow.person is not None and flow.person in flow.nodes:
            waiting.append(State(flow.person, Standing.NOTHING))  # any node may fail
        reached: dict[State, tuple[State, str] | None] = dict.fromkeys(waiting)
        returns: set[tuple[str, Standing]] = set()
        while waiting:
            state = waiting.pop()
            placed = flow.nodes[state.node]
            if type(placed.body) is Return:
                returns.add((placed.body.way, state.standing))
            for label, target, standing in self._moves(flow, placed, state.standing):
                name = target if target is not None else flow.person
                if name is None or name not in flow.nodes:
                    continue
                following = State(name, standing)
                if following not in reached:
                    reached[following] = (state, label)
                    waiting.append(following)
        return Outcome(reached, frozenset(returns))

    def _moves(
        self, flow: Flow, placed: Placed, standing: Standing
    ) -> Iterator[tuple[str, str | None, Standing]]:
        exits = self._exits[flow.id, placed.name]
        callee = self._callee(placed)
        if callee is None:
            for exit in exits:
                yield exit.label, exit.target, after(standing, exit)
            return
        targets = {exit.label: exit.target for exit in exits}
        for way, then in self.outcome(callee, standing).returns:
            label = f"as {way}" if f"as {way}" in targets else "next"
            yield label, targets[label], then

    def _callee(self, placed: Placed) -> Flow | None:
        if type(placed.body) is Subflow:
            callee = self.flows.get(placed.body.flow)
            if callee is not None and callee.id not in self.recursive:
                return callee
        return None

    def _recursive(self) -> frozenset[str]:
        calls = {
            flow.id: {p.body.flow for p in flow.nodes.values() if type(p.body) is Subflow}
            for flow in self.flows.values()
        }
        circles = components({name: sorted(called & set(calls)) for name, called in calls.items()})
        return frozenset(name for circle in circles for name in circle)

    def _entry_standings(self) -> dict[str, set[Standing]]:
        """With which standing callers enter each flow, found from the flows that calls begin in."""
        entries: dict[str, set[Standing]] = {}
        waiting = [(flow, Standing.NOTHING) for flow in self.flows.values() if not flow.subflow]
        while waiting:
            flow, standing = waiting.pop()
            if flow.id in self.recursive or standing in entries.setdefault(flow.id, set()):
                continue
            entries[flow.id].add(standing)
            for state in self.outcome(flow, standing).reached:
                if (callee := self._callee(flow.nodes[state.node])) is not None:
                    waiting.append((callee, state.standing))
        return entries

    # --- what is wrong -----------------------------------------------------------------------------

    def _unreachable(self, flow: Flow) -> Iterator[Remark]:
        seen = {state.node for state in self.outcome(flow, Standing.NOTHING).reached}
        for name in flow.nodes:
            if name not in seen:
                yield ("nodes", name), f"no way leads to node {name!r}", "Remove it, or lead somewhere to it"

    def _loops(self, flow: Flow) -> Iterator[Remark]:
        edges = {name: sorted(self._automatic(flow, placed)) for name, placed in flow.nodes.items()}
        for circle in components(edges):
            way = " → ".join([*circle, circle[0]])
            message = f"callers who press nothing, or wrong keys, go round for ever: {way}"
            hint = "Lead silence and mistakes on to a person; repeat a prompt with `tries`"
            yield ("nodes", circle[0]), message, hint

    def _automatic(self, flow: Flow, placed: Placed) -> set[str]:
        """Nodes that follow without the caller's choice, and without a wait for a person."""
        if placed.body.awaits_person:
            return set()
        exits = self._exits[flow.id, placed.name]
        if (callee := self._callee(placed)) is not None:
            labels = {exit.label for exit in exits}
            taken = {f"as {w}" if f"as {w}" in labels else "next" for w in self._automatic_ways(callee)}
            exits = tuple(exit for exit in exits if exit.label in taken)
        targets = {exit.target for exit in exits if exit.target and exit.choice is not Choice.CALLER}
        return targets & flow.nodes.keys()

    def _automatic_ways(self, flow: Flow) -> frozenset[str]:
        """`as` words that a subflow may return without the caller pressing anything."""
        if flow.id not in self._ways:
            waiting = [flow.start] if flow.start in flow.nodes else []
            seen, ways = set(waiting), set()
            while waiting:
                placed = flow.nodes[waiting.pop()]
                if type(placed.body) is Return:
                    ways.add(placed.body.way)
                fresh = self._automatic(flow, placed) - seen
                seen |= fresh
                waiting += fresh
            self._ways[flow.id] = frozenset(ways)
        return self._ways[flow.id]

    def _losses(self, flow: Flow) -> Iterator[Remark]:
        for entry in sorted(self._entries.get(flow.id, ())):
            reached = self.outcome(flow, entry).reached
            for state in reached:
                placed = flow.nodes[state.node]
                if type(placed.body) is not Hangup or placed.body.without_person:
                    continue
                if state.standing is Standing.NOTHING:
                    message = f"callers are hung up on who have reached nobody: {path_to(state, reached)}"
                    hint = "Lead them to a person, or say why not in `without_person`"
                    yield placed.path, message, hint

    def _ends(self, flow: Flow) -> Iterator[Remark]:
        bodies = [placed.body for placed in flow.nodes.values()]
        if flow.subflow:
            if not any(type(body) is Return for body in bodies):
                yield ("flow",), f"the subflow {flow.id!r} never comes back", "Add a `return` node"
            return
        for placed in flow.nodes.values():
            if type(placed.body) is Return:
                yield (
                    placed.path,
                    "`return` belongs into a subflow",
                    "Write `subflow: true` at the top, or hang up",
                )


def path_to(state: State, reached: Mapping[State, tuple[State, str] | None]) -> str:
    """One way to `state`, in words."""
    steps = [state.node]
    step = reached[state]
    while step is not None:
        before, label = step
        steps.append(f"{before.node} ({label})")
        step = reached[before]
    return " → ".join(reversed(steps))


def components(edges: Mapping[str, list[str]]) -> list[list[str]]:
    """The cycles of a graph: strongly connected components of two or more, and loops onto oneself.

    Tarjan's algorithm (1972), without recursion.
    """
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    found: list[list[str]] = []
    for root in edges:
        if root in order:
            continue
        work: list[tuple[str, int]] = [(root, 0)]
        while work:
            node, at = work.pop()
            if at == 0:
                order[node] = low[node] = len(order)
                stack.append(node)
                on_stack.add(node)
            targets = edges.get(node, [])
            while at < len(targets):
                target = targets[at]
                at += 1
                if target not in order:
                    work += [(node, at), (target, 0)]
                    break
                if target in on_stack:
                    low[node] = min(low[node], order[target])
            else:
                if low[node] == order[node]:
                    circle = stack[stack.index(node) :]
                    del stack[stack.index(node) :]
                    on_stack.difference_update(circle)
                    if len(circle) > 1 or node in targets:
                        found.append(circle)
                if work:
                    parent = work[-1][0]
                    low[parent] = min(low[parent], low[node])
    return found
