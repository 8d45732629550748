"""Prompts as audio: rendered by voices, imported from recordings, all at one loudness for the telephone."""
