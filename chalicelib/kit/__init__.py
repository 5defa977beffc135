"""Building blocks without domain words: time, ids, errors, persistence, queues, signing, logging."""
