"""edgectl: the command line of Edge Admin, serverless."""

__version__ = "0.1.0"
