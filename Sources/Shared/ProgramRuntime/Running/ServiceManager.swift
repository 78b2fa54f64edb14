import Glibc
public import ServiceLifecycle

/// Tells systemd, or whatever reads `$NOTIFY_SOCKET`, that the program is ready, what it waits for, that it stops, and, once a second,
/// that it lives: units of `Type=notify` with a watchdog. One small datagram, no library.
public struct ServiceManager: Service {
    private let path: String
    private let readiness: Readiness

    /// - Parameter path: the value of `$NOTIFY_SOCKET`: a path, or `@` and an abstract name.
    /// - Returns: nil where it is none, for nobody listens then.
    public init?(path: String?, readiness: Readiness) {
        guard let path, path.hasPrefix("/") || path.hasPrefix("@"), path.utf8.count < 108 else { return nil }
        self.path = path
        self.readiness = readiness
    }

    /// Speaks until the graceful shutdown or the cancellation.
    public func run() async {
        let file = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard file >= 0 else { return await waitForEnd() }
        defer { close(file) }
        var notice = ServiceNotice()
        repeat {
            tell(&notice, file)
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: .seconds(1)) }
        } while !Task.isShuttingDownGracefully && !Task.isCancelled
        tell(&notice, file)
    }

    /// A service that returns would end the program.
    private func waitForEnd() async { try? await gracefulShutdown() }

    private func tell(_ notice: inout ServiceNotice, _ file: Int32) {
        let snapshot = readiness.snapshot
        // Without the seconds, which would change the status each time.
        let reasons = (snapshot.isDraining ? ["draining"] : []) + snapshot.reasons
        let text = notice.next(snapshot, reasons: reasons).joined(separator: "\n")
        guard !text.isEmpty else { return }
        send(text, by: file)
    }

    /// Whether it arrives is of no interest: a manager that is gone must not hold anything up.
    private func send(_ text: String, by file: Int32) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let name = Array(path.utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        if path.hasPrefix("@") { address.sun_path.0 = 0 }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = sendto(file, text, text.utf8.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL), $0, length)
            }
        }
    }
}
