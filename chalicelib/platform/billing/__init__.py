"""The cost of things: intervals in which they are charged, prices, bills and forecasts."""
