"""To which CPUs of a phone each setting binds, and which settings it cannot carry out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.affinity import CLASSES, chosen, cpus
from bench.cells import settings_of
from bench.errors import StableLaunchError, TargetError
from bench.targets._adb.command import NO_MASK
from bench.targets._adb.probe import Phone
from bench.values import Plan, Setting


@dataclass(frozen=True)
class Binding:
    """The CPUs of each affinity that a plan names.

    Attributes:
        masks: hexadecimal, as every taskset takes them.
        cpus: as the phone read them back.
        faults: why an affinity cannot be had.
    """

    masks: Mapping[str, str]
    cpus: Mapping[str, str]
    faults: Mapping[str, TargetError]

    def mask(self, setting: Setting) -> str:
        """For a launch with that setting. Raises StableLaunchError where it cannot be had."""
        if setting.affinity is None:
            return NO_MASK
        if fault := self.faults.get(setting.affinity):
            raise StableLaunchError(fault.message, hint=fault.hint, error_class="setting")
        return self.masks[setting.affinity]


def check(plan: Plan) -> None:
    """See that each affinity can be read. Raises TargetError."""
    for setting in settings_of(plan):
        if setting.affinity is not None and setting.affinity not in CLASSES:
            cpus(setting.affinity)


def bind(plan: Plan, phone: Phone, probe: Callable[[str], Phone]) -> Binding:
    """Find the CPUs of each affinity, and see that the phone binds to them.

    Args:
        plan: with its settings.
        phone: as it is with no mask.
        probe: what the phone is under a mask.

    Raises:
        TargetError: not one of the settings can be had; with one alone that is a fault of it.
    """
    masks: dict[str, str] = {}
    found: dict[str, str] = {}
    faults: dict[str, TargetError] = {}
    settings = settings_of(plan)
    for affinity in dict.fromkeys(each.affinity for each in settings):
        if affinity is None:
            continue
        try:
            masks[affinity], found[affinity] = _bind(affinity, phone, probe)
        except TargetError as fault:
            faults[affinity] = fault
    if all(each.affinity in faults for each in settings):
        raise next(iter(faults.values()))
    return Binding(masks, found, faults)


def usable(phone: Phone, bound: Mapping[str, str]) -> dict[str, int]:
    """How many CPUs launches have, by the text of an affinity; empty for none.

    Args:
        phone: as it is with no mask.
        bound: the CPUs of each affinity, as the phone read them back.
    """
    found = {affinity: len(set(cpus(text))) for affinity, text in bound.items()}
    if isinstance(online := phone.facts.get("cores_online"), str):
        found[""] = len(set(cpus(online)))
    return found


def _bind(affinity: str, phone: Phone, probe: Callable[[str], Phone]) -> tuple[str, str]:
    if "taskset" not in phone.commands:
        raise TargetError(f"{phone.serial} has no taskset", hint="leave --affinity away")
    asked = set(chosen(affinity, phone.speeds))
    mask = f"{sum(1 << cpu for cpu in asked):x}"
    allowed = probe(mask).affinity
    if not allowed or set(cpus(allowed)) != asked:
        raise TargetError(
            f"adb:{phone.serial} cannot bind to CPUs {affinity}",
            hint=f"online there: {phone.facts.get('cores_online', 'unknown')}",
        )
    return mask, allowed
