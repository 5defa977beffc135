"""What every family of APIs needs and none owns. It knows no family."""
