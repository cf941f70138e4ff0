"""The embedded corpus: sentences of a small grammar, spoken by a formant synthesiser. It exercises the recipe, no more."""
