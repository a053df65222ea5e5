"""A point in time that both clocks saw: dates come from one, durations from the other (rules, section 4.7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment.

    Attributes:
        wall: Seconds since the epoch, UTC; may jump when the clock is set.
        boot_s: Seconds of CLOCK_BOOTTIME (since boot, suspend included); never jumps, comparable between processes.
        boot_id: Names the boot that `boot_s` counts from.
    """

    wall: float
    boot_s: float
    boot_id: str = ""

    def since(self, earlier: Instant) -> float:
        """Return the seconds from `earlier` to this moment: by the boot clock, or by dates across a reboot."""
        if self.boot_id == earlier.boot_id:
            return self.boot_s - earlier.boot_s
        return self.wall - earlier.wall

    def plus(self, seconds: float) -> Instant:
        """Return the moment `seconds` later."""
        return Instant(self.wall + seconds, self.boot_s + seconds, self.boot_id)

    def rfc3339(self) -> str:
        """Return the date in RFC 3339, UTC, with milliseconds."""
        return datetime.fromtimestamp(self.wall, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
