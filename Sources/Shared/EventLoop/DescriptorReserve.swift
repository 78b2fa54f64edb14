import Glibc

/// The descriptors that this program leaves free, for those that can't do without.
///
/// libdispatch runs all tasks of Swift. While it has work it opens a file in /proc once a second for each of its threads, and
/// ends the process (SIGILL, "workq: registered worker exited prematurely") when it can't; a clock's first timer for
/// which it gets no descriptor never fires. C libraries open files of a moment, too. So whoever here opens what
/// stays open gives the last ones back: a program that is out of descriptors waits then, and says so.
public enum DescriptorReserve {
    /// Who may go how far.
    public enum Share: Int32, Sendable {
        /// Connections to servers. A socket, and perhaps some files, come beside the descriptors that are looked at.
        case connections = 32
        /// Callers of the HTTP endpoint, who ask why the others wait.
        case callers = 16
    }

    /// Whether a descriptor that was just got is one of those that have to stay free. The lowest free one is given out
    /// first, so all below it are in use.
    public static func has(_ descriptor: Int32, for share: Share) -> Bool {
        has(descriptor, for: share, limit: limit)
    }

    static func has(_ descriptor: Int32, for share: Share, limit: UInt64) -> Bool {
        UInt64(max(descriptor, 0)) + UInt64(share.rawValue) >= limit
    }

    /// As many as there may be now.
    private static var limit: UInt64 {
        var limits = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits) == 0 else { return .max }
        return UInt64(limits.rlim_cur)
    }
}
