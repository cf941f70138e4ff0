"""From encoder output to n-best lists: CTC alone, or CTC, attention and a language model together; no toolkit inside."""
