"""Who may call, and how often: operators' keys, and a rate for routes without any."""
