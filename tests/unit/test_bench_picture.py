"""The picture of the replay: four charts of its page, in the style of that page; it is not part of an sdist."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

pytest.importorskip("bench")

from bench.picture import CHARTS, picture

PAGE = "<style>.line { stroke: red; }</style>" + "".join(
    f'<svg viewBox="0 0 520 250" role="img" aria-label="{label}"><text>{label}</text></svg>' for label in CHARTS
)


def test_a_picture_has_the_charts_of_a_page() -> None:
    """It is an SVG with the page's style, each chart in a place of its own, and the name of each way."""
    root = ElementTree.fromstring(picture(PAGE))
    places = [group.get("transform") for group in root.iter("{http://www.w3.org/2000/svg}g")]
    assert len(set(places)) == len(places) == len(CHARTS)
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == [*CHARTS, "bare Avro", "codec alone", "guard"]
    assert ".line { stroke: red; }" in picture(PAGE)


def test_a_page_without_a_chart_is_refused() -> None:
    """A chart that the page does not have is named."""
    with pytest.raises(KeyError, match="Latency, p99"):
        picture(PAGE.replace("Latency, p99", "Latency, p98"))
