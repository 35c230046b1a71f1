"""Work on strings: quoting, hiding secrets, folding, wrapping, commands. Knows no other room."""
