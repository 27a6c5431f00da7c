"""How a report is shown. One file per format; its name is the suffix of the files it is for.

A format module offers ``SUFFIX`` and ``render(report: Report, *, colour: bool = False) -> str``
(``bytes`` for a picture) and never writes: the command line prints or writes it. One that draws
tables of variants also takes ``view: View`` (``bench.report.view``), the columns wanted. One that
needs an extra also offers ``require()``, which raises UsageError where it is not installed: it is
called before anything is measured.
"""
