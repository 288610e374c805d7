"""Specification of the whole web process and its jobs, in one process."""
