"""What becomes of the dialect: features, standardisation, the uses of εν, code-switching."""
