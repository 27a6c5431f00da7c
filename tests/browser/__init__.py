"""Pages in a real browser: Chromium of the system, with no network."""
