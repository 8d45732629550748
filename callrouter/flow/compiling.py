"""One flow document into a `Flow`: schema, names within the flow, expressions, types."""

from collections.abc import Iterator, Sequence
from typing import Final

from callrouter.config.document import ConfigError, Document, Fault, parse
from callrouter.config.validation import did_you_mean
from callrouter.flow.expression import DEFAULTS, Checker, Expression, ExpressionError, UnknownName, fits
from callrouter.flow.node import Node, Placed, Say, Typed
from callrouter.flow.nodes import VERBS
from callrouter.flow.program import BUILT_IN, Flow, FlowModel, Variable

NOTE: Final = "note"
"""Beside its verb a node may carry a remark for colleagues; it is shown on the graph."""

Path = tuple[str | int, ...]


def compile_flow(document: Document) -> Flow:
    """A flow fit to run. Raises ConfigError with every fault that shows without looking at other files."""
    flow, faults = compile_draft(document)
    if faults or flow is None:
        raise ConfigError(faults)
    return flow


def compile_draft(document: Document) -> tuple[Flow | None, tuple[Fault, ...]]:
    """What can be made of a document, for further checks, and its faults. With faults it must not run."""
    faults: list[Fault] = []
    try:
        model = parse(document, FlowModel)
    except ConfigError as error:
        faults += error.faults
        try:
            model = parse(document, FlowModel, unknown_keys="ignore")
        except ConfigError:
            return None, tuple(faults)
    compiler = _Compiler(document, model)
    flow = compiler.compile()
    return flow, (*faults, *compiler.faults)


