"""Vega-Lite to inline SVG: rendered in process, checked, and made fit to stand in a page beside others.

The renderer escapes text from outside; the check here proves that nothing but drawing elements came out.
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import vl_convert

VEGA_LITE_VERSION = "6.4"
_DRAWING = frozenset(
    {
        "svg",
        "g",
        "path",
        "line",
        "rect",
        "text",
        "tspan",
        "defs",
        "clipPath",
        "title",
        "linearGradient",
        "stop",
    }
)
_SIZE = re.compile(r'<svg([^>]*?) width="([0-9.]+)" height="([0-9.]+)"')


def inline_svg(specification: dict[str, Any], *, name: str, description: str) -> str:
    """The chart as an `<svg>` element that scales to its column.

    Args:
        specification: a Vega-Lite specification with its data inside.
        name: unique on the page; prefixes the ids inside the SVG.
        description: what the chart shows, for screen readers.

    Raises:
        ValueError: the drawing holds anything but drawing elements.
    """
    drawn = vl_convert.vegalite_to_svg(specification, vl_version=VEGA_LITE_VERSION, allowed_base_urls=[])
    root = ElementTree.fromstring(drawn)
    foreign = sorted({_local(element.tag) for element in root.iter()} - _DRAWING)
    if foreign:
        raise ValueError(f"chart {name} holds elements that do not draw: {', '.join(foreign)}")
    for identifier in sorted({element.get("id", "") for element in root.iter()} - {""}):
        drawn = drawn.replace(f'id="{identifier}"', f'id="{name}-{identifier}"')
        drawn = drawn.replace(f"url(#{identifier})", f"url(#{name}-{identifier})")
    label = (
        ElementTree.tostring(_labelled(description), encoding="unicode")
        .split("<svg", 1)[1]
        .rsplit("/>", 1)[0]
    )
    return _SIZE.sub(rf"<svg\1{label}", drawn, count=1)


def _labelled(description: str) -> ElementTree.Element:
    return ElementTree.Element("svg", {"role": "img", "aria-label": description})


def _local(tag: str) -> str:
    return tag.rsplit("}", 1)[-1]
