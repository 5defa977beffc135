"""The HTTP edge: request and response models, authentication, envelopes, the published document. No domain rules."""
