"""Definitions are put in an order in which they can be run, which depends on nothing but what they are."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from fsapi_nb.catalog.ddl.definition import Definition, Inline, ObjectAddress
from fsapi_nb.catalog.ddl.order import in_order
from fsapi_nb.catalog.ddl.script import block_of

Graph = list[tuple[str, int | None, set[int]]]
KINDS = ("table", "view", "function", "index", "default value", "sequence")


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Kinds of objects, the table that each belongs to, and what each needs: anything, itself by way of others too."""
    size = draw(st.integers(1, 9))
    graph: Graph = []
    for number in range(size):
        kind = draw(st.sampled_from(KINDS))
        tables = [other for other in range(number) if graph[other][0] == "table"]
        parent = draw(st.sampled_from(tables)) if tables and kind in {"index", "default value"} else None
        graph.append((kind, parent, draw(st.sets(st.integers(0, size - 1), max_size=3)) - {number}))
    return graph


def definitions(graph: Graph, oids: list[int]) -> list[Definition]:
    """The definitions of a graph, whose numbers are these."""
    addresses = [
        ObjectAddress("pg_proc" if kind == "function" else "pg_class", oids[i]) for i, (kind, _, _) in enumerate(graph)
    ]
    made = []
    for number, (kind, parent, needs) in enumerate(graph):
        text, has_stub = f"CREATE {number}", kind in {"view", "function"}
        definition = Definition(
            addresses[number],
            kind,
            f"n{number}",
            (f"{text};",),
            f"DROP {number};",
            frozenset(addresses[need] for need in {*needs, *([] if parent is None else [parent])}),
            None if parent is None else addresses[parent],
            Inline(0, f"inline {number}") if kind == "default value" and parent is not None else None,
            {0: len(text)} if kind == "table" else {},
        )
        if has_stub:
            definition = replace(definition, stub=(f"STUB {number};",), full=(f"FULL {number};",))
        made.append(definition)
    return made


@settings(max_examples=300, deadline=None)
@given(graphs(), st.randoms(use_true_random=False))
def test_neither_numbers_nor_the_order_of_reading_matter(graph: Graph, random: Random) -> None:
    """The same objects, read in another order and with other OIDs, give the same text."""
    oids = [*range(len(graph))]
    text = block_of(in_order(definitions(graph, oids), {}, {})[0])
    random.shuffle(oids)
    others = definitions(graph, oids)
    random.shuffle(others)
    assert block_of(in_order(others, {}, {})[0]) == text


@settings(max_examples=300, deadline=None)
@given(graphs())
def test_what_is_needed_comes_first(graph: Graph) -> None:
    """Each object is made once, after all that it needs or a stub of that; where there is no such order, that is said."""
    ordered, unwritten = in_order(definitions(graph, [*range(len(graph))]), {}, {})
    impossible = {each.identity for each in unwritten}
    there: set[ObjectAddress] = set()
    for each in ordered:
        if each.create[0].startswith("STUB"):
            assert each.address not in there
        elif each.identity not in impossible:
            assert each.needs - {each.address} <= there
        there.add(each.address)
    made = sorted(each.identity for each in ordered if not each.create[0].startswith("STUB"))
    assert made == [f"n{number}" for number in range(len(graph))]
