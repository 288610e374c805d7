"""How fast a signed, durable webhook turn is, as a ratio of a bare Flask route in the same run."""
