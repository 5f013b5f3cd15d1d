"""Records in → pictures and pages: plain SVG and Markdown that any browser shows, light or dark."""
