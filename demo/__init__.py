"""A simulated telephone provider and the demonstration that rings the hotline through it.

This is an outside client. It imports nothing of the hotline: it speaks HTTP, signed as a provider
signs, and reads what the export command prints.
"""
