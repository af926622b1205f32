"""When a part is judged. A new kind of trigger is a file here and a line in ``open_trigger``."""
