"""Whether a phone is fit to be measured on now, and the wait until it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from bench.errors import StableLaunchError
from bench.targets import Progress
from bench.targets._adb.options import Options
from bench.targets._adb.state import DeviceState, status_name

FRESH_S = 3.0
POLL_S = 1.0

HINT = (
    "let it cool and charge, out of its case and off the sun; or allow more with --set: "
    "max_celsius, max_thermal_status, min_battery or gate_timeout_s"
)
TELLS_LESS = "the phone no longer tells {}, which no launch can wait for now"
LOOKS_AGAIN = 2
"""How often a reading is made anew that lacks what an earlier one had: a dump that failed once must
not let a hot or empty phone pass."""

BLIND = "the phone tells no temperature: only the timed work would show that it is throttled"


def unfit(state: DeviceState, options: Options, cool_work_us: int | None) -> list[str]:
    """Why the phone should not be measured on now, in few words each; empty if it may.

    ``cool_work_us`` is what the fixed work took when the phone was cool. That more than a tenth
    slower means throttled is the rule of Jetpack's benchmark library (androidx.benchmark,
    ThrottleDetector).
    """
    reasons = []
    if state.hottest is not None and state.hottest[1] > options.max_celsius:
        reasons.append(f"cooling {state.hottest[1]:.1f} °C, limit {options.max_celsius:g} °C")
    if state.thermal_status is not None and state.thermal_status > options.max_thermal_status:
        of = f" ({state.thermal_status_of})" if state.thermal_status_of else ""
        reasons.append(f"thermal status {status_name(state.thermal_status)}{of}")
    work_us = state.work_us or 0
    if cool_work_us and work_us > cool_work_us * (1 + options.max_slowdown):
        slower = work_us / cool_work_us - 1
        reasons.append(f"throttled, fixed work {slower:.0%} slower than when cool")
    level = state.battery.level if state.battery.believed else None
    if level is not None and level < options.min_battery:
        reasons.append(f"battery {level:.0f} %, limit {options.min_battery} %")
    return reasons


@dataclass(frozen=True)
class Fitness:
    """Whether a launch could begin now.

    Attributes:
        state: that it was judged by.
        reasons: why not; empty where it could.
        notes: what of the phone's state is not known, or not believed.
        patience_s: how long a launch would wait for the reasons to pass.
    """

    state: DeviceState
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    patience_s: float

    @property
    def hint(self) -> str:
        """What to do about the reasons; empty where there are none."""
        if not self.reasons:
            return ""
        return f"bench run waits up to {self.patience_s:g} s for it, then fails: {HINT}"


def notes(state: DeviceState) -> list[str]:
    """What of a state is not known or not believed, in a few words each."""
    found = []
    if state.blind:
        found.append(BLIND)
        if state.cached:
            found.append("its temperatures are from memory, of an unknown age")
    if state.battery.frozen:
        found.append("its battery's values were set by hand: adb shell dumpsys battery reset")
    elif state.battery.fake:
        found.append("its battery is made up, as that of an emulator or a board")
    return found


class Gate:
    """Lets a launch begin only on a fit phone, and waits for that within a bound.

    Args:
        look: reads the state, with the slow parts (screen, fixed work) if told so.
        options: limits and bound.
        closing: set when the harness leaves; the wait then ends at once.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        look: Callable[[bool, Progress], DeviceState],
        options: Options,
        closing: threading.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look = look
        self._options = options
        self._closing = closing
        self._clock = clock
        self._last: DeviceState | None = None
        self._full_at: float | None = None
        self._gave_up = False
        self._said: set[str] = set()
        self._has_battery = False
        self._has_heat = False
        self.cool_work_us: int | None = None
        self.work_us: int | None = None
        self.screen: str | None = None

    def remember(self, state: DeviceState) -> None:
        """A reading that somebody made anyway, so that the next launch need not look again."""
        state = self._believe(state)
        self._last = None if self._lost(state) else state

    def fitness(self, progress: Progress) -> Fitness:
        """Look once, with the slow parts, and wait for nothing."""
        state = self._read(True, progress)
        reasons = unfit(state, self._options, self.cool_work_us)
        patience_s = self._options.gate_timeout_s
        return Fitness(state, tuple(reasons), tuple(notes(state)), patience_s)

    def wait(self, progress: Progress) -> tuple[DeviceState, float]:
        """The state in which a launch may begin, and how many seconds it took to get there.

        Raises:
            StableLaunchError: class ``gate``: not within the bound, which is granted once.
        """
        start = self._clock()
        patience_s = 0.0 if self._gave_up else self._options.gate_timeout_s
        state = self._current(progress)
        while reasons := unfit(state, self._options, self.cool_work_us):
            waited = self._clock() - start
            if waited >= patience_s or self._closing.is_set():
                self._gave_up = True
                raise StableLaunchError(
                    f"the phone was not fit within {patience_s:g} s: {'; '.join(reasons)}",
                    hint=HINT,
                    error_class="gate",
                )
            progress("; ".join(reasons))
            self._closing.wait(min(POLL_S, max(patience_s - waited, 0.05)))
            state = self._read(True, progress) if state.work_us else self._read(False, progress)
        self._gave_up = False
        self._say_once(state, progress)
        return state, self._clock() - start

    def _current(self, progress: Progress) -> DeviceState:
        """The last reading if it is fresh and complete enough, else a new one."""
        now = self._clock()
        every = self._options.throttle_every_s
        if self._full_at is None or now - self._full_at >= every:
            return self._read(True, progress)
        last = self._last
        if last is not None and not self._gave_up and now - last.read_at <= FRESH_S:
            return last
        return self._read(False, progress)

    def _say_once(self, state: DeviceState, progress: Progress) -> None:
        for note in [*notes(state), *map(TELLS_LESS.format, self._lost(state))]:
            if note not in self._said:
                self._said.add(note)
                progress(note)
        # From now on that is how this phone is.
        self._has_battery &= state.battery.level is not None
        self._has_heat &= not state.blind

    def _believe(self, state: DeviceState) -> DeviceState:
        """A battery that has told other values passes through those of a made-up one, too."""
        battery = state.battery
        self._has_battery |= battery.believed and battery.level is not None
        self._has_heat |= not state.blind
        if battery.fake and self._has_battery:
            return replace(state, battery=replace(battery, fake=False))
        return state

    def _lost(self, state: DeviceState) -> list[str]:
        """What an earlier reading had and this one lacks."""
        battery = state.battery
        lost = []
        if self._has_battery and battery.believed and battery.level is None:
            lost.append("its charge")
        if self._has_heat and state.blind:
            lost.append("its heat")
        return lost

    def _read(self, full: bool, progress: Progress) -> DeviceState:
        state = self._believe(self._look(full, progress))
        for _ in range(LOOKS_AGAIN):
            if not self._lost(state):
                break
            state = self._believe(self._look(full, progress))
        self._last = state
        if full:
            self._full_at = self._clock()
            self.screen = state.screen or self.screen
            self.work_us = state.work_us
            # The quickest ever seen on a phone that is fit otherwise is what "cool" means.
            if state.work_us and not unfit(state, self._options, None):
                self.cool_work_us = min(self.cool_work_us or state.work_us, state.work_us)
        return state
