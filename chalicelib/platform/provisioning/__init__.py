"""Makes things outside follow the rows that describe them, and knows no kind of thing itself."""
