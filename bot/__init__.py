"""The service: channels, gateway, staff inbox, web pages and the `jzt` command."""
