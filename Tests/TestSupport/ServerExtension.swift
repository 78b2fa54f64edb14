import Logging
import Postgres
public import Testing

/// An extension of PostgreSQL that the records may use. On a server that loads one, as `scripts/servers --extension` starts it, every test
/// database has it.
public enum ServerExtension: String, Sendable, CaseIterable {
    case timescaledb

    /// Those that the server of the tests loads.
    public static func loaded() async throws -> [ServerExtension] {
        let configuration = PostgresConfiguration(
            conninfo: try TestEnvironment.databaseURL, applicationName: "tests")
        let connection = try await PostgresConnection.connect(configuration, logger: Logger(label: "tests"))
        let names = try await connection.execute("SELECT current_setting('shared_preload_libraries')")[0].text(0)
        await connection.close()
        return allCases.filter { names.contains($0.rawValue) }
    }
}

extension Trait where Self == ConditionTrait {
    /// Runs where the server has the extension; elsewhere the report says what is missing.
    public static func needs(_ name: ServerExtension) -> Self {
        .enabled("the server has no \(name.rawValue): scripts/servers --extension \(name.rawValue)") {
            try await ServerExtension.loaded().contains(name)
        }
    }

    /// Runs where no extension has a part in how records lie.
    public static var needsNativePartitions: Self {
        .enabled("the server loads an extension for records") { try await ServerExtension.loaded().isEmpty }
    }
}
