import Glibc

/// How much a server has sent since a moment: libpq keeps what it reads, and would keep it without end.
struct ReceivedBytes {
    private let start: UInt64?
    private var estimate: UInt64 = 0

    /// From now on.
    init(on socket: Int32) { start = Self.total(socket) }

    /// At least so many bytes have come. To be asked before each reading.
    mutating func count(on socket: Int32) -> UInt64 {
        if let start, let now = Self.total(socket) { return now - min(start, now) }
        // A local socket is not counted by the kernel. Of what waits, libpq takes at least this much at a time.
        var waiting: Int32 = 0
        guard ioctl(socket, UInt(FIONREAD), &waiting) == 0 else { return estimate }
        estimate += UInt64(min(max(waiting, 0), 8192))
        return estimate
    }

    /// What the kernel has received for a TCP socket: `tcpi_bytes_received`, the 64 bits at 128 in Linux's `tcp_info`
    /// (linux/tcp.h; glibc's own declaration ends before).
    private static func total(_ socket: Int32) -> UInt64? {
        withUnsafeTemporaryAllocation(byteCount: 256, alignment: 8) { info in
            var length = socklen_t(info.count)
            guard getsockopt(socket, Int32(IPPROTO_TCP), TCP_INFO, info.baseAddress, &length) == 0, length >= 136 else {
                return nil
            }
            return info.load(fromByteOffset: 128, as: UInt64.self)
        }
    }
}
