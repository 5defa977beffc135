"""Object storage of tenants: buckets, objects, uploads in parts, links, rules for the end of objects."""
