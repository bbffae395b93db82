"""The operators' console: what broke, whom it touches, and how it is mended."""
