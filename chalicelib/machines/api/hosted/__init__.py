"""The API of hosted nodes."""
