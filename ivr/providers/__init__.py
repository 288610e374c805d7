"""What differs between Twilio-compatible providers, as data."""
