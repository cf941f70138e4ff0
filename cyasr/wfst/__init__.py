"""Decoding with weighted finite-state transducers: H (CTC's topology), L (the lexicon) and G (a word n-gram) in one graph.

After Miao et al. 2015, "EESEN", section 3.3, with T = H. A backend, `kaldi` or `k2`, searches the graph and gives word
lattices; what comes after, n-best lists and rescoring with a larger G, is the same for both.
"""
