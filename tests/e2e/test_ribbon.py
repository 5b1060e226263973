"""The ribbon in a real browser: mouse, touch, keyboard, screen reader, undo, opened layers, a lost connection."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from spafit.counting import count, triangle
from spafit.export.link import Shared, to_link
from spafit.models.load import load_anatomy
from spafit.stratification import preset
from tests.e2e.browsing import has_no_sideways_scroll, settled
from tests.e2e.exploring import BERT, DEEP, at, boundary, box, grip, live_total, middle, row_height, said, unscrolled

OpenPage = Callable[..., Page]
MINILM = load_anatomy("minilm-l6")
CELLS = triangle(MINILM, preset("spafit", 6))


def trained(n1: int, n2: int) -> str:
    """Return the count that belongs to two boundaries on the bundled model, as it is shown."""
    return f"{CELLS[n1, n2]:,}"


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """Explore, wide."""
    opened = open_page("explore")
    at(opened, 2, 4)
    return opened


def test_a_drag_counts_live_and_is_sent_on_release(page: Page) -> None:
    x, y = middle(grip(page, 2))
    height = row_height(page)
    page.mouse.move(x, y)
    page.mouse.down()
    for layer in (5, 6, 5, 3, 2):
        page.mouse.move(x, y + (4 - layer) * height, steps=3)
        expect(live_total(page)).to_have_text(trained(2, layer))
        expect(said(page)).to_contain_text("SPAFIT-2-4 trains 67,202")
    expect(page.get_by_text("layers 3–6: LoRA + BitFit")).to_be_visible()
    page.mouse.move(x, y - 2 * height, steps=3)
    expect(page.get_by_text("layers 3–6: BitFit", exact=True)).to_be_visible()
    page.mouse.up()
    expect(said(page)).to_contain_text(f"SPAFIT-2-6 trains {trained(2, 6)} of")
    expect(page.get_by_text(f"All columns together: {trained(2, 6)}.")).to_be_visible()


def test_boundaries_push_against_each_other_and_the_ends(page: Page) -> None:
    x, y = middle(grip(page, 1))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 500, steps=5)
    at(page, 4, 4)
    page.mouse.move(x, y + 500, steps=5)
    at(page, 0, 4)
    page.mouse.up()
    expect(said(page)).to_contain_text(f"SPAFIT-0-4 trains {trained(0, 4)}")


def test_where_both_lie_together_the_direction_says_which_is_meant(page: Page) -> None:
    boundary(page, 1).press("End")
    at(page, 4, 4)
    expect(said(page)).to_contain_text("SPAFIT-4-4")
    x, y = middle(page.locator(".ribbon .h2 .line").first)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 2 * row_height(page), steps=5)
    page.mouse.up()
    at(page, 2, 4)


def test_escape_takes_a_drag_back(page: Page) -> None:
    x, y = middle(grip(page, 2))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - row_height(page), steps=3)
    at(page, 2, 5)
    page.keyboard.press("Escape")
    at(page, 2, 4)
    page.mouse.up()
    expect(live_total(page)).to_have_text("67,202")


def test_a_finger_drags_a_boundary(open_page: OpenPage) -> None:
    page = open_page("explore", width=400, touch=True)
    at(page, 2, 4)
    x, y = middle(grip(page, 1))
    height = row_height(page)
    touch = page.context.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, 9):
        point = {"x": x, "y": y + step / 8 * 2 * height}
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    at(page, 0, 4)
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(said(page)).to_contain_text("SPAFIT-0-4")
    target = box(grip(page, 1))
    assert target["height"] + 16 >= 44 and target["width"] >= 44  # with the margin around it that also catches


def test_the_keyboard_moves_both_boundaries(page: Page) -> None:
    first, second = boundary(page, 1), boundary(page, 2)
    first.press("ArrowUp")
    first.press("ArrowRight")
    at(page, 4, 4)
    first.press("ArrowUp")
    at(page, 4, 4)
    first.press("Home")
    second.press("End")
    at(page, 0, 6)
    second.press("PageDown")
    at(page, 0, 4)
    expect(said(page)).to_contain_text("SPAFIT-0-4")
    for slider, low, high in ((first, "0", "4"), (second, "0", "6")):
        expect(slider).to_have_attribute("aria-valuemin", low)
        expect(slider).to_have_attribute("aria-valuemax", high)
        expect(slider).to_have_attribute("aria-orientation", "vertical")


def test_undo_and_redo_by_button_and_key(page: Page) -> None:
    undo, redo = page.get_by_role("button", name="Undo").first, page.get_by_role("button", name="Redo").first
    expect(undo).to_be_disabled()
    for name in ("SPAFIT-3-4", "SPAFIT-4-4"):
        boundary(page, 1).press("ArrowUp")
        expect(said(page)).to_contain_text(name)
    undo.click()
    undo.click()
    expect(said(page)).to_contain_text("SPAFIT-2-4")
    expect(undo).to_be_disabled()
    at(page, 2, 4)
    redo.click()
    expect(said(page)).to_contain_text("SPAFIT-3-4")
    boundary(page, 2).focus()
    page.keyboard.press("Control+Shift+z")
    expect(said(page)).to_contain_text("SPAFIT-4-4")
    expect(redo).to_be_disabled()
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(said(page)).to_contain_text("SPAFIT-2-4")


class Held:
    """The connection to the server, which can be told to keep what it is asked or what it answers for a while."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._kept: dict[str, list[str | bytes]] = {}
        self._ends: dict[str, WebSocketRoute] = {}
        page.route_web_socket("**/_stcore/stream", self._connect)

    def _connect(self, here: WebSocketRoute) -> None:
        there = here.connect_to_server()
        self._ends = {"asked": there, "answered": here}
        here.on_message(functools.partial(self._pass, "asked"))
        there.on_message(functools.partial(self._pass, "answered"))

    def _pass(self, way: str, message: str | bytes) -> None:
        if way in self._kept:
            self._kept[way].append(message)
        else:
            self._ends[way].send(message)

    def keep(self, way: str) -> None:
        """Keep what is asked or answered from now on."""
        self._kept[way] = []

    def wait_for_one(self, way: str) -> None:
        """Wait until there is something to keep."""
        while not self._kept[way]:
            self._page.wait_for_timeout(20)

    def let_go(self, way: str) -> None:
        """Send what was kept, and what comes, on its way."""
        while self._kept[way]:  # what comes while this goes on waits behind the others, as on a real connection
            self._ends[way].send(self._kept[way].pop(0))
        del self._kept[way]


