import Foundation
import Schema
import Testing

@Suite("Migration files")
struct MigrationTests {
    private func error(of files: [String: String]) async throws -> String {
        try await withFolder { folder in
            try write(files, to: folder)
            return try #require(throws: MigrationError.self) { try Migration.load(from: folder) }.description
        }
    }

    @Test func areReadInOrder() async throws {
        try await withFolder { folder in
            try write(["0002_b.sql": "SELECT 2", "0001_a.sql": "SELECT 'ä'", "README.md": "no migration"], to: folder)
            let migrations = try Migration.load(from: folder)
            #expect(migrations.map(\.version) == [1, 2])
            #expect(migrations.map(\.name) == ["0001_a", "0002_b"])
            #expect(migrations.map(\.sql) == ["SELECT 'ä'", "SELECT 2"])
        }
    }

    @Test func aGapIsRefused() async throws {
        #expect(try await error(of: ["0001_a.sql": "", "0003_c.sql": ""]).hasSuffix("expected number 2, found 0003_c"))
        #expect(try await error(of: ["0002_a.sql": ""]).hasSuffix("expected number 1, found 0002_a"))
    }

    @Test func aNumberThatIsThereTwiceIsRefused() async throws {
        let message = try await error(of: ["0001_a.sql": "", "0002_b.sql": "", "0002_c.sql": ""])
        #expect(message.hasSuffix("expected number 3, found 0002_c"))
    }

    @Test(arguments: ["first.sql", "_1.sql", "-1_a.sql"])
    func aNameWithoutANumberIsRefused(name: String) async throws {
        let message = try await error(of: ["0001_a.sql": "", name: ""])
        #expect(message.contains("/\(name): expected a name like 0001_what.sql"))
    }

    @Test func aFolderWithoutMigrationsIsRefused() async throws {
        #expect(try await error(of: ["README.md": ""]).hasPrefix("no migrations in "))
        let missing = try #require(throws: MigrationError.self) { try Migration.load(from: "/no/such/folder") }
        #expect(missing.description == "cannot read the migrations folder /no/such/folder")
    }

    @Test func aFileThatIsNoTextIsRefused() async throws {
        try await withFolder { folder in
            try Data([0x53, 0xFF]).write(to: URL(filePath: "\(folder)/0001_a.sql"))
            let error = try #require(throws: MigrationError.self) { try Migration.load(from: folder) }
            #expect(error.description.hasSuffix("0001_a.sql: cannot be read as UTF-8 text"))
        }
    }

    /// Programs refuse a database that is older than this number.
    @Test func theProgramsNeedTheNewestMigration() throws {
        #expect(try Migration.load(from: try Migration.folder()).count == Int(SchemaVersion.required))
    }
}

@Suite("Where the migrations are")
struct MigrationFolderTests {
    private let file = "0001_markets.sql"

    @Test func besideAnInstalledProgram() async throws {
        try await withFolder { folder in
            try write(["usr/bin/writer": "", "usr/share/candlepost/migrations/\(file)": ""], to: folder)
            let found = try Migration.folder(executable: "\(folder)/usr/bin/writer", currentFolder: "/")
            #expect(found == "\(folder)/usr/bin/../share/candlepost/migrations")
        }
    }

    @Test func inTheCheckoutThatTheProgramWasBuiltIn() async throws {
        try await withFolder { folder in
            try write([".build/debug/writer": "", "migrations/\(file)": ""], to: folder)
            let found = try Migration.folder(executable: "\(folder)/.build/debug/writer", currentFolder: "/")
            #expect(found == "\(folder)/migrations")
        }
    }

    @Test func inTheCheckoutThatTheProgramIsStartedFrom() async throws {
        try await withFolder { folder in
            try write(["migrations/\(file)": "", "elsewhere/writer": ""], to: folder)
            let found = try Migration.folder(executable: "/usr/bin/env", currentFolder: folder)
            #expect(found == "\(folder)/migrations")
        }
    }

    @Test func throughASymbolicLink() async throws {
        try await withFolder { folder in
            try write(["opt/bin/writer": "", "opt/share/candlepost/migrations/\(file)": ""], to: folder)
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder)/link", withDestinationPath: "\(folder)/opt/bin/writer")
            let found = try Migration.folder(executable: "\(folder)/link", currentFolder: "/")
            #expect(found == "\(folder)/opt/bin/../share/candlepost/migrations")
        }
    }

    @Test func anInstalledProgramPrefersItsOwn() async throws {
        try await withFolder { folder in
            try write(
                [
                    "usr/bin/writer": "", "usr/share/candlepost/migrations/\(file)": "", "migrations/\(file)": "",
                ], to: folder)
            let found = try Migration.folder(executable: "\(folder)/usr/bin/writer", currentFolder: folder)
            #expect(found.hasSuffix("share/candlepost/migrations"))
        }
    }

    @Test func theErrorSaysWhereItLooked() async throws {
        try await withFolder { folder in
            try write(["bin/writer": "", "migrations/0001_other.sql": ""], to: folder)
            let error = try #require(throws: MigrationError.self) {
                try Migration.folder(executable: "\(folder)/bin/writer", currentFolder: "/nowhere")
            }
            #expect(error.description.contains("\(folder)/bin/../share/candlepost/migrations"))
            #expect(error.description.contains("\(folder)/migrations") && error.description.contains("/nowhere/"))
        }
    }
}
