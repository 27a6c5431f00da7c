"""What can be tried on a model: named parameters, and the recipe that a point of them stands for.

The parameters come from the model itself: how many blocks are left out, a fraction of channels to
remove for each group of tied layers, zeros and clusters for the whole with a shift of its own for
each large kernel, how it is quantized, how much the float model teaches, and how long it is
trained. No Optuna here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bench import recipes
from bench.report.recommend import Aim
from bench.searching.bits import INT8, bits_of, is_by_converter, mode_of
from bench.searching.layout import Family, Kernel, Layout, bits_per_weight, groups_of
from bench.searching.values import Params
from bench.techniques import channels
from bench.values import Recipe

EPOCHS = (
    (2, 1, 1, 1),
    (6, 3, 1, 1),
    (12, 6, 2, 1),
    (24, 8, 3, 2),
    (40, 12, 4, 2),
)
"""By rung, of ``depth`` or ``channels``, ``prune``, ``cluster`` and ``qat``, for data of
ENOUGH_SAMPLES."""

RATES = {"channels": 0.004, "prune": 0.005, "cluster": 0.002, "qat": 0.0006}
"""Learning rates, greater than those that a step has by itself: a thin model, whose zeros and
values are chosen anew, has far to go. Of half the channels of `fashion`, 6 epochs with 0.002, 0.004
and 0.008 lose 0.92, 0.76 and 1.18 points on validation samples; with 60 % zeros on top, 4 epochs
with 0.001 lose 1.2 points and 8 with 0.003 lose 0.5; with 8 values on top of that of 0.4 times the
channels, 0.0005, 0.001 and 0.002 lose 1.40, 1.24 and 1.10."""

ENOUGH_SAMPLES = 20_000
"""Of fewer samples an epoch is shorter, and up to MOST_EPOCHS times as many are trained."""
MOST_EPOCHS = 4

FIXED_WORK = 0.3
"""Of an epoch's time, what fewer channels do not make less: batches, teaching, evaluating."""

EFFORT = {"prune": 1.1, "cluster": 1.5, "qat": 3.0}
"""How many times longer an epoch of a step takes than one without it, of `fashion`."""

GROUPS = 8
"""Of families with a ratio of their own, at most."""
LARGE, MOST_LARGE = 0.1, 4
"""Kernels with this fraction of all weights have a shift of their own; at most so many."""

SCALE_BITS = 5
"""Significant bits of scales where the zipped size matters."""

MOST_REMOVED, REMOVED_STEP = 0.85, 0.05
SPARSITIES = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
CLUSTERS = (0, 4, 6, 8, 12, 16, 32)
DISTILL = (0.3, 0.5, 0.7, 0.9)
NO_LABELS = 1.0
"""Weight of the float model's answers where they are all that can be taught."""

Distribution = tuple[str, Any, Any, Any]
"""``float`` or ``int`` with low, high and step; or ``choice`` with the choices."""


