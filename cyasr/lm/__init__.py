"""Language models: estimated from text, checked for leaks, looked up by search and rescoring."""
