"""The two pieces of graph arithmetic the pool solver needs: cycles, and the rounds money makes inside one.

Pure functions over {pool: {pool: part}}; parts are exact decimals in the caller's decimal context.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal

Parts = Mapping[str, Mapping[str, Decimal]]


def components(edges: Mapping[str, Collection[str]]) -> list[tuple[str, ...]]:
    """The strongly connected groups of a graph, each before the groups it leads to; members sorted.

    Args:
        edges: {node: nodes it leads to}; every node is a key.
    """
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    found: list[tuple[str, ...]] = []
    for root in sorted(edges):
        work = [(root, iter(sorted(edges[root])))] if root not in index else []
        while work:
            node, children = work[-1]
            if node not in index:
                index[node] = low[node] = len(index)
                stack.append(node)
                on_stack.add(node)
            child = next((child for child in children if child not in index or child in on_stack), None)
            if child is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    found.append(_taken_off(stack, on_stack, node))
            elif child in index:
                low[node] = min(low[node], index[child])
            else:
                work.append((child, iter(sorted(edges[child]))))
    return found[::-1]


def _taken_off(stack: list[str], on_stack: set[str], root: str) -> tuple[str, ...]:
    position = stack.index(root)
    group = stack[position:]
    del stack[position:]
    on_stack.difference_update(group)
    return tuple(sorted(group))


def inverse(group: Sequence[str], parts: Parts) -> dict[str, dict[str, Decimal]]:
    """(I - A)^-1 of the pools of a cycle: how often a dollar that enters p passes x, as {p: {x: times}}.

    Gauss-Jordan elimination with the largest pivot. Some pool of the group must give something out of it, or the matrix has no
    inverse.
    """
    size = len(group)
    rows = [
        [Decimal(p == q) - parts[p].get(q, Decimal(0)) for q in group] + [Decimal(p == q) for q in group] for p in group
    ]
    for column in range(size):
        pivot = max(range(column, size), key=lambda row: abs(rows[row][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [value / rows[column][column] for value in rows[column]]
        for row in range(size):
            factor = rows[row][column]
            if row != column and factor:
                rows[row] = [value - factor * other for value, other in zip(rows[row], rows[column], strict=True)]
    return {p: {q: rows[i][size + j] for j, q in enumerate(group)} for i, p in enumerate(group)}
