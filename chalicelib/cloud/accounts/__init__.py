"""How people become users, log in, and set new passwords."""
