public import Postgres
import Synchronization

/// Sees to it that all sessions of a process are on one server, and that ids rise there.
///
/// A server is told by its system identifier and its timeline, which rises with each promotion and each recovery. What makes
/// ids rise is the function `outbox_arrive`: where the log has come to another server, it moves the sequence ahead.
public final class ServerGuard: Sendable {
    private let memory = Mutex(ServerMemory())

    public init() {}

    /// To be called for each new session before it is used, and now and then after.
    /// - Returns: the server, and what was done there so that ids rise; nil if nothing had to be.
    /// - Throws: ``OlderServer``, or ``PostgresError``: the server is a standby, or ids can't be made to rise.
    @discardableResult
    public func admit(_ connection: PostgresConnection) async throws -> (server: Server, repair: String?) {
        let seen = memory.withLock { $0.highestID }
        let row = try await connection.execute(
            Statement(
                "SELECT system_identifier, timeline, coalesce(went_on_after, last_id), why FROM outbox_arrive($1)",
                name: "arrive", [.int8(seen)]))[0]
        let server = Server(systemIdentifier: try row.int8(0), timeline: try row.int4(1))
        let lastID = try row.int8(2)
        try memory.withLock { try $0.met(server, lastID: lastID) }
        return (server, try row.optionalText(3))
    }

    /// - Throws: ``ServerChanged`` if the process is on another server by now.
    public func require(_ server: Server) throws(ServerChanged) {
        guard isCurrent(server) else { throw ServerChanged() }
    }

    /// Whether a server is still the one that the process is on.
    public func isCurrent(_ server: Server) -> Bool { memory.withLock { $0.server == server } }
}

/// A server, as a log knows it.
public struct Server: Sendable, Equatable, CustomStringConvertible {
    /// Given once, when the data directory is made.
    public let systemIdentifier: Int64
    public let timeline: Int32

    public init(systemIdentifier: Int64, timeline: Int32) {
        self.systemIdentifier = systemIdentifier
        self.timeline = timeline
    }

    public var description: String { "timeline \(timeline) of system \(systemIdentifier)" }
}

/// What a process remembers of the servers that it has met.
struct ServerMemory {
    private(set) var server: Server?
    /// The highest id of the log that was drawn on any of them.
    private(set) var highestID: Int64 = 0

    /// - Throws: ``OlderServer`` for a timeline before one that was met: an old primary that nobody has stopped.
    mutating func met(_ other: Server, lastID: Int64) throws(OlderServer) {
        if let server, server.systemIdentifier == other.systemIdentifier, other.timeline < server.timeline {
            throw OlderServer(server: other, met: server)
        }
        server = other
        highestID = max(highestID, lastID)
    }
}

/// The server is one that another one has taken over from.
public struct OlderServer: Error, Sendable, Equatable, CustomStringConvertible {
    public let server: Server
    public let met: Server

    public var description: String {
        "the server is at timeline \(server.timeline), \(met.timeline) was met before: stop this old primary, or rebuild it as a standby"
    }
}

/// The process has come to another server meanwhile: the session is over.
public struct ServerChanged: Error, Sendable, CustomStringConvertible {
    public init() {}

    public var description: String { "the sessions are on different servers: connecting again" }
}
