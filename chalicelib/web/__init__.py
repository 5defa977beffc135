"""The HTTP edge without a route: how requests are read, checked, answered and documented."""
