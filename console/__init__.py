"""A person: the pages, and the commands, through which agents work on cases."""
