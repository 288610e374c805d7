"""Specification of what a process needs."""
