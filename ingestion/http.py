"""Shared REST client: address check, rate limit, retries with pauses, redaction.

A source gives one function per call that reads an answer. It returns what it found,
raises `TryAgain` when the same call may succeed later, or a `SourceError` when it
will not. Everything else (pauses, limits, secrets) happens here.
"""

import ipaddress
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar
from urllib.parse import urlsplit

import orjson
import requests
from tenacity import RetryCallState, Retrying
from tenacity.retry import retry_if_exception_type
from tenacity.stop import stop_after_attempt
from tenacity.wait import wait_exponential_jitter

logger = logging.getLogger(__name__)

JsonValue = str | int | float | bool | None | list["JsonValue"] | dict[str, "JsonValue"]
JsonObject = dict[str, JsonValue]
Found = TypeVar("Found")

HIDDEN: Final = "***"
CONNECT_SECONDS: Final = 10


class SourceError(Exception):
    """A source cannot be read. One sentence: what, where and what to do."""


class InsecureAddressError(SourceError):
    """The address would send a secret over the network in the clear."""


class RefusedError(SourceError):
    """The system refuses the call; repeating it does not help."""


class UnavailableError(SourceError):
    """The system gave no good answer in all attempts."""


class TryAgain(Exception):  # noqa: N818 -- a signal to the retry loop, never seen outside
    """The same call may succeed later.

    Attributes:
        reason: What the system said.
        pause: Seconds it asked to wait at least.
    """

    def __init__(self, reason: str, *, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.pause = pause


@dataclass(frozen=True)
class Clock:
    """Where time comes from; tests give their own."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class RateLimit:
    """A leaky bucket.

    Attributes:
        per_second: How many requests drain in a second.
        burst: How many fit at once.
    """

    per_second: float
    burst: int


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how patiently a call is repeated; pauses grow twofold.

    Attributes:
        answer_seconds: How long one answer may take; a request to Bitrix24 or amoCRM
            may work for 60 seconds.
    """

    attempts: int = 7
    first_pause: float = 1.0
    longest_pause: float = 60.0
    answer_seconds: float = 70.0


@dataclass(frozen=True)
class Answer:
    """One HTTP answer.

    Attributes:
        body: Parsed JSON; None when the answer is not JSON.
    """

    status: int
    body: JsonValue


class LeakyBucket:
    """Keeps the callers of one system below its rate limit, whatever the thread."""

    def __init__(self, limit: RateLimit, clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._level = 0.0
        self._measured = clock.monotonic()

    def take(self) -> None:
        """Wait until one more request fits, and count it."""
        with self._lock:
            self._drain()
            overflow = self._level + 1 - self._limit.burst
            self._level += 1
        if overflow > 0:
            self._clock.sleep(overflow / self._limit.per_second)

    def obey(self, limit: RateLimit) -> None:
        """The system says its bucket is full: ours is full too, and drains no faster.

        Args:
            limit: What the system is known to allow.
        """
        with self._lock:
            self._drain()
            if limit.per_second < self._limit.per_second:
                self._limit = limit
            # Callers let through before were refused and will ask again.
            self._level = float(self._limit.burst)

    def _drain(self) -> None:
        now = self._clock.monotonic()
        drained = (now - self._measured) * self._limit.per_second
        self._level = max(0.0, self._level - drained)
        self._measured = now


_buckets: dict[tuple[str, RateLimit], LeakyBucket] = {}
_buckets_lock = threading.Lock()


def shared_bucket(system: str, limit: RateLimit, clock: Clock) -> LeakyBucket:
    """The one bucket of a system in this process."""
    with _buckets_lock:
        return _buckets.setdefault((system, limit), LeakyBucket(limit, clock))


class _HideSecrets(logging.Filter):
    """Takes secrets out of the lines that HTTP libraries log."""

    def __init__(self) -> None:
        super().__init__()
        self.secrets: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        clean = redact(message, self.secrets)
        if clean != message:
            record.msg, record.args = clean, None
        return True


_hide_secrets = _HideSecrets()


def redact(text: str, secrets: set[str] | frozenset[str]) -> str:
    """The text with every secret replaced by stars."""
    for secret in sorted(secrets, key=len, reverse=True):
        if secret:
            text = text.replace(secret, HIDDEN)
    return text


def check_address(url: str) -> str:
    """Host and port of an address that may carry a secret.

    Raises:
        InsecureAddressError: plain http to another machine.
        RefusedError: not an address of a web service.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise RefusedError(
            "the address of the source is not a web address: "
            "it must look like https://portal.example/rest/1/code/"
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise InsecureAddressError(
            f"{parts.hostname}: the address starts with http:// and would show the "
            "secret to the network; use https:// (http:// is for this machine only)"
        )
    return parts.hostname + (f":{parts.port}" if parts.port else "")


def is_loopback(host: str) -> bool:
    """Whether a host name means this very machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class _NoNetrc(requests.auth.AuthBase):
    """Keeps ``requests`` from adding a password of ``~/.netrc``."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


@dataclass
class JsonClient:
    """Posts JSON to one system and repeats what deserves it.

    Attributes:
        base_url: Address that method names are appended to; may hold a secret.
        secrets: Parts of the address that nobody may see.
        limit: Rate of the system; shared by all clients of the same host.
    """

    base_url: str = field(repr=False)
    secrets: frozenset[str] = field(repr=False)
    limit: RateLimit
    policy: RetryPolicy = RetryPolicy()
    clock: Clock = Clock()

    def __post_init__(self) -> None:
        self.host = check_address(self.base_url)
        self.bucket = shared_bucket(self.host, self.limit, self.clock)
        self._local = threading.local()
        _hide_secrets.secrets |= self.secrets
        for name in ("urllib3.connectionpool", "urllib3.util.retry"):
            logging.getLogger(name).addFilter(_hide_secrets)

    def post(
        self,
        method: str,
        payload: Mapping[str, JsonValue],
        read: Callable[[Answer], Found],
    ) -> Found:
        """What ``read`` finds in the answer of a method.

        Raises:
            SourceError: refused, or no good answer in all attempts.
        """
        body = orjson.dumps(payload)
        retrying = Retrying(
            retry=retry_if_exception_type(TryAgain),
            stop=stop_after_attempt(self.policy.attempts),
            wait=self._pause,
            sleep=self.clock.sleep,
            reraise=True,
        )
        failed: SourceError
        try:
            found: Found = retrying(self._once, method, body, read)
        except TryAgain as last:
            failed = UnavailableError(
                f"{self.host}: {method} gave no good answer in "
                f"{self.policy.attempts} attempts, the last one: {last.reason}"
            )
        except SourceError as refused:
            failed = refused
        else:
            return found
        # A new error out here: no traceback of it carries the address of the request.
        raise type(failed)(redact(str(failed), self.secrets))

    def _pause(self, state: RetryCallState) -> float:
        grown = wait_exponential_jitter(
            initial=self.policy.first_pause,
            max=self.policy.longest_pause,
            jitter=self.policy.first_pause,
        )(state)
        failure = state.outcome.exception() if state.outcome else None
        asked = failure.pause if isinstance(failure, TryAgain) else 0.0
        pause = max(grown, asked)
        logger.info(
            "source_retry",
            extra={
                "host": self.host,
                "reason": redact(str(failure), self.secrets),
                "attempt": state.attempt_number,
                "pause_seconds": round(pause, 1),
            },
        )
        return pause

    def _once(self, method: str, body: bytes, read: Callable[[Answer], Found]) -> Found:
        self.bucket.take()
        failure = ""
        try:
            response = self._session().post(
                self.base_url + method,
                data=body,
                headers={"Content-Type": "application/json"},
                timeout=(CONNECT_SECONDS, self.policy.answer_seconds),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            # The text of the error holds the address, the name of its class does not.
            failure = type(error).__name__
        if failure:
            raise TryAgain(failure)
        return read(Answer(response.status_code, _parse(response.content)))

    def _session(self) -> requests.Session:
        """A session per thread: ``requests`` does not promise more."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.auth = _NoNetrc()
            # A proxy of the environment cannot reach this machine's own portal.
            session.trust_env = not is_loopback(urlsplit(self.base_url).hostname or "")
            self._local.session = session
        return session


def _parse(content: bytes) -> JsonValue:
    try:
        parsed: JsonValue = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    # PostgreSQL keeps no NUL character in text.
    return _without_nul(parsed) if b"\\u0000" in content else parsed


def _without_nul(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_nul(item) for key, item in value.items()}
    return value
