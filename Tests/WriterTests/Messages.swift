import Logging
import Postgres
import ProgramRuntime
import Records
import TestSupport

@testable import Quarantine
@testable import Storing
@testable import Writer

/// Messages as they come from the broker, decoded.
struct Messages: Sendable {
    private var bytes: [UInt8] = []
    private var messages: [(body: Range<Int>, kind: Int, headers: [(name: String, value: String)])] = []

    init(_ bodies: [String] = []) {
        for body in bodies { add(body) }
    }

    /// - Parameter kind: index into ``RecordKind/all``.
    mutating func add(_ body: some Collection<UInt8>, kind: Int = 0, headers: [(name: String, value: String)] = []) {
        messages.append((bytes.count..<(bytes.count + body.count), kind, headers))
        bytes += body
    }

    var prepared: PreparedBatch {
        var batch = PreparedBatch(bytes: bytes)
        for message in messages {
            batch.add(body: message.body, kind: message.kind, headers: message.headers, maximumBytes: 1 << 20)
        }
        return batch
    }

    mutating func add(_ body: String, kind: Int = 0, headers: [(name: String, value: String)] = []) {
        add(Array(body.utf8), kind: kind, headers: headers)
    }

    /// The minute from which tests count: 2023-12-11T14:00:00Z.
    static let epoch: Int64 = 28_371_720

    /// A message of the kind with the fields of its payload.
    /// - Parameter start: minutes after ``epoch``.
    static func body(market: Int32, start: Int64, _ fields: String, trace: String? = nil) -> String {
        let start = epoch + start
        let trace = trace.map { #","collectorTraceId":"\#($0)""# } ?? ""
        return
            #"{"exchange":"binance","symbol":"M\#(market)","payload":{\#(fields),"intervalStart":\#(start * 60_000),"#
            + #""intervalEnd":\#(start * 60_000 + 60_000),"marketId":\#(market)}\#(trace)}"#
    }

    static func candle(market: Int32 = 1, start: Int64 = 0, close: String = "2", trace: String? = nil) -> String {
        body(
            market: market, start: start, #""charts":[[\#((epoch + start) * 60_000),1,4,0.5,\#(close),10]]"#,
            trace: trace)
    }

    /// One message of each kind, in the order of ``RecordKind/all``.
    static func ofEachKind(market: Int32 = 1, start: Int64 = 0) -> [String] {
        let time = (epoch + start) * 60_000
        return [
            #""charts":[[\#(time),1,4,0.5,2,10]]"#, #""bids":[[1.5,2],[1,3]],"asks":[]"#, #""high":3.5,"low":null"#,
            #""tradesInfo":[[0,1.5,2,\#(time + 1000)],[1,1.25,3,\#(time + 2000)]]"#,
            #""poolASize":"1","poolBSize":2.50,"exchangeRate":"0.1""#,
        ].map { body(market: market, start: start, $0) }
    }
}

extension RecordStore {
    /// A store for a test database.
    static func make(
        _ database: TestDatabase, writer: String = "tests", rules: RevisionRules = RevisionRules(),
        readiness: Readiness = Readiness()
    ) -> RecordStore {
        readiness.declare(.postgres)
        var logger = Logger(label: "tests")
        logger.logLevel = .critical
        return RecordStore(
            PostgresConfiguration(conninfo: database.url, applicationName: writer), writer: writer,
            markets: KnownMarkets(), rules: rules, readiness: readiness, logger: logger)
    }

    @discardableResult
    func store(_ messages: Messages) async throws -> StoreResult {
        try await store(messages.prepared)
    }
}

extension PostgresConnection {
    /// The texts that a query with one column of text answers with.
    func texts(_ sql: String) async throws -> [String] {
        let rows = try await execute(sql)
        return (0..<rows.count).map { rows.text($0, 0) }
    }
}
