"""The parts of the target ``adb``: the way to a phone, what lies on it, and what it answers."""
