"""Pages for people: the guide at ``/``, the API's and the events' reference, and a page to try the API."""
