"""Specification of the core: the records and their rules."""
