import Glibc

/// The time of day, for what is compared with times that others wrote down. Durations are measured by `ContinuousClock`.
public enum WallClock {
    /// Milliseconds since 1970.
    public static var milliseconds: Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }
}