def held_explore(open_page: OpenPage) -> tuple[Page, Held]:
    """Open Explore so that messages on their way can be kept."""
    page = open_page()
    held = Held(page)
    page.goto(page.url + "explore")
    settled(page)
    return page, held


def test_an_undo_before_the_answer_to_what_it_undoes_is_not_lost(open_page: OpenPage) -> None:
    page, held = held_explore(open_page)
    held.keep("answered")
    page.get_by_role("radio", name="LoRA", exact=True).first.click()
    held.wait_for_one("answered")  # the server has begun with it
    held.keep("asked")
    page.get_by_role("button", name="Undo").first.dispatch_event("click")  # as a person would, whatever it looks like
    held.let_go("answered")
    expect(said(page)).to_contain_text("LoRA trains 148,226")
    held.let_go("asked")
    expect(said(page)).to_contain_text("SPAFIT-2-4")
    settled(page)
    boundary(page, 1).press("ArrowUp")
    held.keep("asked")
    expect(page.locator(".ribbon > p.sr").first).to_contain_text(f"{trained(3, 4)} parameters train")  # it is sent
    page.get_by_role("button", name="Undo").first.click()
    held.let_go("asked")
    at(page, 2, 4)


def test_an_undo_that_comes_with_the_request_for_the_page_is_not_lost(open_page: OpenPage) -> None:
    page, held = held_explore(open_page)
    held.keep("answered")
    boundary(page, 1).press("ArrowUp")
    held.wait_for_one("answered")
    held.keep("asked")
    held.let_go("answered")
    held.wait_for_one("asked")  # the ribbon is drawn, and asks for the rest of the page
    page.get_by_role("button", name="Undo").first.click()
    held.let_go("asked")
    at(page, 2, 4)


