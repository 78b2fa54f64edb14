import Postgres
import TestSupport
import Testing

@Suite("Statements on a real server")
struct SessionTests {
    /// By which the server gives up a machine that has fallen silent, and its locks, within 15 seconds.
    @Test func theServerAsksWhetherWeAreStillThere() async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            for (name, value) in [
                ("tcp_keepalives_idle", "5"), ("tcp_keepalives_interval", "5"), ("tcp_keepalives_count", "2"),
                ("tcp_user_timeout", "15000"),
            ] {
                #expect(
                    try await connection.execute("SELECT setting FROM pg_settings WHERE name = $1", [.text(name)]).text(
                        0, 0) == value)
            }
        }
    }

    @Test func scalarsRoundTrip() async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            let rows = try await connection.execute(
                "SELECT $1::int2, $2::int4, $3::int8, $4::bool, $5::float8, $6::text, $7::bytea, $8::int4 AS nothing",
                [
                    .int2(-2), .int4(.min), .int8(.max), .bool(true), .double(-0.5), .text("ä\"'\\"), .bytea([0, 255]),
                    .null(TypeOID.int4),
                ])
            #expect(rows.count == 1)
            #expect(rows.int2(0, 0) == -2)
            #expect(rows.int4(0, 1) == .min)
            #expect(rows.int8(0, 2) == .max)
            #expect(rows.bool(0, 3))
            #expect(rows.double(0, 4) == -0.5)
            #expect(rows.text(0, 5) == "ä\"'\\")
            #expect(Array(rows.bytes(0, 6)) == [0, 255])
            #expect(rows.byteCount(0, 6) == 2)
            #expect(rows.isNull(0, 7) && !rows.isNull(0, 6))
            #expect(rows.columnNames.last == "nothing")
            #expect(rows.commandTag == "SELECT 1")
            #expect(rows.affectedRows == 1)
        }
    }

    @Test func valuesAreFoundAroundNullsAndEmptyTexts() async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            let rows = try await connection.execute(
                "VALUES (NULL, ''::text, 1::int8), ('a', NULL, 2), ('', 'b', NULL)")
            #expect(rows.count == 3)
            #expect((0..<9).map { rows.isNull($0 / 3, $0 % 3) } == (0..<9).map { [0, 4, 8].contains($0) })
            #expect([rows.text(0, 1), rows.text(1, 0), rows.text(2, 0), rows.text(2, 1)] == ["", "a", "", "b"])
            #expect([rows.int8(0, 2), rows.int8(1, 2)] == [1, 2])
            #expect(try await connection.execute("SELECT 1 WHERE false").count == 0)
        }
    }

    @Test func textArraysArriveAsTheyWereBuilt() async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            var array = BinaryArray(elementType: .text, capacity: 0)
            for text in ["plain", "", "NULL", "quote\"", "back\\slash", "{a,b}", "ünï🙂"] { array.append(text: text) }
            array.appendNull()
            let rows = try await connection.execute("SELECT $1::text[]::text", [.array(array)])
            #expect(rows.text(0, 0) == #"{plain,"","NULL","quote\"","back\\slash","{a,b}",ünï🙂,NULL}"#)
            let empty = BinaryArray(elementType: .text, capacity: 0)
            #expect(try await connection.execute("SELECT $1::text[]::text", [.array(empty)]).text(0, 0) == "{}")
        }
    }

    @Test func arraysOfEveryTypeArrive() async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect(parameters: ["TimeZone": "UTC"])
            var arrays = [ElementType.bool, .int2, .int4, .int8, .double, .timestamptz, .bytea].map {
                BinaryArray(elementType: $0, capacity: 2)
            }
            arrays[0].append(bool: true)
            arrays[1].append(int2: .min)
            arrays[2].append(int4: .max)
            arrays[3].append(int8: .min)
            arrays[4].append(double: 1.5)
            arrays[5].append(timestampMilliseconds: 1_700_000_000_123)
            arrays[6].append(bytes: [1, 0xFF].span)
            for index in arrays.indices { arrays[index].appendNull() }
            let rows = try await connection.execute(
                "SELECT concat_ws(' ', $1, $2, $3, $4, $5, $6, $7)", arrays.map { .array($0) })
            #expect(
                rows.text(0, 0) == "{t,NULL} {-32768,NULL} {2147483647,NULL} {-9223372036854775808,NULL} {1.5,NULL} "
                    + #"{"2023-11-14 22:13:20.123+00",NULL} {"\\x01ff",NULL}"#)
        }
    }

    @Test(arguments: [0 as Int64, -1, 946_684_799_999, 1_700_000_000_123, -62_135_596_800_000])
    func timestampsRoundTrip(milliseconds: Int64) async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            let rows = try await connection.execute(
                "SELECT $1::timestamptz, extract(epoch FROM $1) * 1000 = $2",
                [.timestamp(milliseconds: milliseconds), .int8(milliseconds)])
            #expect(rows.timestampMilliseconds(0, 0) == milliseconds)
            #expect(rows.bool(0, 1))
        }
    }

    @Test func anImpossibleTimestampIsTheRowsFault() async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            let error = try await #require(throws: PostgresError.self) {
                try await connection.execute("SELECT $1", [.timestamp(milliseconds: .max)])
            }
            #expect(error.sqlstate == "22008")
            #expect(error.recovery == .refuseRow)
        }
    }

    @Test func aNamedStatementIsPreparedOnce() async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            let statement = Statement("SELECT $1 * 2", name: "twice", [.int4(21)])
            #expect(try await connection.pipeline([statement, statement]).map { $0.int4(0, 0) } == [42, 42])
            #expect(try await connection.pipeline([statement]).map { $0.int4(0, 0) } == [42])
            let prepared = try await connection.execute("SELECT name FROM pg_prepared_statements")
            #expect(prepared.count == 1 && prepared.text(0, 0) == "twice")
        }
    }

    @Test func aRollbackKeepsPreparedStatements() async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            let begin = Statement("BEGIN", name: "begin")
            for _ in 0..<3 {
                let error = try await #require(throws: PostgresError.self) {
                    try await connection.pipeline([begin, Statement("SELECT 1 / 0"), Statement("COMMIT", name: "end")])
                }
                #expect(error.sqlstate == "22012")
            }
            let prepared = try await connection.execute("SELECT name FROM pg_prepared_statements")
            #expect(prepared.count == 1 && prepared.text(0, 0) == "begin")
        }
    }

    @Test func aChangedTableHealsItsPreparedStatements() async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            _ = try await connection.execute("CREATE TABLE t (a int4)")
            let statement = Statement("SELECT * FROM t", name: "all")
            _ = try await connection.execute(statement)
            _ = try await connection.execute("ALTER TABLE t ADD b int4")
            let error = try await #require(throws: PostgresError.self) { try await connection.pipeline([statement]) }
            #expect(error.sqlstate == "0A000")
            #expect(error.recovery == .retry)
            #expect(try await connection.execute(statement).columnNames == ["a", "b"])
        }
    }

    @Test func settingsHold() async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect(parameters: ["work_mem": "7MB", "search_path": "a, \"b c\""])
            let rows = try await connection.execute(
                """
                SELECT current_setting('work_mem'), current_setting('search_path'),
                    current_setting('statement_timeout'), current_setting('application_name')
                """)
            #expect((0..<4).map { rows.text(0, $0) } == ["7MB", "a, \"b c\"", "30s", "tests"])
            #expect(connection.serverVersion >= 130_000)
            let processID = try await connection.execute("SELECT pg_backend_pid()").int4(0, 0)
            #expect(processID == connection.backendProcessID)
        }
    }

    /// Both directions hold far more than the socket buffers: whoever only writes is stuck for ever.
    @Test func bigValuesInBothDirectionsDoNotBlockEachOther() async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            let size = 10_000_000
            let value = [UInt8](repeating: 7, count: size)
            let echo = Statement("SELECT $1::bytea", [.bytea(value)])
            let results = try await connection.pipeline(Array(repeating: echo, count: 4))
            #expect(results.map { $0.bytes(0, 0).count } == [size, size, size, size])
            #expect(results.last.map { Array($0.bytes(0, 0)) } == value)
        }
    }
}
