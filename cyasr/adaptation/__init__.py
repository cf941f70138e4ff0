"""What of a pretrained model is trained, saved and merged: independent of the system."""
