public import Postgres

/// Roles of the cluster for one test, each with what candlepost_grant gives to a part.
public struct TestRoles: Sendable {
    public static let parts = ["writer", "relay", "operator", "auditor", "console"]

    /// The names of the roles, by part.
    public let names: [String: String]
    private let database: TestDatabase
    private let password: String

    /// The database's URI for a part's role.
    public func url(_ part: String) -> String {
        let url = database.url
        let login = url.firstRange(of: "://")!.upperBound..<url.firstIndex(of: "@")!
        return url.replacingCharacters(login, by: "\(names[part] ?? part):\(password)")
    }

    /// Runs `body` with a role for each part, and drops them afterwards.
    /// - Parameters:
    ///   - database: one that is migrated.
    ///   - owner: a session of the schema's owner, who may make roles.
    ///   - password: of all roles, as it stands in a URI.
    @discardableResult
    public static func with<R: Sendable>(
        _ database: TestDatabase, _ owner: PostgresConnection, password: String = "password",
        plainPassword: String? = nil, _ body: (TestRoles) async throws -> R
    ) async throws -> R {
        let suffix = String(UInt64.random(in: 0 ... .max), radix: 36)
        let names = Dictionary(uniqueKeysWithValues: parts.map { ($0, "test_\($0)_\(suffix)") })
        for (part, name) in names {
            try await owner.script("CREATE ROLE \(name) LOGIN PASSWORD '\(plainPassword ?? password)'")
            _ = try await owner.execute("SELECT candlepost_grant($1, $2::text::regrole)", [.text(part), .text(name)])
        }
        let roles = TestRoles(names: names, database: database, password: password)
        let result: Result<R, any Error>
        do { result = .success(try await body(roles)) } catch { result = .failure(error) }
        for name in names.values {
            try await sessionsEnd(of: name, owner)
            try await owner.script("SELECT candlepost_revoke('\(name)'); DROP ROLE \(name)")
        }
        return try result.get()
    }

    /// The temporary tables of a session go with it, a moment after it was closed; until then its role can't be dropped.
    private static func sessionsEnd(of name: String, _ owner: PostgresConnection) async throws {
        let sessions = "SELECT count(*) FROM pg_stat_activity WHERE usename = $1"
        let end = ContinuousClock.now + .seconds(30)
        while try await owner.execute(sessions, [.text(name)]).int8(0, 0) > 0, .now < end {
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}

extension String {
    fileprivate func replacingCharacters(_ range: Range<Index>, by text: String) -> String {
        self[..<range.lowerBound] + text + self[range.upperBound...]
    }
}
