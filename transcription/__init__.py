"""The ear: the bytes of a recording become text, with times, language and doubts.

The only package that knows Whisper, torch, pydub and the audio decoders. A worker imports it; a web
process never does.
"""
