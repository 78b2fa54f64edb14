import Glibc

/// The time of day, for what is compared with times that others wrote down. Durations are measured by `ContinuousClock`.
public enum WallClock {
    /// Milliseconds since 1970.
    public static var milliseconds: Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }

    /// `2026-01-31 14:05:00` of a time in seconds since 1970, UTC.
    public static func text(_ seconds: Int64) -> String {
        String(LogTime.text(seconds: seconds, milliseconds: 0).prefix(19)).replacing("T", with: " ")
    }
}
