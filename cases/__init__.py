"""The core: every record the hotline keeps and every rule about it. No Flask, no Twilio, no RQ, no Whisper."""
