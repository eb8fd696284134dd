"""A module for each kind of page that is made from the sources of the project when the site is built."""
