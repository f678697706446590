"""What arrives: a decoder for each wire format, one `Event`, every reason why a record is rejected. Pure."""
