import CLibPQ
import Glibc
import Logging

/// Makes a connection, blocking the thread it is called on: that of the connection actor.
struct Connector {
    let configuration: PostgresConfiguration
    let conninfo: Conninfo
    let redaction: Redaction
    let notices: NoticeLog

    init(_ configuration: PostgresConfiguration, logger: Logger) throws(PostgresError) {
        self.configuration = configuration
        var conninfo = try Conninfo(parsing: configuration.currentConninfo)
        conninfo.apply(configuration)
        self.conninfo = conninfo
        redaction = Redaction(secrets: conninfo.secrets)
        notices = NoticeLog(logger: logger)
    }

    /// Tries the hosts in turn; each may use its share of the time that is left.
    func connect() throws(PostgresError) -> ConnectionHandle {
        let end = ContinuousClock.now + configuration.connectTimeout
        let candidates = conninfo.candidates
        var reasons: [String] = []
        for (index, candidate) in candidates.enumerated() {
            let share = (end - .now) / (candidates.count - index)
            var attempt = try start(candidate)
            if attempt.finish(by: .now + share), attempt.handle.startPipelining() { return attempt.adopt() }
            reasons.append(attempt.reason(redaction, timeout: share))
        }
        throw PostgresError(kind: .connect, message: reasons.joined(separator: "; "))
    }

    private func start(_ options: [String: String]) throws(PostgresError) -> ConnectAttempt {
        let keywords = options.keys.sorted()
        let pointers = keywords.flatMap { [strdup($0), strdup(options[$0] ?? "")] }
        defer { for pointer in pointers { free(pointer) } }
        let names = stride(from: 0, to: pointers.count, by: 2).map { UnsafePointer(pointers[$0]) } + [nil]
        let values = stride(from: 1, to: pointers.count, by: 2).map { UnsafePointer(pointers[$0]) } + [nil]
        guard let raw = PQconnectStartParams(names, values, 0) else {
            throw PostgresError(kind: .connect, message: "out of memory")
        }
        notices.receiveNotices(of: raw)
        return ConnectAttempt(raw: raw, notices: notices)
    }
}

/// A connection being made to one host.
private struct ConnectAttempt: ~Copyable {
    private let raw: OpaquePointer
    private var session = TLSSession()
    let handle: ConnectionHandle

    init(raw: OpaquePointer, notices: NoticeLog) {
        self.raw = raw
        handle = ConnectionHandle(adopting: raw, notices: notices)
    }

    consuming func adopt() -> ConnectionHandle { handle }

    /// Goes on until connected (true), refused or out of time.
    mutating func finish(by deadline: ContinuousClock.Instant) -> Bool {
        guard PQstatus(raw) != CONNECTION_BAD else { return false }
        var wanted = PGRES_POLLING_WRITING
        while wanted != PGRES_POLLING_OK {
            let events = wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT
            guard wanted != PGRES_POLLING_FAILED, wait(for: Int16(events), until: deadline) else { return false }
            wanted = session.keeping(of: raw) { PQconnectPoll(raw) }
        }
        return true
    }

    private borrowing func wait(for events: Int16, until deadline: ContinuousClock.Instant) -> Bool {
        while deadline > .now {
            var descriptor = pollfd(fd: PQsocket(raw), events: events, revents: 0)
            let limit = min((deadline - .now).wholeMilliseconds, 3_600_000)
            let count = poll(&descriptor, 1, Int32(limit))
            if count > 0 { return true }
            if count < 0 && errno != EINTR { return false }
        }
        return false
    }

    borrowing func reason(_ redaction: Redaction, timeout: Duration) -> String {
        if PQstatus(raw) == CONNECTION_BAD || PQstatus(raw) == CONNECTION_OK {
            let message = redaction.message(handle.errorText)
            // Where nothing is verified, there is a reason all the same.
            guard message.contains("certificate verify failed"), let refusal = session.refusal else { return message }
            return "\(message): \(refusal)"
        }
        let (host, port) = (String(cString: PQhost(raw)), String(cString: PQport(raw)))
        return redaction.message(
            "connection to server at \"\(host)\", port \(port) failed: no answer within \(timeout.wholeMilliseconds) ms"
        )
    }
}

/// The TLS session of a connection that is being made, for the reason why the server's certificate is refused: libpq has
/// no more to say than that it is.
private struct TLSSession: ~Copyable {
    private var raw: UnsafeMutableRawPointer?

    deinit { candlepost_forget_session(raw) }

    /// Keeps the session if this step of connecting begins it. What the step sends is held back so long: with the server's
    /// answer already there, the same step could also end it.
    mutating func keeping(
        of connection: OpaquePointer, _ step: () -> PostgresPollingStatusType
    ) -> PostgresPollingStatusType {
        guard raw == nil, PQstatus(connection) == CONNECTION_SSL_STARTUP else { return step() }
        Self.hold(true, connection)
        let wanted = step()
        raw = candlepost_keep_session(connection)
        Self.hold(false, connection)
        return wanted
    }

    private static func hold(_ isOn: Bool, _ connection: OpaquePointer) {
        var value: Int32 = isOn ? 1 : 0
        setsockopt(PQsocket(connection), Int32(IPPROTO_TCP), TCP_CORK, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    /// As in "certificate has expired"; nil if it is fine, or there is no TLS.
    var refusal: String? { candlepost_session_refusal(raw).map { String(cString: $0) } }
}
