public import Postgres

/// The database can't hold Candlepost's tables as it is.
public struct UnfitDatabase: Error, Sendable, CustomStringConvertible {
    /// What is wrong, and what to do.
    public let description: String

    static let foreignMigrations = UnfitDatabase(
        description:
            "the table schema_migrations is another program's: give Candlepost a schema of its own, by the user's "
            + "or the connection string's search_path")

    /// Makes sure that every text has a place in the database.
    /// - Throws: `UnfitDatabase` if its encoding is not UTF8: a message with a character that is missing there would be refused.
    public static func check(_ connection: PostgresConnection) async throws {
        let encoding = await connection.encoding
        guard encoding == "UTF8" else {
            throw UnfitDatabase(
                description: "the database's encoding is \(encoding), Candlepost needs UTF8: "
                    + "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0")
        }
    }
}