@dataclass(frozen=True, eq=False)
class Space:
    """The points that a search may try; compared by identity, so that what follows can be kept.

    Attributes:
        endings: last steps, such as ``qat`` or ``quantize:int8``; ``""`` leaves it in float.
        samples: to train on.
        has_labels: without any, the float model teaches alone.
        limits_zipped: whether the zipped size has a limit, whatever is to be best.
        usual_ending: of the known shapes that are trained; that of ``endings`` in its place where
            it is none of them.
    """

    layout: Layout
    aim: Aim
    endings: tuple[str, ...]
    samples: int
    has_labels: bool = True
    limits_zipped: bool = False
    usual_ending: str = "qat"

    @property
    def zips(self) -> bool:
        """Whether zeros and few values matter: zipped they make a file smaller, and none faster."""
        return self.aim == "zipped" or self.limits_zipped

    @property
    def int8(self) -> str:
        """The ending in int8 with nothing trained after it, with the options that it needs."""
        return next((ending for ending in self.endings if mode_of(ending) == "int8"), INT8)

    @property
    def trains(self) -> bool:
        """Whether anything but the ending can be chosen."""
        return not self.layout.refused and self.samples > 0

    @property
    def rungs(self) -> int:
        """How many lengths of training there are; one where nothing is trained."""
        return len(EPOCHS) if self.trains else 1

    @cached_property
    def groups(self) -> list[list[int]]:
        """Families, by number, that share a fraction of channels to remove."""
        return groups_of(self.layout.families, GROUPS) if self.trains else []

    @cached_property
    def removals(self) -> tuple[str, ...]:
        """Of each group, the parameter that is the fraction of channels to remove."""
        return tuple(f"remove_{number}" for number, _ in enumerate(self.groups))

    @cached_property
    def _cuts(self) -> Mapping[str, Mapping[float, float]]:
        """Of each of ``removals``, by a fraction, the one that stands for all which remove as much.

        Multiples stay: two fractions often leave the same channels, which are to be trained once.
        """
        return {
            name: _same_cuts([self.layout.families[n].channels for n in numbers], self.multiple)
            for name, numbers in zip(self.removals, self.groups, strict=True)
        }

    def _cut(self, name: str, params: Params) -> Any:
        """A parameter's value; of ``removals`` the same for all that leave the same channels."""
        asked = params.get(name)
        if asked is None or name not in self._cuts:
            return asked
        return self._cuts[name].get(round(float(asked), 2), float(asked))

    @property
    def multiple(self) -> int:
        """Kernels work on whole vectors of channels; a file does not."""
        return 8 if self.aim == "latency" else 4

    def large(self) -> tuple[Kernel, ...]:
        """Kernels with zeros and clusters of their own, in the model's order."""
        total = sum(kernel.elements for kernel in self.layout.kernels)
        able = [k for k in self.layout.able("prune") if k.elements >= LARGE * total]
        most = sorted(able, key=lambda kernel: -kernel.elements)[:MOST_LARGE]
        return tuple(kernel for kernel in able if kernel in most)

    def distributions(self) -> dict[str, Distribution]:
        """Each parameter's values, without ``rung``, which no sampler chooses."""
        found: dict[str, Distribution] = {"ending": ("choice", self.endings, None, None)}
        if not self.trains:
            return found
        if self.layout.blocks:
            found["depth"] = ("int", 0, len(self.layout.blocks), 1)
        for name in self.removals:
            found[name] = ("float", 0.0, MOST_REMOVED, REMOVED_STEP)
        levels = (("sparsity", "prune", SPARSITIES), ("clusters", "cluster", CLUSTERS))
        for name, technique, values in levels if self.zips else ():
            if self.layout.able(technique):
                found[name] = ("int", 0, len(values) - 1, 1)
                found |= {f"{name}_{kernel.name}": ("int", -1, 1, 1) for kernel in self.large()}
        if self.has_labels:
            found["distill"] = ("choice", DISTILL, None, None)
        return found

    def beginning(self) -> tuple[str, ...]:
        """The parameters of what is trained first, and longest: which blocks and channels stay."""
        beginning = {"depth", "distill", *self.removals}
        return tuple(name for name in self.distributions() if name in beginning)

    def is_thin(self, params: Params) -> bool:
        """Whether channels go."""
        return any(self._cut(name, params) for name in self.removals)

    def begins_alike(self, one: Params, other: Params) -> bool:
        """Whether two points have the same beginning; one of the sampler's may lack names of it."""
        return all(self._cut(n, one) == self._cut(n, other) for n in self.beginning())

    def layout_of(self, params: Params) -> Layout:
        """The model's layout without the blocks that a point leaves out."""
        left_out = int(params.get("depth", 0))
        return self.layout.shorter[left_out - 1] if left_out else self.layout

    def recipe(self, params: Params, rung: int) -> Recipe:
        """What a point stands for, trained as long as a rung says."""
        steps = [*self._steps(params, self._epochs(rung), _distill(params, self.has_labels))]
        ending = str(params["ending"])
        if ending == "qat":
            trained = self._training("qat", self._epochs(rung)[3], params)
            ending = f"qat,{trained}"
        finishing = self._finishing(ending)
        return recipes.parse("+".join(filter(None, [*steps, ending, *finishing])) or "float32")

    def structure(self, params: Params) -> Recipe:
        """The same ops and shapes untrained: built in seconds, as fast and as large as trained."""
        steps = [*self._smaller(params, 0, 0.0)] if self.trains else []
        ending = str(params["ending"])
        ending = self.int8 if ending == "qat" else ending
        return recipes.parse("+".join([*steps, *([ending] if ending else [])]) or "float32")

    def kept(self, params: Params) -> dict[str, float]:
        """The fraction of each family's channels that stays, by its number in ``layout_of``."""
        found = {}
        for number, (family, removed) in enumerate(self._removed(params)):
            kept = channels.kept_of(family.channels, removed, self.multiple)
            found[str(number)] = kept / family.channels
        return found

    def _removed(self, params: Params, *, as_asked: bool = False) -> list[tuple[Family, float]]:
        """The families that a point leaves, each with the fraction of channels to remove."""
        group_of = {
            layer: group
            for group, numbers in enumerate(self.groups)
            for number in numbers
            for layer in self.layout.families[number].layers
        }
        found = []
        for family in self.layout_of(params).families if self.trains else ():
            groups = [group_of[layer] for layer in family.layers if layer in group_of]
            name = self.removals[groups[0]] if groups else ""
            removed = params.get(name) if as_asked or not name else self._cut(name, params)
            found.append((family, float(removed or 0.0)))
        return found

    def zipped_weights(self, params: Params) -> float:
        """About how many bytes the weights take zipped, by shapes and bits alone."""
        bits = bits_of(str(params["ending"]))
        zeros, values = self._sparsities(params), self._clusters(params)
        return sum(
            count * bits_per_weight(zeros.get(name, 0.0), values.get(name, 0), bits) / 8
            for name, count in self.layout_of(params).elements(self.kept(params)).items()
        )

    def weights(self, params: Params) -> float:
        """About how many bytes the weights take in the file."""
        elements = self.layout_of(params).elements(self.kept(params))
        return sum(elements.values()) * bits_of(str(params["ending"])) / 8

    def int8_size(self, params: Params) -> float:
        """About how many bytes a file in int8 takes, of channels as they are asked for.

        Fewer may go, since multiples stay.
        """
        kept = {
            str(n): 1 - removed
            for n, (_, removed) in enumerate(self._removed(params, as_asked=True))
        }
        return self.layout_of(params).size(kept)

    def work(self, params: Params, rung: int, *, begun: bool = False) -> float:
        """How much training a trial is, in epochs of the whole model.

        Args:
            begun: what is trained first was trained for another trial already.
        """
        if not self.trains:
            return 0.0
        channels_, prune, cluster, qat = self._epochs(rung)
        kept = self.kept(params)
        thin = params.get("depth") or any(fraction < 1 for fraction in kept.values())
        epochs = (channels_ if thin and not begun else 0) + (
            EFFORT["prune"] * prune * bool(params.get("sparsity"))
            + EFFORT["cluster"] * cluster * bool(params.get("clusters"))
            + EFFORT["qat"] * qat * (params["ending"] == "qat")
        )
        part = self.layout_of(params).multiplications(kept) / self.layout.multiplications({})
        return epochs * (FIXED_WORK + (1 - FIXED_WORK) * part)

    def _epochs(self, rung: int) -> tuple[int, ...]:
        times = min(MOST_EPOCHS, max(1, round(ENOUGH_SAMPLES / max(1, self.samples))))
        return tuple(times * epochs for epochs in EPOCHS[rung])

    def _finishing(self, ending: str) -> Iterator[str]:
        """What is done to the finished file: of a thin model each is a tenth of it."""
        if self.aim == "latency" or not is_by_converter(ending):
            return
        if self.zips and ending:
            yield f"scales:{SCALE_BITS}"
        yield "strip"

    def _steps(self, params: Params, epochs: Sequence[int], distill: float) -> Iterator[str]:
        if not self.trains:
            return
        yield from self._smaller(params, epochs[0], distill)
        zeros = self._sparsities(params)
        if any(zeros.values()):
            trained = self._training("prune", epochs[1], params)
            yield f"prune:{_usual(zeros)}{_own(zeros)},{trained}"
        values = self._clusters(params)
        if any(values.values()):
            trained = self._training("cluster", epochs[2], params)
            yield f"cluster:{_usual(values)}{_own(values)},{trained}"

    def _smaller(self, params: Params, epochs: int, distill: float) -> Iterator[str]:
        """What leaves blocks and channels out: it is trained once, when both are gone."""
        removed = {
            family.layers[0]: round(fraction, 2) for family, fraction in self._removed(params)
        }
        taught = f",distill={distill:g},lr={RATES['channels']:g}" if epochs else ""
        trained = f"batch={self.batch}{taught},epochs={epochs}"
        thinned = any(removed.values())
        if left_out := self.layout.blocks[: int(params.get("depth", 0))]:
            names = ",".join(left_out)
            yield f"depth:{len(left_out)},layers={names},{'epochs=0' if thinned else trained}"
        if thinned:
            fractions = f"{_usual(removed)}{_own(removed)}"
            yield f"channels:{fractions},multiple={self.multiple},{trained}"

    def _training(self, technique: str, epochs: int, params: Params) -> str:
        distill = _distill(params, self.has_labels)
        return f"batch={self.batch},distill={distill:g},lr={RATES[technique]:g},epochs={epochs}"

    @property
    def batch(self) -> int:
        """Samples per step."""
        return 128 if self.samples >= ENOUGH_SAMPLES else 64

    def _sparsities(self, params: Params) -> dict[str, float]:
        """Zeros of each kernel that can have some."""
        level = int(params.get("sparsity", 0))
        return {
            kernel.name: SPARSITIES[_shifted(level, params, "sparsity", kernel, SPARSITIES)]
            for kernel in self.layout_of(params).able("prune")
        }

    def _clusters(self, params: Params) -> dict[str, int]:
        """Values of each kernel that can be clustered."""
        level = int(params.get("clusters", 0))
        return {
            kernel.name: CLUSTERS[_shifted(level, params, "clusters", kernel, CLUSTERS)]
            for kernel in self.layout_of(params).able("cluster")
        }


