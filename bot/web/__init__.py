"""Pages and their assets: resident chat, staff page. No external assets."""
