"""Corpora in, checked cuts out; features, augmentation and batches for training."""
