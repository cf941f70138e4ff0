"""One adapter a corpus: local/data_<corpus>.py is the only code that knows how a corpus is laid out."""
