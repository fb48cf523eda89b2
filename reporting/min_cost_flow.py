"""Cheapest whole-numbered flow through a small network (successive shortest paths with potentials).

Costs are non-negative whole numbers of any size, so results are exact. Ties are broken by the order in
which nodes and arcs were added, so the same network always gives the same flow.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable


class FlowNetwork:
    """A directed network; arcs are added once, then `send` routes units at least cost."""

    def __init__(self) -> None:
        self._nodes: dict[Hashable, int] = {}
        self._out: list[list[int]] = []
        # Arc 2k is the k-th arc added, arc 2k + 1 its way back.
        self._head: list[int] = []
        self._room: list[int] = []
        self._cost: list[int] = []

    def add_arc(self, tail: Hashable, head: Hashable, *, capacity: int, cost: int) -> int:
        """Add an arc and return its number, for `flow`.

        Raises:
            ValueError: a negative cost or capacity.
        """
        if capacity < 0 or cost < 0:
            raise ValueError(
                f"arc {tail} -> {head}: capacity {capacity} and cost {cost} must not be negative"
            )
        start, end = self._node(tail), self._node(head)
        number = len(self._head)
        for arc_tail, arc_head, room, price in ((start, end, capacity, cost), (end, start, 0, -cost)):
            self._out[arc_tail].append(len(self._head))
            self._head.append(arc_head)
            self._room.append(room)
            self._cost.append(price)
        return number

    def flow(self, arc: int) -> int:
        """Units sent over an arc."""
        return self._room[arc + 1]

    def send(self, units: int, *, source: Hashable, sink: Hashable) -> None:
        """Send `units` from source to sink at the least total cost.

        Raises:
            ValueError: the network cannot carry that many units.
        """
        start, end = self._node(source), self._node(sink)
        potential = [0] * len(self._out)
        for sent in range(units):
            distance, last_arc = self._shortest_paths(start, end, potential)
            reached = distance[end]
            if reached is None:
                raise ValueError(f"the network carries {sent} units, not {units}")
            for node, length in enumerate(distance):
                potential[node] += reached if length is None else min(length, reached)
            node = end
            while node != start:
                arc = last_arc[node]
                self._room[arc] -= 1
                self._room[arc ^ 1] += 1
                node = self._head[arc ^ 1]

    def _node(self, name: Hashable) -> int:
        if name not in self._nodes:
            self._nodes[name] = len(self._out)
            self._out.append([])
        return self._nodes[name]

    def _shortest_paths(
        self, start: int, end: int, potential: list[int]
    ) -> tuple[list[int | None], list[int]]:
        """Dijkstra over arcs with room left, until `end` is settled.

        Returns:
            Reduced distance of each node (None: not reached) and the last arc of the way to it.
        """
        distance: list[int | None] = [None] * len(self._out)
        last_arc = [-1] * len(self._out)
        distance[start] = 0
        queue = [(0, start)]
        while queue:
            length, node = heapq.heappop(queue)
            if length != distance[node]:
                continue
            if node == end:
                break
            for arc in self._out[node]:
                if not self._room[arc]:
                    continue
                head = self._head[arc]
                candidate = length + self._cost[arc] + potential[node] - potential[head]
                known = distance[head]
                if known is None or candidate < known:
                    distance[head], last_arc[head] = candidate, arc
                    heapq.heappush(queue, (candidate, head))
        return distance, last_arc
