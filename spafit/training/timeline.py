"""Where the seconds of a run go. No torch."""

from __future__ import annotations

from collections.abc import Callable

from spafit.training.events import Phase

Clock = Callable[[], float]


class Timeline:
    """One phase at a time, from launch to end, so that the phases add up to the whole."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.start = self._since = clock()
        self._name: str | None = None
        self._spent: dict[str, float] = {}

    @property
    def elapsed(self) -> float:
        """Seconds since the launch."""
        return self.clock() - self.start

    def enter(self, name: str) -> Phase:
        """End the current phase, begin another (or go back to an earlier one), and return its event."""
        now = self.clock()
        if self._name is not None:
            self._spent[self._name] += now - self._since
        self._name, self._since = name, now
        self._spent.setdefault(name, 0.0)
        return Phase(name, now - self.start)

    def spent(self) -> tuple[tuple[str, float], ...]:
        """Seconds in each phase so far, in order of first appearance."""
        if self._name is not None:
            self.enter(self._name)
        return tuple(self._spent.items())
