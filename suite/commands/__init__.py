"""The commands of the command line, a file for each of the things that one does with it."""
