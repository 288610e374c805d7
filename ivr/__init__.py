"""The phone. The only package that knows the telephony provider."""
