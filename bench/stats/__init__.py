"""Statistics of launches: they know figures and launches, and neither files nor devices."""
