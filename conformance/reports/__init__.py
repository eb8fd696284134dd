"""What a run is told as: text, JUnit XML, JSON, Markdown, an HTML page, a badge."""