def test_an_answer_to_an_earlier_move_does_not_swallow_an_undo(open_page: OpenPage) -> None:
    page, held = held_explore(open_page)
    undo = page.get_by_role("button", name="Undo").first
    boundary(page, 1).press("ArrowDown")
    expect(said(page)).to_contain_text("SPAFIT-1-4")
    settled(page)
    held.keep("answered")
    boundary(page, 1).press("ArrowDown")
    expect(page.locator(".ribbon > p.sr").first).to_contain_text(
        f"{trained(0, 4)} parameters train"
    )  # the move is sent
    held.keep("asked")
    undo.click()
    held.let_go("answered")
    expect(said(page)).to_contain_text("SPAFIT-0-4")  # the answer to the move, which knows of no undo
    undo.click()
    held.let_go("asked")
    expect(said(page)).to_contain_text("SPAFIT-2-4")
    at(page, 2, 4)


def test_undo_works_after_a_visit_to_another_page(page: Page) -> None:
    undo = page.get_by_role("button", name="Undo").first
    boundary(page, 1).press("ArrowUp")
    expect(said(page)).to_contain_text("SPAFIT-3-4")
    undo.click()
    expect(said(page)).to_contain_text("SPAFIT-2-4")
    for name in ("Train", "Explore"):
        page.get_by_role("link", name=name, exact=True).first.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(name)
        settled(page)
    at(page, 2, 4)
    boundary(page, 1).press("ArrowUp")
    expect(said(page)).to_contain_text("SPAFIT-3-4")
    undo.click()
    expect(said(page)).to_contain_text("SPAFIT-2-4")


def test_undo_takes_back_other_choices_too(page: Page) -> None:
    page.get_by_role("radio", name="BitFit", exact=True).first.click()
    expect(said(page)).to_contain_text("BitFit trains 26,882")
    page.get_by_role("button", name="Undo").first.click()
    expect(said(page)).to_contain_text("SPAFIT-2-4")
    at(page, 2, 4)


def test_a_layer_opens_to_show_what_is_in_it(page: Page) -> None:
    page.locator(".ribbon [data-layer='5']").first.click()
    inside = page.locator(".ribbon .inside").first
    expect(inside).to_contain_text("Layer 5: LoRA + BitFit")
    expect(inside).to_contain_text("28,800 of 1,799,040 parameters train")
    expect(inside.locator("figure")).to_have_count(8)
    expect(inside.locator("figure .pair")).to_have_count(8)  # A and B beside four matrices
    expect(inside.locator("figure .bias.on")).to_have_count(7)
    expect(inside.locator("figure .bias.inert")).to_have_count(1)
    query, ffn = (box(inside.locator("figure").nth(i).locator("rect").first) for i in (0, 5))
    assert ffn["height"] / query["height"] == pytest.approx(4, rel=0.02)
    boundary(page, 2).press("ArrowUp")
    expect(inside).to_contain_text("Layer 5: BitFit")
    expect(inside.locator("figure .pair")).to_have_count(0)
    inside.get_by_role("button", name="Close layer 5").click()
    expect(inside).to_be_hidden()


def test_layers_are_walked_and_opened_with_the_keyboard(page: Page) -> None:
    layer = page.locator(".ribbon [data-layer='6']").first
    layer.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".ribbon [data-layer='5']").first).to_be_focused()
    page.keyboard.press("Enter")
    opened = page.locator(".ribbon [data-layer='5']").first
    expect(opened).to_have_attribute("aria-expanded", "true")
    expect(opened).to_have_attribute("tabindex", "0")
    assert page.locator(".ribbon .layer[tabindex='0']").count() == 1  # one stop, however many layers
    page.keyboard.press("Escape")
    expect(opened).to_have_attribute("aria-expanded", "false")


@pytest.mark.parametrize("width", [1280, 400])
def test_126_layers_are_counted_and_fit(open_page: OpenPage, width: int) -> None:
    page = open_page(DEEP, width=width)
    at(page, 42, 84, 126)
    expect(page.locator(".ribbon .layer")).to_have_count(126)
    assert has_no_sideways_scroll(page)
    stack = box(page.locator(".ribbon .layers").first)
    assert stack["height"] <= 520
    counts = count(load_anatomy("llama-3.1-405b"), preset("spafit", 126, 42, 85))
    boundary(page, 2).press("ArrowUp")
    expect(live_total(page)).to_have_text(f"{counts.trainable:,}")
    expect(said(page)).to_contain_text(f"SPAFIT-42-85 trains {counts.trainable:,} of {counts.total:,}")


