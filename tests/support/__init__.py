"""Real servers and canned ones for the tests."""
