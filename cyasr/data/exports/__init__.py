"""Cuts of a data set written for other toolkits: one module each, with `write(split, cuts, folder, copy)`."""
