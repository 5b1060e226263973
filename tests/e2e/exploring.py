"""What browser tests of Explore look at and do."""

from __future__ import annotations

import re

from playwright.sync_api import FloatRect, Locator, Page, expect

from spafit.export.link import Shared, to_link
from spafit.stratification import preset

DEEP = f"explore?s={to_link(Shared('llama-3.1-405b', preset('spafit', 126)))}"
"""The deepest model of the catalogue: 126 layers."""
BERT = f"explore?s={to_link(Shared('bert-large-cased', preset('spafit', 24, 8, 16)))}"


def boundary(page: Page, number: int) -> Locator:
    """Return a boundary's slider on the main ribbon."""
    return page.get_by_role("slider", name=f"boundary {number}", exact=True).first


def said(page: Page) -> Locator:
    """Return the line with the setting's name and count, as Python wrote it."""
    return page.get_by_test_id("stMarkdown").filter(has_text=re.compile(r" trains [\d,]+ of [\d,]+ parameters, "))


def live_total(page: Page) -> Locator:
    """Read the count that the ribbon shows, also during a drag."""
    return page.locator(".ribbon .trained b").first


def at(page: Page, first: int, second: int, layers: int = 6) -> None:
    """Expect both boundaries where they are said to be, in the words that a screen reader gets."""
    for number, value in ((1, first), (2, second)):
        expect(boundary(page, number)).to_have_attribute(
            "aria-valuetext", f"boundary {number} after layer {value} of {layers}"
        )


def box(locator: Locator) -> FloatRect:
    """Where an element is on the screen."""
    locator.scroll_into_view_if_needed()
    return unscrolled(locator)


def unscrolled(locator: Locator) -> FloatRect:
    """Where an element is, without scrolling to it, which would move what is held in a drag under the hand."""
    found = locator.bounding_box()
    assert found is not None
    return found


def middle(locator: Locator) -> tuple[float, float]:
    """Return the middle of an element on the screen."""
    return middle_of(box(locator))


def middle_of(place: FloatRect) -> tuple[float, float]:
    """Return the middle of a rectangle."""
    return place["x"] + place["width"] / 2, place["y"] + place["height"] / 2


def grip(page: Page, number: int) -> Locator:
    """Return what a boundary is dragged by."""
    return page.locator(f".ribbon .h{number} .grip").first


def drag(page: Page, number: int, layer: int) -> None:
    """Drag a boundary to behind a layer with the mouse, wherever the ribbon stands when it is taken hold of."""
    grip(page, number).hover()  # waits until it stands still
    page.mouse.down()
    layers = page.locator(".ribbon .layers").first
    depth, place = layers.locator(".layer").count(), unscrolled(layers)
    x, _ = middle_of(place)
    page.mouse.move(x, place["y"] + (depth - layer) / depth * place["height"], steps=4)
    page.mouse.up()


def row_height(page: Page) -> float:
    """Pixels of one layer."""
    return unscrolled(page.locator(".ribbon .layer").first)["height"]
