"""Specification of the telephone's parts."""
