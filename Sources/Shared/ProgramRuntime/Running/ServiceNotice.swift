/// What a service manager is to be told, and when. No I/O, no clock.
///
/// The watchdog is fed unless work stands still although everything that it needs is there: then a restart helps. While a
/// server is away none would, so it is fed.
struct ServiceNotice {
    private var hasBeenReady = false
    private var isStopping = false
    private var status = ""

    /// - Parameter reasons: what is missing, as `/readyz` says it.
    /// - Returns: the lines of the next datagram; the protocol of `sd_notify(3)`.
    mutating func next(_ snapshot: Readiness.Snapshot, reasons: [String]) -> [String] {
        var lines: [String] = []
        if snapshot.isReady, !hasBeenReady {
            hasBeenReady = true
            lines.append("READY=1")
        }
        if snapshot.isDraining, !isStopping {
            isStopping = true
            lines.append("STOPPING=1")
        }
        let now = reasons.isEmpty ? "ready" : reasons.joined(separator: "; ")
        if now != status {
            status = now
            lines.append("STATUS=\(now)")
        }
        if !Self.isStuck(snapshot) { lines.append("WATCHDOG=1") }
        return lines
    }

    /// Nothing moves although all that it needs is there.
    private static func isStuck(_ snapshot: Readiness.Snapshot) -> Bool {
        let missing = snapshot.conditions.filter { $0.status != .ready }.map(\.name)
        return missing == ["progress"] && !snapshot.isDraining
    }
}
