import Postgres
import Records
import Testing

@testable import Storing
@testable import Writer

@Suite("Whose fault it is")
struct BlameTests {
    private func blame(
        _ statement: String?, _ sqlstate: String?, table: String? = nil, kind: PostgresError.Kind = .server
    ) -> Blame {
        Blame(PostgresError(kind: kind, message: "", sqlstate: sqlstate, statement: statement, table: table))
    }

    @Test(arguments: ["22003", "23505", "23514", "23502", "23P01", "21000", "44000", "P0001", "54000"])
    func aStatementThatInsertsOrComparesRecordsBlamesTheRow(sqlstate: String) {
        #expect(blame("insert_candle_sticks", sqlstate, table: "candle_sticks") == .row)
        #expect(blame("compare_trades", sqlstate) == .row)
    }

    @Test(arguments: [
        "begin", "constraints", "commit", "lock_lanes", "insert_quarantine", "insert_ingest_batch", "insert_outbox",
        "SELECT", nil,
    ])
    func noOtherStatementDoes(statement: String?) {
        for sqlstate in ["23505", "23514", "23502", "P0001"] { #expect(blame(statement, sqlstate) == .outage) }
    }

    @Test func theOutboxBlamesARowForItsValueOnly() {
        #expect(blame("insert_outbox", "22021") == .row)
        #expect(blame("insert_outbox", "2200H") == .outage)
        #expect(blame("insert_outbox", "23514", table: "outbox") == .outage)
    }

    @Test(arguments: ["2200H", "42703", "42501", "53100", "40001", "25006", "55P03", "XX002", nil])
    func whatIsNoFaultOfDataIsNoRowsFault(sqlstate: String?) {
        #expect(blame("insert_tickers", sqlstate) == .outage)
    }

    @Test func theTableOfConflictsIsNoRowsFault() {
        #expect(blame("compare_tickers", "23505", table: "conflicting_duplicates") == .outage)
        #expect(blame("compare_tickers", "23514", table: "conflicting_duplicates") == .outage)
    }

    @Test func aConnectionThatIsLostBlamesNobody() {
        for kind in [PostgresError.Kind.connectionLost, .replyTimeout, .closed, .rolledBack, .connect] {
            #expect(blame("insert_candle_sticks", nil, kind: kind) == .outage)
        }
    }

    @Test func aRecordThatIsLeftOutInSilenceIsRefused() {
        #expect(blame("compare_trades", nil, table: "trades", kind: .unexpectedAnswer) == .row)
        #expect(blame("insert_trades", nil, table: "trades", kind: .unexpectedAnswer) == .outage)
        #expect(blame(nil, nil, kind: .unexpectedAnswer) == .outage)
    }
}

@Suite("A batch that is split")
struct SplitBatchTests {
    private static let error = PostgresError(
        kind: .server, message: "no", sqlstate: "23514", statement: "insert_candle_sticks")

    private func batch(_ count: Int) -> SplitBatch {
        SplitBatch(Messages((0..<count).map { Messages.candle(start: Int64($0)) } + ["bad"]).prepared)
    }

    /// Splits until nothing is left or it looks like an outage; a part is refused if it holds one of these records.
    private func run(_ split: inout SplitBatch, refusing bad: Set<Int>) {
        while split.outage == nil, let part = split.next() {
            if part.records.contains(where: bad.contains) {
                split.refused(part, Self.error)
            } else {
                var result = StoreResult()
                result.stored[0] = part.records.count
                split.stored(result)
            }
        }
    }

    @Test(arguments: [[0], [39], [3, 4, 20]] as [Set<Int>])
    func whatIsRefusedAmongOthersIsRefusedForWhatItIs(bad: Set<Int>) {
        var split = batch(40)
        run(&split, refusing: bad)
        #expect(split.suspects.map(\.part.records.lowerBound) == bad.sorted())
        #expect(split.outage == nil && split.unclear.isEmpty)
        #expect(split.refusals?.refused.map(\.refusal.detail) == bad.map { _ in "23514: no" })
        #expect(split.refusals?.records.isEmpty == true)
    }

    @Test func ifNoneIsStoredItIsUnclear() {
        var split = batch(3)
        run(&split, refusing: [0, 1, 2])
        #expect(split.outage == nil && split.unclear.count == 1)
    }

    @Test func manyWithOneCodeAndNoneStoredAreAnOutage() {
        var split = batch(200)
        run(&split, refusing: Set(0..<200))
        #expect(split.outage != nil && split.suspects.count == SplitBatch.mostOfOneCode)
        split.takeBack()
        var order: [Int] = []
        while let part = split.next() { order += part.records }
        #expect(order == Array(0..<200))
    }

    @Test func withoutSuspectsThereIsNothingToSay() {
        var split = batch(5)
        run(&split, refusing: [])
        #expect(split.refusals == nil && split.unclear.isEmpty && split.outage == nil)
    }

    @Test(arguments: RecordKind.all.indices)
    func theMadeUpRecordIsOne(kind: Int) {
        var messages = Messages()
        messages.add(RecordKind.all[kind].sample(), kind: kind)
        #expect(messages.prepared.records.count == 1)
    }
}
