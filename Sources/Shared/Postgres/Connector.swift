import CLibPQ
import Glibc
import Logging

/// Makes a connection, blocking the thread it is called on: that of the connection actor.
struct Connector {
    let configuration: PostgresConfiguration
    let conninfo: Conninfo
    let redaction: Redaction
    let notices: NoticeLog
    /// The `options` of the conninfo, without ours.
    let givenOptions: String?

    init(_ configuration: PostgresConfiguration, logger: Logger) throws(PostgresError) {
        self.configuration = configuration
        var conninfo = try Conninfo(parsing: configuration.currentConninfo)
        givenOptions = conninfo.options["options"]
        conninfo.apply(configuration)
        self.conninfo = conninfo
        redaction = Redaction(secrets: conninfo.secrets)
        notices = NoticeLog(logger: logger)
    }

    /// Tries the hosts in turn, and each address of a name; each may use its share of the time that is left, and no more than
    /// a `connect_timeout` in the conninfo.
    /// - Parameter isCancelled: asked several times a second.
    func connect(until isCancelled: @escaping () -> Bool) throws(PostgresError) -> ConnectionHandle {
        let limit = conninfo.connectTimeout
        let end = ContinuousClock.now + max(configuration.connectTimeout, limit ?? .zero)
        let candidates = conninfo.candidates.flatMap(HostAddresses.expand)
        var reasons: [String] = []
        for (index, candidate) in candidates.enumerated() {
            let share = min((end - .now) / (candidates.count - index), limit ?? .seconds(3600))
            switch try attempt(candidate, within: share, isCancelled) {
            case .connected(let handle): return handle
            case .failed(let reason): reasons.append(reason)
            }
            guard !isCancelled() else { throw PostgresError(kind: .closed, message: "connecting was given up") }
            // A pooler that takes no options: they are said when the session is there.
            guard reasons.last?.contains("unsupported startup parameter") == true else { continue }
            let plain = candidate.merging(["options": ""]) { $1 }
            if case .connected(let handle) = try attempt(plain, within: share, isCancelled) { return handle }
        }
        throw PostgresError(kind: .connect, message: reasons.joined(separator: "; "))
    }

    private enum Outcome: ~Copyable {
        case connected(ConnectionHandle)
        case failed(String)
    }

    private func attempt(
        _ candidate: [String: String], within share: Duration, _ isCancelled: @escaping () -> Bool
    ) throws(PostgresError) -> Outcome {
        var attempt = try start(candidate)
        if attempt.finish(by: .now + share, isCancelled), attempt.handle.startPipelining() {
            return .connected(attempt.adopt())
        }
        return .failed(attempt.reason(redaction, timeout: share))
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
    private var received: ReceivedBytes?
    private var sendsTooMuch = false
    let handle: ConnectionHandle

    init(raw: OpaquePointer, notices: NoticeLog) {
        self.raw = raw
        handle = ConnectionHandle(adopting: raw, notices: notices)
    }

    consuming func adopt() -> ConnectionHandle { handle }

    /// Goes on until connected (true), refused or out of time.
    mutating func finish(by deadline: ContinuousClock.Instant, _ isCancelled: () -> Bool) -> Bool {
        guard PQstatus(raw) != CONNECTION_BAD else { return false }
        var wanted = PGRES_POLLING_WRITING
        while wanted != PGRES_POLLING_OK {
            let events = wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT
            guard wanted != PGRES_POLLING_FAILED, wait(for: Int16(events), until: deadline, isCancelled) else {
                return false
            }
            guard !noticeTooMuch() else { return false }
            wanted = session.keeping(of: raw) { PQconnectPoll(raw) }
        }
        return true
    }

    /// What a server says before a session begins is short.
    private static let maximumBytes: UInt64 = 256 << 10

    private mutating func noticeTooMuch() -> Bool {
        let socket = PQsocket(raw)
        if received == nil { received = ReceivedBytes(on: socket) }
        sendsTooMuch = received?.count(on: socket) ?? 0 > Self.maximumBytes
        return sendsTooMuch
    }

    private borrowing func wait(
        for events: Int16, until deadline: ContinuousClock.Instant, _ isCancelled: () -> Bool
    ) -> Bool {
        while deadline > .now, !isCancelled() {
            var descriptor = pollfd(fd: PQsocket(raw), events: events, revents: 0)
            let count = poll(&descriptor, 1, Int32(min((deadline - .now).wholeMilliseconds, 100)))
            if count > 0 { return true }
            if count < 0 && errno != EINTR { return false }
        }
        return false
    }

    borrowing func reason(_ redaction: Redaction, timeout: Duration) -> String {
        if sendsTooMuch { return "what answers at \(host) sends more than a PostgreSQL server would" }
        if PQstatus(raw) == CONNECTION_BAD || PQstatus(raw) == CONNECTION_OK {
            let message = redaction.message(handle.errorText)
            // Where nothing is verified, there is a reason all the same.
            guard message.contains("certificate verify failed"), let refusal = session.refusal else { return message }
            return "\(message): \(refusal)"
        }
        return redaction.message(
            "connection to server at \(host) failed: no answer within \(timeout.wholeMilliseconds) ms")
    }

    private var host: String { "\"\(String(cString: PQhost(raw)))\", port \(String(cString: PQport(raw)))" }
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
