"""Code that every family of APIs needs and none owns. It does not depend on any family."""
