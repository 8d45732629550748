"""Which fields does this Asterisk send that our models do not know?

Looking at every message would double the cost of decoding, so each event type
is looked at when first seen and then at every `EVERY`-th message.
"""

from collections import Counter
from collections.abc import Mapping

import msgspec

EVERY = 4096
_MOST = 256


class FieldAudit:
    """`unknown` counts sightings by ``Type.field``, nested models included."""

    def __init__(self) -> None:
        self.unknown: Counter[str] = Counter()

    def look(self, model: type[msgspec.Struct], data: bytes) -> None:
        """`data` is a message that has been decoded as `model`, hence is sound JSON."""
        self._compare(msgspec.json.decode(data, type=dict[str, object]), model)

    def _compare(self, said: Mapping[str, object], model: type[msgspec.Struct]) -> None:
        known = {field.encode_name: field.type for field in msgspec.structs.fields(model)}
        tag = model.__struct_config__.tag_field
        for name, value in said.items():
            if name in known:
                nested = _model_of(known[name])
                if nested is not None and isinstance(value, dict):
                    self._compare(value, nested)
            elif name != tag and len(self.unknown) < _MOST:
                self.unknown[f"{model.__name__}.{name[:64]}"] += 1


def _model_of(kind: object) -> type[msgspec.Struct] | None:
    for candidate in (kind, *getattr(kind, "__args__", ())):
        if isinstance(candidate, type) and issubclass(candidate, msgspec.Struct):
            return candidate
    return None
