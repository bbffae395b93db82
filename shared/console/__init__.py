"""What the operators' console is built on: who signs in, how a page is made, in which words. Its pages are flows' own."""
