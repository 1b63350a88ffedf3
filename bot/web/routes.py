"""The pages and their assets, from memory, under a strict Content-Security-Policy.

Asset addresses carry a hash of all assets (`/assets/<hash>/chat.js`), so a browser may keep them for a year and
still sees a new version at once; the pages themselves are revalidated with their ETag on every visit.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from aiohttp import web

# blob: is for the preview of a photo before it is sent; everything else comes from this server only.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "geolocation=(), microphone=(), payment=()",
}
_PLACEHOLDER = b"{{assets}}"


@dataclass(frozen=True, slots=True)
class _Static:
    body: bytes
    zipped: bytes
    etag: str
    content_type: str
    cache: str

    def respond(self, request: web.Request) -> web.Response:
        headers = {**SECURITY_HEADERS, "ETag": f'W/"{self.etag}"', "Cache-Control": self.cache}
        headers["Vary"] = "Accept-Encoding"
        known = request.if_none_match or ()
        if any(tag.value in (self.etag, "*") for tag in known):
            return web.Response(status=304, headers=headers)
        body = self.body
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            body = self.zipped
            headers["Content-Encoding"] = "gzip"
        return web.Response(body=body, content_type=self.content_type, charset="utf-8", headers=headers)


def _static(body: bytes, name: str, cache: str) -> _Static:
    content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if name.endswith(".js"):  # some systems' MIME tables still say text/plain, which nosniff would refuse
        content_type = "text/javascript"
    etag = hashlib.sha256(body).hexdigest()[:20]
    return _Static(body, gzip.compress(body, mtime=0), etag, content_type, cache)


def _walk(folder: Traversable, prefix: str = "") -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for entry in folder.iterdir():
        if entry.is_dir():
            found |= _walk(entry, f"{prefix}{entry.name}/")
        elif not entry.name.endswith((".md", ".txt")):
            found[prefix + entry.name] = entry.read_bytes()
    return found


def setup(app: web.Application) -> None:
    """Add `/`, `/staff`, `/staff/policy`, `/favicon.ico` and `/assets/<hash>/…` to the application. Only GET and HEAD."""
    here = files("bot.web")
    raw = _walk(here / "assets")
    digest = hashlib.sha256()
    for name in sorted(raw):
        digest.update(name.encode() + b"\0" + raw[name])
    build = digest.hexdigest()[:12]
    base = f"/assets/{build}"

    assets = {name: _static(body, name, "public, max-age=31536000, immutable") for name, body in raw.items()}
    pages = {
        address: _static(
            (here / "pages" / name).read_bytes().replace(_PLACEHOLDER, base.encode()), name, "no-cache"
        )
        for address, name in {
            "/": "chat.html",
            "/staff": "staff.html",
            "/staff/policy": "policy.html",
        }.items()
    }

    async def page(request: web.Request) -> web.Response:
        return pages[request.path].respond(request)

    async def asset(request: web.Request) -> web.Response:
        found = assets.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound
        if request.match_info["build"] != build:
            # A page from before an update asks for its old assets: give it the new ones, uncached.
            return _static(found.body, request.match_info["name"], "no-cache").respond(request)
        return found.respond(request)

    async def favicon(_: web.Request) -> web.Response:
        raise web.HTTPFound(f"{base}/icon.svg")

    for address in pages:
        app.router.add_get(address, page)
    app.router.add_get("/favicon.ico", favicon)
    app.router.add_get("/assets/{build}/{name:.+}", asset)
