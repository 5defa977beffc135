"""Long work, remembered by rows: the tasks and the function that does them."""
