"""The rules for what is not Python: configuration, shells, Terraform, other languages, and text for people."""
