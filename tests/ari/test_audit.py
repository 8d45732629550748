import msgspec

from callrouter.ari.audit import FieldAudit


class Inner(msgspec.Struct):
    id: str


class Outer(msgspec.Struct, tag_field="type"):
    inner: Inner | None = None
    from_: str = msgspec.field(default="", name="from")


def test_unknown_fields_are_counted_where_they_stand() -> None:
    audit = FieldAudit()
    audit.look(Outer, b'{"type":"Outer","from":"x","new":1,"inner":{"id":"1","deep":2}}')
    assert audit.unknown == {"Outer.new": 1, "Inner.deep": 1}


def test_what_is_counted_is_bounded() -> None:
    audit = FieldAudit()
    fields = ",".join(f'"{n}":1' for n in range(1000))
    audit.look(Outer, f"{{{fields}}}".encode())
    assert len(audit.unknown) == 256