def _shifted(level: int, params: Params, name: str, kernel: Kernel, levels: Sequence[float]) -> int:
    """A kernel's own level; where the whole has none, it has none."""
    if level == 0:
        return 0
    return min(len(levels) - 1, max(1, level + int(params.get(f"{name}_{kernel.name}", 0))))


def _distill(params: Params, has_labels: bool) -> float:
    return float(params.get("distill", 0.5)) if has_labels else NO_LABELS


def _usual(values: Mapping[str, float]) -> str:
    (value, _), *_ = Counter(values.values()).most_common(1)
    return f"{value:g}"


def _own(values: Mapping[str, float]) -> str:
    """``,each=…`` for the layers whose value is not the usual one."""
    usual = _usual(values)
    others = [f"{name}:{value:g}" for name, value in values.items() if f"{value:g}" != usual]
    return f",each={','.join(others)}" if others else ""


def _same_cuts(counts: Sequence[int], multiple: int) -> dict[float, float]:
    """By a fraction to remove of each of these counts, the one nearest to what truly goes."""
    steps = range(round(MOST_REMOVED / REMOVED_STEP) + 1)
    gone = {}
    for removed in (round(step * REMOVED_STEP, 2) for step in steps):
        kept = sum(channels.kept_of(count, removed, multiple) for count in counts)
        gone[removed] = 1 - kept / sum(counts)

    def nearest(truly: float) -> float:
        return min((one for one in gone if gone[one] == truly), key=lambda one: abs(one - truly))

    return {removed: nearest(truly) for removed, truly in gone.items()}