def test_labels_never_lie_on_each_other(open_page: OpenPage) -> None:
    page = open_page(BERT)
    boundary(page, 1).press("End")
    boundary(page, 1).press("ArrowDown")
    at(page, 15, 16, 24)
    none_lies_on_another(page)


def test_labels_with_a_line_more_never_lie_on_each_other(open_page: OpenPage) -> None:
    thin = replace(preset("lora", 6), n1=3, n2=4)
    page = open_page(f"explore?s={to_link(Shared('minilm-l6', thin))}")
    at(page, 3, 4)
    what = page.locator(".ribbon .label .what").first
    assert box(what)["height"] > 1.5 * 12.5, "Its text takes two lines."
    none_lies_on_another(page)


def none_lies_on_another(page: Page) -> None:
    """Check the text itself of the three strata's labels, which may be taller than its box."""
    expect(page.locator(".ribbon .label:visible")).to_have_count(3)
    labels = page.locator(".ribbon .label:visible").all()
    texts = [(box(label.locator("b"))["y"], box(label.locator(".more"))) for label in labels]
    texts.sort(key=lambda text: text[0])
    assert all(more["y"] + more["height"] <= title + 1 for (_, more), (title, _) in pairwise(texts))


def test_where_gradients_stop_follows_the_boundaries(page: Page) -> None:
    flow = page.locator(".ribbon .flow").first
    expect(flow).to_contain_text("stop at layer 3")
    boundary(page, 1).press("ArrowUp")
    expect(flow).to_contain_text("stop at layer 4")
    page.get_by_role("radio", name="Linear probe", exact=True).first.click()
    expect(flow).to_contain_text("stay in the head")
    page.get_by_role("radio", name="Full fine-tuning", exact=True).first.click()
    expect(flow).to_contain_text("down to the embeddings")


@pytest.mark.parametrize("together", [False, True])
def test_a_press_right_after_a_key_is_the_later_one(open_page: OpenPage, together: bool) -> None:
    page, held = held_explore(open_page)
    if together:
        held.keep("asked")
    boundary(page, 1).press("ArrowUp")
    page.get_by_role("radio", name="Linear probe", exact=True).first.click()
    if together:
        held.let_go("asked")
    expect(said(page)).to_contain_text("Linear probe trains")
    page.get_by_role("button", name="Undo").first.click()
    expect(said(page)).to_contain_text("SPAFIT-3-4 trains")


@pytest.mark.parametrize("path", ["explore", "train"])
def test_the_ribbon_stands_still_when_a_boundary_leaves_a_preset(open_page: OpenPage, path: str) -> None:
    page = open_page(f"{path}?s={to_link(Shared('minilm-l6', preset('lora', 6)))}")
    settled(page)
    lora = page.get_by_role("radio", name="LoRA", exact=True).first
    expect(lora).to_be_checked()
    expect(page.get_by_text("Every layer has the same recipe here")).to_be_visible()
    before = box(page.locator(".ribbon .layers").first)["y"]
    boundary(page, 2).press("End")
    boundary(page, 1).press("ArrowUp")
    expect(lora).not_to_be_checked()
    settled(page)
    assert unscrolled(page.locator(".ribbon .layers").first)["y"] == before


def test_a_move_made_while_disconnected_arrives_later(open_page: OpenPage) -> None:
    page = open_page()
    routes: list[WebSocketRoute] = []
    cut = False

    def connect(route: WebSocketRoute) -> None:
        if cut:
            route.close()
            return
        routes.append(route)
        route.connect_to_server()

    page.route_web_socket("**/_stcore/stream", connect)
    page.goto(page.url + "explore")
    settled(page)
    at(page, 2, 4)
    cut = True
    routes[-1].close()
    lost = page.get_by_text("Connection lost.")
    expect(lost).to_be_visible()
    boundary(page, 1).press("ArrowUp")
    expect(live_total(page)).to_have_text(trained(3, 4))
    cut = False
    expect(said(page)).to_contain_text(f"SPAFIT-3-4 trains {trained(3, 4)}")
    expect(lost).to_be_hidden()
    at(page, 3, 4)
