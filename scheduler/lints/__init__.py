"""What is legal in an entry and probably not meant, each with a name. Pure."""
