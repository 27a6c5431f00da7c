"""Every plugin that is found holds the promises of its kind."""
