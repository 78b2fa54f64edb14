import Postgres
import Records
import Testing

@testable import Quarantine
@testable import Storing
@testable import Writer

@Suite("Which records are inserted, and in which order")
struct BatchPlanTests {
    private func plan(_ messages: Messages, selection: Range<Int>? = nil) -> [BatchPlan.KindPlan] {
        BatchPlan(messages.prepared.records, selection: selection ?? messages.prepared.records.indices).kinds
    }

    private func candles(_ keys: [(market: Int32, start: Int64)]) -> Messages {
        Messages(keys.map { Messages.candle(market: $0.market, start: $0.start) })
    }

    @Test func rowsAreSortedByKey() throws {
        let plans = plan(candles([(2, 1), (1, 9), (2, 0), (1, 3), (10, 0)]))
        #expect(plans.map(\.kind) == [0])
        #expect(plans[0].firsts == [3, 1, 2, 0, 4])
        #expect(plans[0].repeats.isEmpty)
    }

    @Test func ofSeveralWithAKeyTheFirstToArriveIsInserted() {
        let plans = plan(candles([(2, 0), (1, 0), (2, 0), (1, 0), (2, 0)]))
        #expect(plans[0].firsts == [1, 0])
        #expect(plans[0].repeats == [3, 2, 4])
    }

    @Test func theEndOfTheIntervalBelongsToTheKey() {
        let short = Messages.candle()
        let long = short.replacing(
            #""intervalEnd":\#(Messages.epoch * 60_000 + 60_000)"#,
            with: #""intervalEnd":\#(Messages.epoch * 60_000 + 120_000)"#)
        #expect(plan(Messages([long, short]))[0].firsts == [1, 0])
    }

    @Test func kindsComeInTheOrderOfAllAndShareNoKeys() {
        var messages = Messages()
        for kind in [4, 2, 0, 3, 1, 2] { messages.add(Messages.ofEachKind()[kind], kind: kind) }
        let plans = plan(messages)
        #expect(plans.map(\.kind) == [0, 1, 2, 3, 4])
        #expect(plans.map(\.firsts) == [[2], [4], [1], [3], [0]])
        #expect(plans.map(\.repeats) == [[], [], [5], [], []])
    }

    @Test func onlyTheSelectionCounts() {
        let messages = candles([(1, 0), (2, 0), (1, 0), (3, 0)])
        #expect(plan(messages, selection: 1..<3)[0].firsts == [2, 1])
        #expect(plan(messages, selection: 1..<3)[0].repeats.isEmpty)
        #expect(plan(messages, selection: 4..<4).isEmpty)
        #expect(plan(Messages()).isEmpty)
    }
}

@Suite("Which records were new")
struct NewRecordTests {
    private let records = Messages((0..<4).map { Messages.candle(start: $0) }).prepared.records

    private func new(_ keys: [Int]) -> [Int]? {
        BatchPlan(records, selection: 0..<3).kinds[0].new(records, keys: keys.map { records[$0].key })
    }

    @Test func keysComeInAnyOrder() {
        #expect(new([]) == [])
        #expect(new([2, 0]) == [0, 2])
        #expect(new([1, 2, 0]) == [0, 1, 2])
    }

    @Test func aKeyThatWasNotSentIsNoAnswer() {
        #expect(new([3]) == nil)
        #expect(new([0, 3]) == nil)
        #expect(new([0, 0]) == nil)
    }
}

@Suite("The parts of a batch")
struct BatchPartTests {
    private func part(good: Int, bad: Int) -> BatchPart {
        let candles = (0..<good).map { Messages.candle(start: Int64($0)) }
        return BatchPart(Messages(candles + (0..<bad).map { "bad \($0)" }).prepared)
    }

    /// Everything that halving leads to, in the order in which it is stored.
    private func leaves(_ part: BatchPart) -> [BatchPart] {
        guard let (first, second) = part.halves else { return [part] }
        return leaves(first) + leaves(second)
    }

    @Test(arguments: [(1, 0), (1, 3), (2, 0), (7, 1), (64, 5)])
    func halvingEndsAtEachRecordAlone(good: Int, bad: Int) {
        let leaves = leaves(part(good: good, bad: bad))
        #expect(leaves.flatMap(\.records) == Array(0..<good))
        #expect(leaves.allSatisfy { $0.records.count <= 1 })
        #expect(leaves.flatMap(\.refused).map(\.message) == Array(good..<good + bad))
        #expect(leaves.allSatisfy { $0.records.isEmpty || $0.refused.isEmpty })
    }

    @Test func whatHoldsNoRecordHasNoHalves() {
        #expect(part(good: 0, bad: 4).halves == nil)
    }

    @Test func resultsAddUp() {
        var left = StoreResult()
        left.stored[0] = 3
        left.duplicateSame[1] = 2
        left.quarantined = [.notJSON: 1]
        var right = StoreResult()
        right.stored[0] = 1
        right.stored[4] = 5
        right.duplicateOther[1] = 4
        right.quarantined = [.notJSON: 2, .tooLarge: 1]
        left += right
        #expect(left.stored == [4, 0, 0, 0, 5] && left.storedCount == 9)
        #expect(left.duplicateCount == 6 && left.duplicateOtherCount == 4)
        #expect(left.quarantined == [.notJSON: 3, .tooLarge: 1] && left.quarantinedCount == 4)
        #expect(left.receivedCount == 19)
        #expect(StoreResult().receivedCount == 0)
    }

    @Test func lanesComeAscendingAndOnce() {
        var lanes = LaneSet()
        #expect(lanes.ascending.isEmpty)
        for lane in [15, 0, 7, 15, 3] { lanes.insert(lane) }
        #expect(lanes.ascending == [0, 3, 7, 15])
    }

    @Test(arguments: RecordKind.all.indices)
    func theStatementsNameTheTableAndEveryColumn(kind: Int) {
        let statements = StoreStatements.of(RecordKind.all[kind])
        let columns = RecordColumns(kind: RecordKind.all[kind], capacity: 0)
        let insert = statements.insert(columns)
        let compare = statements.keepConflicts(
            columns, traces: .init(elementType: .text, capacity: 0), payloads: .init(elementType: .text, capacity: 0))
        #expect(insert.name == "insert_\(RecordKind.all[kind].table)")
        #expect(compare.name == "compare_\(RecordKind.all[kind].table)")
        #expect(
            insert.sql.hasPrefix("INSERT INTO \(RecordKind.all[kind].table) (market_id, interval_start, interval_end,"))
        #expect(insert.sql.contains("ON CONFLICT (market_id, interval_start, interval_end) DO NOTHING RETURNING"))
        for field in RecordKind.all[kind].fields {
            #expect(
                insert.sql.contains(field.column) && compare.sql.contains("stored.\(field.column) IS DISTINCT FROM"))
        }
        for statement in [insert, compare] {
            let count = statement.parameters.count
            #expect(statement.sql.contains("$\(count)::") && !statement.sql.contains("$\(count + 1)"))
        }
    }
}
