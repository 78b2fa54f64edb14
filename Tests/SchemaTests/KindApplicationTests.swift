import Postgres
import Records
import TestSupport
import Testing

@testable import Schema

@Suite("Kinds that are applied", .timeLimit(.minutes(10)))
struct KindApplicationTests {
    private func file(_ more: String = "", name: String = "FundingRate") -> [UInt8] {
        Array(
            """
            {
                "name": "\(name)", "queue": "q.\(name)", "table": "\(name.lowercased())s", "partition": "month",
                "fields": [{"name": "rate", "type": "decimal"}\(more)]
            }
            """.utf8)
    }

    private static let added =
        ", {\"name\": \"levels\", \"type\": \"rows\", \"elements\": [\"a\"], \"required\": false}"

    @Test func aTableIsMadeAndExtendedAndAllIsRemembered() async throws {
        try await withMigratedDatabase { _, connection in
            #expect(try await AppliedKinds.read(connection).map(\.name) == RecordKind.builtIn.map(\.name))
            let first = try KindApplication(file())
            #expect(try await first.plan(connection).change == .new)
            #expect(try await first.apply(connection).change == .new)
            #expect(try await first.apply(connection).change == .none)
            #expect(try await connection.execute("SELECT records_layout('fundingrates') <> 'plain'").bool(0, 0))
            try await connection.script(
                "INSERT INTO fundingrates (market_id, interval_start, interval_end, rate) VALUES (1, now(), now(), 0.5)"
            )
            let plan = try await KindApplication(file(Self.added)).apply(connection)
            #expect(plan.change == .changed(columns: ["levels"]))
            #expect(
                try await connection.number("SELECT count(*) FROM fundingrates WHERE levels IS NULL AND rate = 0.5")
                    == 1)
            _ = try await KindApplication(file(name: "Liquidation")).apply(connection)

            let kinds = try await ListedKind.all(connection)
            #expect(kinds.suffix(2).map(\.kind.name) == ["FundingRate", "Liquidation"])
            #expect(kinds.suffix(2).map(\.definitions) == [2, 1] && kinds[0].definitions == 0)
            let user = try await connection.execute("SELECT session_user::text").text(0, 0)
            #expect(kinds[5].appliedBy == user && kinds[5].appliedAt?.hasSuffix("Z") == true)
            #expect(kinds[5].kind.fields.map(\.column) == ["rate", "levels"])
            // Partitions that are made later have the new column, too.
            try await connection.script("SELECT records_make_room('FundingRate', now() - interval '1 year')")
            #expect(
                try await connection.number(
                    """
                    SELECT count(*) FROM record_partitions p WHERE relation = 'fundingrates' AND NOT EXISTS (
                        SELECT FROM pg_attribute a WHERE a.attrelid = p.partition AND a.attname = 'levels')
                    """) == 0)
        }
    }

    @Test func whatIsRefusedChangesNothing() async throws {
        try await withMigratedDatabase { _, connection in
            _ = try await KindApplication(file(Self.added)).apply(connection)
            await #expect(throws: KindRefusal.self) { try await KindApplication(file()).apply(connection) }
            try await connection.script("CREATE VIEW liquidations AS SELECT 1 AS x")
            await #expect(throws: KindRefusal.self) {
                try await KindApplication(file(name: "Liquidation")).apply(connection)
            }
            #expect(try await connection.number("SELECT count(*) FROM record_kinds") == 1)
            #expect(try await connection.number("SELECT count(*) FROM record_tables") == 6)
        }
    }

    /// Of several at once one works, and the others find it done.
    @Test func severalAtOnceDoItOnce() async throws {
        try await withMigratedDatabase { database, connection in
            let application = try KindApplication(file())
            let changes = try await withThrowingTaskGroup(of: KindPlan.Change.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        let own = try await database.connect()
                        let change = try await application.apply(own).change
                        await own.close()
                        return change
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(changes.filter { $0 == .new }.count == 1 && changes.filter { $0 == .none }.count == 3)
            #expect(try await connection.number("SELECT count(*) FROM record_kinds") == 1)
        }
    }

    /// Before and after it is applied: a role can do with its records what it can do with candles, and cannot apply itself.
    @Test func rolesGetItAsTheyHaveCandles() async throws {
        try await withMigratedDatabase { database, owner in
            try await TestRoles.with(database, owner) { roles in
                let operators = try await database.connect { $0.conninfo = roles.url("operator") }
                let denied = await #expect(throws: PostgresError.self) {
                    try await KindApplication(file()).apply(operators)
                }
                #expect(denied?.sqlstate == "42501")
                await operators.close()

                _ = try await KindApplication(file()).apply(owner)
                _ = try await KindApplication(file(Self.added)).apply(owner)
                let writer = try await database.connect { $0.conninfo = roles.url("writer") }
                try await writer.script(
                    """
                    INSERT INTO fundingrates (market_id, interval_start, interval_end, rate, levels, version)
                    VALUES (1, now(), now(), 0.5, '{{1}}', 1)
                    """)
                for sql in [
                    "INSERT INTO fundingrates (created_at) VALUES (now())", "UPDATE fundingrates SET rate = 1",
                    "INSERT INTO record_kinds (record_type, definition) VALUES ('X', '{}')",
                ] {
                    let denied = await #expect(throws: PostgresError.self) { try await writer.execute(sql) }
                    #expect(denied?.sqlstate == "42501", "\(sql)")
                }
                await writer.close()
                for part in ["operator", "auditor", "console"] {
                    let reader = try await database.connect { $0.conninfo = roles.url(part) }
                    #expect(try await reader.number("SELECT count(*) FROM fundingrates") == 1)
                    let hidden = """
                        SELECT count(*) FROM record_partitions
                        WHERE relation = 'fundingrates' AND NOT has_table_privilege(partition, 'SELECT')
                        """
                    #expect(try await reader.number(hidden) == 0)
                    await reader.close()
                }
                for part in TestRoles.parts {
                    let reader = try await database.connect { $0.conninfo = roles.url(part) }
                    #expect(try await AppliedKinds.read(reader).count == 6)
                    await reader.close()
                }
            }
        }
    }

    /// Of a newer program, perhaps: what can't be read is left out, and everything else is known.
    @Test func aDefinitionThatCannotBeReadIsLeftOut() async throws {
        try await withMigratedDatabase { _, connection in
            try await connection.script(
                "INSERT INTO record_kinds (record_type, definition) VALUES ('Newer', '{\"name\": \"Newer\", \"more\": 1}')"
            )
            _ = try await KindApplication(file()).apply(connection)
            #expect(try await AppliedKinds.read(connection).map(\.name).suffix(2) == ["ExchangeRate", "FundingRate"])
        }
    }
}