class _Compiler:
    def __init__(self, document: Document, model: FlowModel) -> None:
        self.document = document
        self.model = model
        self.faults: list[Fault] = []
        names = {name: variable.type for name, variable in model.variables.items()}
        self.checker = Checker({**BUILT_IN, **names})
        self.expressions: dict[str, Expression] = {}

    def compile(self) -> Flow:
        model = self.model
        nodes = {name: placed for name in model.nodes if (placed := self._node(name)) is not None}
        defaults = {name: self._default(name, variable) for name, variable in model.variables.items()}
        for name in ("start", "person"):
            target = getattr(model, name)
            if target is not None and target not in model.nodes:
                self._fault((name,), f"no node is called {target!r}", did_you_mean(target, model.nodes))
        self._check_person(nodes)
        for placed in nodes.values():
            self._check_node(placed)
        return Flow(
            id=model.flow, title=model.title, file=self.document.name, languages=model.languages,
            person=model.person if model.person in model.nodes else None, subflow=model.subflow,
            start=model.start, nodes=nodes, variables=model.variables, defaults=defaults,
            expressions=self.expressions,
            secret=frozenset(name for name, variable in model.variables.items() if variable.secret),
        )  # fmt: skip

    def _node(self, name: str) -> Placed | None:
        path: Path = ("nodes", name)
        keys = [key for key in self.model.nodes[name] if key != NOTE]
        if len(keys) != 1:
            strange = [key for key in keys if key not in VERBS]
            if not keys:
                hint = "Choose one of: " + ", ".join(VERBS)
            elif strange:
                hint = f"Is {strange[0]!r} a node of its own? Then indent it like {name!r}"
            else:
                hint = "Split it into several nodes"
            self._fault(path, f"node {name!r} must have exactly one verb, not {len(keys)}", hint, key=True)
            return None
        verb = keys[0]
        if verb not in VERBS:
            self._fault((*path, verb), f"unknown verb {verb!r}", did_you_mean(verb, VERBS), key=True)
            return None
        try:
            body: Node = parse(self.document, VERBS[verb], (*path, verb))
        except ConfigError as error:
            self.faults += error.faults
            try:
                body = parse(self.document, VERBS[verb], (*path, verb), unknown_keys="ignore")
            except ConfigError:
                return None
        line, _ = self.document.position(path, key=True)
        exits = {exit.label: exit.target for exit in body.exits()}
        note = self.model.nodes[name].get(NOTE, "")
        if not isinstance(note, str):
            self._fault((*path, NOTE), "a note must be text", "Put it in quotes")
        return Placed(name, line, body, exits, (*path, verb), str(note)[:400])

    def _check_person(self, nodes: dict[str, Placed]) -> None:
        model = self.model
        if model.subflow:
            if model.person is not None:
                self._fault(
                    ("person",), "a subflow has no person of its own", "Remove it: the caller's is taken"
                )
        elif model.person is None:
            self._fault((), "`person` is missing", "Name the queue node that `0` and every failure lead to")
        elif (placed := nodes.get(model.person)) is not None and placed.body.verb != "queue":
            self._fault(
                ("person",), f"{model.person!r} is no queue node", "A person is reached through a queue"
            )

    def _check_node(self, placed: Placed) -> None:
        for exit in placed.body.exits():
            if exit.target is not None and exit.target not in self.model.nodes:
                hint = did_you_mean(exit.target, self.model.nodes)
                self._fault((*placed.path, *exit.path), f"no node is called {exit.target!r}", hint)
        for typed in (*placed.body.expressions(), *_in_prompts(placed.body)):
            self._compile(typed, placed.path)
        for assigned in placed.body.assigns():
            self._check_assignment(assigned.variable, assigned.kind, (*placed.path, *assigned.path))
        for variable, source, path in placed.body.fills():
            self._compile(Typed(source, "", path), placed.path)
            kind = self.expressions[source].kind if source in self.expressions else "any"
            self._check_assignment(variable, kind, (*placed.path, *path))

    def _compile(self, typed: Typed, at: Sequence[str | int]) -> None:
        path = (*at, *typed.path)
        try:
            expression = self.checker.compile(typed.source)
        except UnknownName as error:
            self._fault(path, f"{error} in {typed.source!r}", did_you_mean(error.name, self.checker.names))
            return
        except ExpressionError as error:
            self._fault(path, f"{typed.source!r}: {error} (at character {error.column})", error.hint)
            return
        if typed.kind and not fits(expression.kind, typed.kind):
            hint = "Compare it with something: ==, !=, <, >, in" if typed.kind == "bool" else ""
            self._fault(path, f"{typed.source!r} is {expression.kind}, but {typed.kind} is needed", hint)
        self.expressions[typed.source] = expression

    def _check_assignment(self, variable: str, kind: str, path: Path) -> None:
        if variable in BUILT_IN:
            self._fault(path, f"{variable!r} is read-only", "Choose another name for the variable")
        elif (known := self.model.variables.get(variable)) is None:
            hint = did_you_mean(variable, self.model.variables) or "Declare it under `variables:`"
            self._fault(path, f"variable {variable!r} is not declared", hint)
        elif kind == "digits" and known.type not in ("string", "int"):
            self._fault(path, f"{variable!r} is {known.type}, but digits need string or int")
        elif kind != "digits" and not fits(kind, known.type):
            self._fault(path, f"{variable!r} is {known.type}, but is given {kind}")

    def _default(self, name: str, variable: Variable) -> object:
        path = ("variables", name)
        if name in BUILT_IN:
            self._fault(path, f"{name!r} is built in", "Choose another name", key=True)
        if variable.default is None:
            return DEFAULTS[variable.type]
        wanted = type(DEFAULTS[variable.type])
        if type(variable.default) is not wanted and not (wanted is float and type(variable.default) is int):
            self._fault((*path, "default"), f"the default of {name!r} is not {variable.type}")
        return wanted(variable.default) if wanted is float else variable.default  # type: ignore[arg-type]

    def _fault(self, path: Sequence[str | int], message: str, hint: str = "", *, key: bool = False) -> None:
        self.faults.append(self.document.fault(path, message, hint, key=key))


def _in_prompts(body: Node) -> Iterator[Typed]:
    for prompts, path in body.said():
        for index, item in enumerate(prompts):
            if isinstance(item, Say) and item.spoken[0] != "prompt":
                kind, source = item.spoken
                yield Typed(source, "", (*path, index, kind))
