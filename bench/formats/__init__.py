"""How a report is shown. One file per format; its name is the suffix of the files it is for.

A format module offers ``render(report: Report, *, colour: bool = False) -> str`` and never writes:
what becomes of the text is the command line's business.
"""
