"""The two exceptions that pykickstart names."""


class RequestException(OSError):
    """No answer came."""


class SSLError(RequestException):
    """Never raised on its own here: curl's message says it."""
