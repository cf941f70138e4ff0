"""Second passes over n-best lists: other models score them, weights tuned on dev rank them anew."""
