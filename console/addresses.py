"""Whose tries count together."""

from ipaddress import IPv6Address, ip_address


def address(text: str | None) -> str:
    """An address as tries from it are counted: who has an IPv6 address has a whole /64 of them."""
    try:
        found = ip_address(text or "")
    except ValueError:
        return text or "unknown"
    if isinstance(found, IPv6Address):
        return f"{IPv6Address(int(found) >> 64 << 64)}/64"
    return str(found)
