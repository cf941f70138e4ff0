"""How every step starts and ends: arguments in, exit status out, no traceback for a user's mistake."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator


class UsageError(Exception):
    """Something the user has to change before it can work. Printed as one line; exit status 2."""

    status = 2


class RunError(UsageError):
    """The run itself failed (disk full, too many rejects, NaN loss). Printed as one line; exit status 1."""

    status = 1


def run(main: Callable[[], None]) -> None:
    """Call `main` and leave the process with 0, 1 (failure), 2 (bad usage) or 130 (interrupted).

    A bug is no user's mistake: its traceback passes through.
    """
    try:
        main()
    except UsageError as error:
        print(f"{program()}: {line(str(error))}", file=sys.stderr)
        sys.exit(error.status)
    except OSError as error:
        if error.errno not in {28, 122}:  # ENOSPC, EDQUOT
            raise
        where = error.filename or "while writing"
        print(f"{program()}: {error.strerror}: {where}; free space and run again", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"{program()}: interrupted; run it again to go on", file=sys.stderr)
        sys.exit(130)


def line(message: str, longest: int = 1000) -> str:
    """`message` as one line for a terminal, whatever pieces of a user's files stand in it: long ones are cut in the middle."""
    if len(message) > longest:
        message = f"{message[: longest - 200]} … {message[-190:]}"
    if message.isprintable():
        return message
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message)


def program() -> str:
    """`steps.train` for `python -m steps.train`, else the script's name."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if spec else sys.argv[0].rpartition("/")[2]


def lines(source: Iterable[bytes]) -> Iterator[str]:
    """Lines of UTF-8 text, ends of line left out. Raises UsageError naming the line that is none."""
    for number, line in enumerate(source, 1):
        try:
            yield line.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            where = f"line {number} of standard input is not UTF-8 from its byte {error.start + 1} on"
            raise UsageError(f"{where}; convert it first, as with iconv -t UTF-8") from None
