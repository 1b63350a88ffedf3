"""From a Redis URL to a client.

    redis://[user:password@]host[:6379][/db]            one server
    rediss://…                                          the same over TLS
    unix:///path/redis.sock[?db=0]                      the same over a socket
    redis+sentinel://[user:password@]host[:26379][,host…]/service[/db][?sentinel_password=…]
    redis+cluster://[user:password@]host[:6379][,host…]

`rediss+sentinel` and `rediss+cluster` speak TLS. Further query parameters (for example ssl_ca_certs) go to the client.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import ExponentialWithJitterBackoff

Client = Redis | RedisCluster

_CURE = (
    "Cure: JZT_REDIS_URL must look like redis://host:6379/0, rediss://…, unix:///path/redis.sock, "
    "redis+sentinel://host:26379,host:26379/service or redis+cluster://host:6379"
)
_SENTINEL_PORT = 26379
_REDIS_PORT = 6379


class BusProblem(Exception):
    """The Redis URL cannot be used. Names the cure, never the password."""


def connect(url: str) -> Client:
    """A client for `url`; nothing is sent yet.

    Raises:
        BusProblem: the URL has none of the forms above.
    """
    try:
        parts = urlsplit(url)
        base, _, kind = parts.scheme.partition("+")
        if parts.scheme in {"redis", "rediss", "unix"}:
            return Redis.from_url(url, **_options())
        if base in {"redis", "rediss"} and kind == "sentinel":
            return _sentinel(parts, tls=base == "rediss")
        if base in {"redis", "rediss"} and kind == "cluster":
            return _cluster(parts, tls=base == "rediss")
    except (ValueError, TypeError) as error:
        raise BusProblem(f"the Redis URL cannot be read ({error}). {_CURE}") from error
    raise BusProblem(f"the Redis URL begins with {parts.scheme!r}. {_CURE}")


def _options() -> dict[str, Any]:
    # Short waits: while Redis is away the house goes on without it, and must notice soon.
    return {
        "decode_responses": True,
        "socket_connect_timeout": 2,
        "socket_timeout": 5,
        "health_check_interval": 15,
        "retry": Retry(ExponentialWithJitterBackoff(base=0.02, cap=0.2), 2),
    }


def _sentinel(parts: SplitResult, *, tls: bool) -> Client:
    service, _, db = parts.path.strip("/").partition("/")
    if not service:
        raise ValueError("the name of the service is missing after the last slash")
    query = dict(parse_qsl(parts.query))
    sentinel_options: dict[str, Any] = {
        key.removeprefix("sentinel_"): query.pop(key)
        for key in ("sentinel_username", "sentinel_password")
        if key in query
    }
    if tls:
        sentinel_options["ssl"] = True
    sentinel = Sentinel(  # type: ignore[no-untyped-call]  # redis-py leaves it unannotated
        _hosts(parts, _SENTINEL_PORT),
        sentinel_kwargs={"socket_connect_timeout": 2, "socket_timeout": 2, **sentinel_options},
    )
    options = {**_options(), **_login(parts), **query, "db": int(db or 0)}
    if tls:
        options["ssl"] = True
    client: Redis = sentinel.master_for(service, **options)
    return client


def _cluster(parts: SplitResult, *, tls: bool) -> Client:
    nodes = [ClusterNode(host, port) for host, port in _hosts(parts, _REDIS_PORT)]
    return RedisCluster(
        startup_nodes=nodes, ssl=tls, **{**_options(), **_login(parts), **dict(parse_qsl(parts.query))}
    )


def _login(parts: SplitResult) -> dict[str, str]:
    userinfo = parts.netloc.rpartition("@")[0]
    if not userinfo:
        return {}
    user, colon, password = userinfo.partition(":")
    login = (
        {"username": unquote(user), "password": unquote(password)} if colon else {"username": unquote(user)}
    )
    return {key: value for key, value in login.items() if value}


def _hosts(parts: SplitResult, default_port: int) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for word in parts.netloc.rpartition("@")[2].split(","):
        # One host at a time through the standard parser: it knows [::1]:6379.
        one = urlsplit(f"//{word}")
        if not one.hostname:
            raise ValueError("a host is missing")
        found.append((one.hostname, one.port or default_port))
    return found
