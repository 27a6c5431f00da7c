"""One self-contained page of a report: no network, no server, nothing to install for who reads it.

Charts are Vega, compiled here; the page holds them as data beside the Vega runtime. A content
security policy lets run what the page itself brings and nothing else, and forbids all requests.
Expressions in charts are interpreted, not evaluated as code, so that the policy need not allow it.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from bench import cache

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Picture:
    """One chart of a page.

    Attributes:
        key: unique on the page; letters, digits and hyphens.
        title: its heading.
        chart: an Altair chart.
        text: what it shows, for those who do not see it.
        note: a line below it, plain text.
        controls: whether the chart has any, such as a slider; they stand above it.
    """

    key: str
    title: str
    chart: Any
    text: str
    note: str = ""
    controls: bool = False


def page(title: str, parts: Sequence[str], specs: dict[str, Any]) -> str:
    """The whole document.

    Args:
        title: of the window, plain text.
        parts: sections of HTML, already escaped.
        specs: charts by key, as :func:`figure` made them.
    """
    data = json.dumps(specs, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # A string in the data must not end the element that holds it.
    data = data.replace("<", "\\u003c")
    scripts = [_runtime(), (HERE / "page.js").read_text(encoding="utf-8")] if specs else []
    if not specs:
        scripts = [(HERE / "page.js").read_text(encoding="utf-8")]
    allowed = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    return Template((HERE / "page.html").read_text(encoding="utf-8")).substitute(
        title=html.escape(title),
        policy=f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'",
        style=(HERE / "page.css").read_text(encoding="utf-8"),
        body="\n".join(parts),
        data=data,
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
    )


def figure(picture: Picture, specs: dict[str, Any], heading: str = "h3") -> str:
    """A chart's place on the page; its Vega is added to ``specs``."""
    specs[picture.key] = vega(picture.chart)
    # Beside the chart, which is one picture to those who listen, and not in it.
    controls = f'<div class="controls" id="{picture.key}-controls"></div>'
    controls = controls if picture.controls else ""
    note = f"<figcaption>{html.escape(picture.note)}</figcaption>" if picture.note else ""
    return (
        f"<figure><{heading}>{html.escape(picture.title)}</{heading}>{controls}"
        f'<div class="chart" id="{picture.key}" role="img" tabindex="0" '
        f'aria-label="{html.escape(picture.text)}"></div>{note}</figure>'
    )


def multiples(title: str, pictures: Sequence[Picture], specs: dict[str, Any], note: str) -> str:
    """Charts of one kind side by side, each under the name of what it is about.

    Args:
        title: of all of them, plain text.
        pictures: on equal axes.
        specs: as of :func:`figure`.
        note: a line below the title, plain text.
    """
    drawn = "".join(figure(picture, specs, "h4") for picture in pictures)
    return (
        f'<section><h3>{html.escape(title)}</h3><p class="soft">{html.escape(note)}</p>'
        f'<div class="pair">{drawn}</div></section>'
    )


def vega(chart: Any) -> dict[str, Any]:
    """A chart compiled to Vega, with limits that can be dragged (see ``bench.charts.pareto``)."""
    import vl_convert

    made: dict[str, Any] = vl_convert.vegalite_to_vega(chart.to_dict())
    for signal in made.get("signals", ()):
        if signal["name"].startswith("limit_"):
            signal["on"] = list(_drag(signal["name"], made))
    return made


def _drag(name: str, made: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What moves a limit: the mouse on its line."""
    marks = f"{name}_line_marks"
    for axis in ("x", "y"):
        if _uses(made, marks, axis):
            yield {
                "events": f"[@{marks}:pointerdown, window:pointerup] > window:pointermove!",
                "update": f"invert('{axis}', {axis}())",
            }


def _uses(made: Any, marks: str, axis: str) -> bool:
    """Whether the mark of that name stands on that axis alone, as a rule across the other."""
    if isinstance(made, dict):
        if made.get("name") == marks:
            return "scale" in made["encode"]["update"].get(axis, {})
        return any(_uses(each, marks, axis) for each in made.get("marks", ()))
    return False


def _runtime() -> str:
    """Vega, its interpreter and vega-embed in one script, kept in the cache by its version."""
    import vl_convert

    name = f"vega-{vl_convert.__version__}.js"  # type: ignore[attr-defined]  # has no types
    kept = cache.folder("page") / name
    if not kept.is_file():
        script = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # its stubs forget the default.replace("</script", "<\\/script")
        cache.write(kept, script.encode())
    return kept.read_text(encoding="utf-8")


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
