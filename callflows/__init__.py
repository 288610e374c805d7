"""What callers hear: call flows and prompts as data, and the small pure engine that walks them."""
