"""The tour in a browser: offered to a first visitor, led through by dragging, skipped for good, found again."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from spafit.runs import Store
from tests.e2e.browsing import Server, run_in, settled
from tests.e2e.exploring import at, drag

REMEMBERED = "() => document.cookie.includes('spafit_tour=seen')"
Opener = Callable[..., Page]


def test_a_first_visitor_is_led_through_drag_count_and_train(open_page: Opener, server: Server) -> None:
    page = open_page()
    page.get_by_role("button", name="Start the tour").click()
    step = page.locator(".st-key-tour_step")
    expect(step).to_contain_text("1 of 3 · Drag.")
    settled(page)
    at(page, 2, 4)
    drag(page, 2, 5)
    at(page, 2, 5)
    expect(step).to_contain_text("67,202 trainable parameters before, now 42,626")
    step.get_by_role("button", name="Next").click()
    step.get_by_role("button", name="To Train").click()
    page.wait_for_url("**/train**")
    expect(step).to_contain_text("Press Start training")
    page.get_by_role("button", name="Start training").click()
    page.wait_for_url("**run=*")
    store = Store.open(f"sqlite:///{server.home / 'spafit.db'}", server.home)
    run = store.get(run_in(page.url))
    store.request_stop(run.id)
    assert run.stratification == "SPAFIT-2-5", "What was dragged is what trains."
    expect(step).to_contain_text("That was the tour.")
    step.get_by_role("button", name="Lesson").click()
    page.wait_for_url("**/lesson**")
    page.wait_for_function(REMEMBERED)
    page.goto(server.address())
    settled(page)
    expect(page.get_by_role("button", name="Take the tour")).to_be_visible()
    expect(page.get_by_text("New here?")).to_have_count(0)


def test_whoever_skips_it_is_not_asked_again_and_finds_it_on_home(open_page: Opener) -> None:
    page = open_page()
    page.get_by_role("button", name="Skip", exact=True).click()
    again = page.get_by_role("button", name="Take the tour")
    expect(again).to_be_visible()
    page.wait_for_function(REMEMBERED)
    page.reload()
    settled(page)
    expect(page.get_by_text("New here?")).to_have_count(0)
    again.click()
    expect(page.locator(".st-key-tour_step")).to_contain_text("1 of 3 · Drag.")
    page.get_by_role("button", name="Skip the tour").click()
    expect(page.locator(".st-key-tour_step")).to_have_count(0)
