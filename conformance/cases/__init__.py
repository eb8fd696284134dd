"""The cases: one module for each chapter, one function for each case, whose docstring is its page on the site."""
