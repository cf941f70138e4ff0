"""Word and character error rates with intervals: per list of hypotheses, and pooled over folds."""
