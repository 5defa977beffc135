"""The templates that machines can be made from, and the tiers of customers."""
