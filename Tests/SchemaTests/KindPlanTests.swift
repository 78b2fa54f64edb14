import Records
import Testing

@testable import Schema

@Suite("What the file of a kind changes") struct KindPlanTests {
    private static let fields = """
        {"name": "rate", "type": "decimal"}, {"name": "at", "type": "integer", "required": false}
        """

    private static func kind(
        _ fields: String = fields, name: String = "FundingRate", queue: String = "q.funding",
        table: String = "funding_rates",
        partition: String = "month"
    ) throws -> RecordKind {
        try KindFile.parse(
            Array(
                """
                {"name": "\(name)", "queue": "\(queue)", "table": "\(table)", "partition": "\(partition)", "fields": [\(fields)]}
                """.utf8))
    }

    private func plan(_ kind: RecordKind, _ known: [RecordKind] = [], isTableTaken: Bool = true) throws -> KindPlan {
        try KindPlan(kind, known: RecordKind.builtIn + known, isTableTaken: isTableTaken)
    }

    @Test func aNewKindIsATable() throws {
        let plan = try plan(Self.kind(), isTableTaken: false)
        #expect(plan.change == .new && plan.sql.count == 4)
        #expect(
            plan.sql[0] == """
                CREATE TABLE funding_rates (
                    market_id integer NOT NULL,
                    interval_start timestamptz NOT NULL,
                    interval_end timestamptz NOT NULL,
                    rate numeric NOT NULL,
                    at bigint,
                    created_at timestamptz NOT NULL DEFAULT now(),
                    revision integer NOT NULL DEFAULT 1,
                    version numeric,
                    PRIMARY KEY (market_id, interval_start, interval_end)
                )
                """)
        #expect(plan.sql[1] == "INSERT INTO record_tables VALUES ('funding_rates', 'FundingRate', 'month')")
    }

    @Test func aNewFieldIsAColumn() throws {
        let added = ", {\"name\": \"source\", \"type\": \"text\", \"null\": \"stored\"}"
        let plan = try plan(Self.kind(Self.fields + added), [Self.kind()])
        #expect(plan.change == .changed(columns: ["source"]))
        #expect(
            plan.sql == [
                "ALTER TABLE funding_rates ADD COLUMN source text", "SELECT records_share_table('funding_rates')",
            ])
    }

    @Test func aKindOfTheProgramMayHaveMoreColumns() throws {
        let more = RecordKind.exchangeRate.fields.map {
            "{\"name\": \"\($0.name)\", \"type\": \"decimal\", \"column\": \"\($0.column)\"}"
        }
        let file = try Self.kind(
            (more + ["{\"name\": \"pool\", \"type\": \"text\", \"required\": false}"]).joined(separator: ","),
            name: "ExchangeRate", queue: "database-writer.exchange-rate", table: "exchange_rates")
        #expect(try plan(file).sql.first == "ALTER TABLE exchange_rates ADD COLUMN pool text")
    }

    @Test func rulesAloneNeedNoColumn() throws {
        let rules =
            "{\"name\": \"rate\", \"type\": \"decimal\", \"notNegative\": true}, {\"name\": \"at\", \"type\": \"integer\"}"
        let stricter = try plan(Self.kind(rules), [Self.kind()])
        #expect(stricter.change == .changed(columns: []) && stricter.sql.isEmpty)
        let wider = try plan(Self.kind(), [Self.kind(rules)])
        #expect(wider.sql == ["ALTER TABLE funding_rates ALTER COLUMN at DROP NOT NULL"])
        let weeks = try plan(Self.kind(partition: "week"), [Self.kind()])
        #expect(weeks.sql == ["UPDATE record_tables SET period = 'week' WHERE record_type = 'FundingRate'"])
        let same = try KindPlan(Self.kind(), known: [Self.kind()], isSameFile: true, isTableTaken: true)
        #expect(same.change == .none && same.sql.isEmpty)
    }

    private func refusal(_ kind: RecordKind, _ known: [RecordKind] = [], isTableTaken: Bool = false) -> String {
        do {
            return "\(try plan(kind, known, isTableTaken: isTableTaken).change)"
        } catch { return "\(error)" }
    }

    @Test func whatWouldLoseOrMixUpIsRefused() throws {
        let known = [try Self.kind()]
        let one = "{\"name\": \"rate\", \"type\": \"decimal\"}"
        let at = "{\"name\": \"at\", \"type\": \"integer\", \"required\": false}"
        #expect(
            refusal(try Self.kind(one), known).hasPrefix("field at is not in the file, but column at is in the table"))
        #expect(
            refusal(try Self.kind(one + ", {\"name\": \"at\", \"type\": \"text\", \"required\": false}"), known)
                .hasPrefix("field at: its type is integer"))
        #expect(
            refusal(try Self.kind("{\"name\": \"rate\", \"type\": \"decimal\", \"column\": \"other\"}, \(at)"), known)
                .hasPrefix("field rate: its column is rate"))
        #expect(
            refusal(try Self.kind(Self.fields + ", {\"name\": \"more\", \"type\": \"text\"}"), known)
                .hasPrefix("field more is new and required"))
        #expect(refusal(try Self.kind(queue: "other"), known).hasPrefix("queue: FundingRate has q.funding"))
        #expect(refusal(try Self.kind(table: "other"), known).hasPrefix("table: FundingRate has funding_rates"))
        #expect(refusal(try Self.kind(), isTableTaken: true).hasPrefix("there is a table or a view funding_rates"))
        #expect(refusal(try Self.kind(name: "Other"), known).hasPrefix("queue q.funding is FundingRate's"))
        #expect(
            refusal(try Self.kind(name: "Other", queue: "o"), known).hasPrefix("table funding_rates is FundingRate's"))
        #expect(
            refusal(try Self.kind(queue: "database-writer.trade")).hasPrefix("queue database-writer.trade is Trade's"))
        let many = try (0..<59).map { try Self.kind(name: "K\($0)", queue: "q\($0)", table: "t_\($0)") }
        #expect(refusal(try Self.kind(), many).hasPrefix("there are 64 kinds"))
    }
}
