"""A small reference back office: receives cases over HTTP, shows them, sends status events back.

It shares nothing with the service but the published schemas and the signing secret: its own port, database and login.
An office with a system of its own runs that instead; this one shows what such a system has to do.
"""

from integrations.backoffice.reference.app import ReferenceSettings, create_app

__all__ = ["ReferenceSettings", "create_app"]
