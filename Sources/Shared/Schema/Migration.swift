import FoundationEssentials

/// One numbered SQL file of `migrations/`, never edited once released.
public struct Migration: Sendable, Equatable {
    /// 1, 2, 3, … without a gap.
    public let version: Int32
    /// The file's name without its ending, as in `0003_outbox`.
    public let name: String
    public let sql: String

    /// Reads all `NNNN_name.sql` files of a folder, in order.
    /// - Throws: ``MigrationError`` if there are none, a number is missing or there twice, or a file can't be read.
    public static func load(from folder: String) throws(MigrationError) -> [Migration] {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
            throw MigrationError("cannot read the migrations folder \(folder)")
        }
        var migrations: [Migration] = []
        for name in names.sorted() where name.hasSuffix(".sql") {
            let path = "\(folder)/\(name)"
            guard let version = Int32(name.prefix { $0.isNumber }) else {
                throw MigrationError("\(path): expected a name like 0001_what.sql")
            }
            guard let data = FileManager.default.contents(atPath: path),
                let sql = String(validating: data, as: UTF8.self)
            else { throw MigrationError("\(path): cannot be read as UTF-8 text") }
            migrations.append(Migration(version: version, name: String(name.dropLast(4)), sql: sql))
        }
        guard !migrations.isEmpty else { throw MigrationError("no migrations in \(folder)") }
        for (index, migration) in migrations.enumerated() where migration.version != Int32(index + 1) {
            throw MigrationError("\(folder): expected number \(index + 1), found \(migration.name)")
        }
        return migrations
    }

    /// The folder of the migrations: beside an installed binary (`../share/candlepost/migrations`), or in the checkout
    /// that the binary was built in or is started from.
    /// - Parameter executable: the running program's path.
    /// - Throws: ``MigrationError`` that lists where it looked.
    public static func folder(
        executable: String = "/proc/self/exe", currentFolder: String? = nil
    ) throws(MigrationError) -> String {
        let program = (try? FileManager.default.destinationOfSymbolicLink(atPath: executable)) ?? executable
        var ancestors: [String] = []
        var rest = Substring(program)
        while let slash = rest.lastIndex(of: "/") {
            rest = rest[..<slash]
            ancestors.append(String(rest))
        }
        let installed = ancestors.prefix(1).map { "\($0)/../share/candlepost/migrations" }
        let candidates =
            installed
            + (ancestors + [currentFolder ?? FileManager.default.currentDirectoryPath]).map { "\($0)/migrations" }
        guard let found = candidates.first(where: { FileManager.default.fileExists(atPath: "\($0)/0001_markets.sql") })
        else { throw MigrationError("no migrations found; looked in \(candidates.joined(separator: ", "))") }
        return found
    }
}

/// The migrations can't be read, or don't fit the database.
public struct MigrationError: Error, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
