"""Losses, each summed over utterances or tokens, and what each needs of a system."""
