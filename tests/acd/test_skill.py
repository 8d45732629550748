import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.skill import (
    ANYONE,
    AllOf,
    AnyOf,
    Demand,
    Has,
    SkillError,
    Without,
    lacking,
    names,
    parse,
    proficiency,
    relax,
    render,
    satisfied,
)

SKILLS = ("zh", "bo-amdo", "bo-kham", "legal")
leaves = st.builds(Has, st.sampled_from(SKILLS), st.integers(1, 10))
demands = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(AllOf, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(AnyOf, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Without, inner),
    ),
    max_leaves=8,
)
levels = st.dictionaries(st.sampled_from(SKILLS), st.integers(0, 10))


def test_grammar() -> None:
    assert parse(" ") is ANYONE
    assert parse("zh") == Has("zh", 1)
    assert parse("(bo-kham>=2 | bo-amdo >= 3) & !legal") == AllOf(
        (AnyOf((Has("bo-kham", 2), Has("bo-amdo", 3))), Without(Has("legal", 1)))
    )
    assert parse("藏语>=2") == Has("藏语", 2)


@pytest.mark.parametrize(
    ("source", "column"),
    [
        ("zh &", 5),
        ("zh zh", 4),
        ("(zh", 4),
        ("zh>=11", 5),
        ("zh>=0", 5),
        ("zh>=", 5),
        ("zh = 3", 4),
        ("&", 1),
        ("zh>=99999999999999999999", 5),
        ("zh\x00", 3),
    ],
)
def test_mistakes_are_located(source: str, column: int) -> None:
    with pytest.raises(SkillError) as mistake:
        parse(source)
    assert mistake.value.column == column


def test_hostile_sources_are_refused() -> None:
    for source in ("(" * 400, "!" * 400, "zh&" * 400):
        with pytest.raises(SkillError):
            parse(source)


@given(demands, levels)
def test_rendering_keeps_the_meaning(demand: Demand, have: dict[str, int]) -> None:
    assert satisfied(parse(render(demand)), have) == satisfied(demand, have)


@given(demands, levels, st.frozensets(st.sampled_from(SKILLS)), st.integers(0, 9))
def test_relaxing_never_shuts_anybody_out(
    demand: Demand, have: dict[str, int], drop: frozenset[str], lower: int
) -> None:
    if satisfied(demand, have):
        assert satisfied(relax(demand, drop=drop, lower=lower), have)


@given(demands, levels)
def test_lacking_names_something_exactly_when_unsatisfied(demand: Demand, have: dict[str, int]) -> None:
    assert bool(lacking(demand, have)) is not satisfied(demand, have)


def test_relaxing_drops_and_lowers() -> None:
    demand = parse("bo-kham>=4 & legal & !zh")
    assert render(relax(demand, drop=frozenset({"legal"}), lower=2)) == "bo-kham>=2 & !zh"
    assert relax(parse("legal>=2 | zh"), lower=9) == parse("legal | zh")
    assert relax(parse("legal"), drop=frozenset({"legal"})) is ANYONE
    assert relax(parse("!zh"), drop=frozenset({"zh"})) is ANYONE


def test_proficiency_counts_each_skill_asked_for_once() -> None:
    assert (
        proficiency(parse("bo-kham & (bo-kham>=3 | legal) & !zh"), {"bo-kham": 5, "legal": 2, "zh": 9}) == 7
    )
    assert names(parse("a & (b | !a)")) == ("a", "b")


def test_lacking_is_specific() -> None:
    assert lacking(parse("bo-kham>=3 & legal & zh"), {"zh": 1, "bo-kham": 2}) == ("bo-kham>=3", "legal")
