"""One line per variant."""

SUFFIX = ".lines"


def render(report, *, colour=False):
    """The names."""
    return "".join(f"{row.variant.name}\n" for row in report.tables[0].rows)
