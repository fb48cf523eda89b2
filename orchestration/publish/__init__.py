"""Publishing: what passed the gates becomes the next snapshot that readers see, in one atomic step."""
