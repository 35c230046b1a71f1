"""Check migrations before they run: lint."""
