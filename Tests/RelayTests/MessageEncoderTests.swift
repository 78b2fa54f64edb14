import Postgres
import Records
import TestSupport
import Testing

@testable import AMQP
@testable import Outbox
@testable import Relay

@Suite("Rows as messages", .timeLimit(.minutes(10)))
struct MessageEncoderTests {
    @Test func aKnownKindHasItsNumberAndANewOneGetsTheNext() {
        var encoder = MessageEncoder(queue: "q")
        for (number, kind) in RecordKind.all.enumerated() {
            #expect(encoder.kind(named: Array(kind.name.utf8)[...]).number == number)
        }
        let count = RecordKind.all.count
        #expect(encoder.kind(named: Array("Candle".utf8)[...]).number == count)
        #expect(encoder.kind(named: Array("Funding".utf8)[...]).number == count + 1)
        #expect(encoder.kind(named: Array("Candle".utf8)[...]).number == count)
    }

    @Test func aMessageHasTheRowsValues() async throws {
        try await withMigratedDatabase { _, connection in
            try await connection.script(
                """
                INSERT INTO outbox (lane, record_type, market_id, interval_start, interval_end, trace_id, traceparent, body)
                VALUES (4, 'Funding', 7, 'epoch', 'epoch', 'the-trace', 'the-parent', '{"the":"body"}'),
                       (4, 'Trade', 8, 'epoch', 'epoch', NULL, NULL, '{}')
                """)
            let answer = OutboxAnswer(try await OutboxReader.read([.make(4, 0, 10)], connection).rows)
            var encoder = MessageEncoder(queue: "the-queue")
            let rows = (0..<2).map { position in
                OutboxRow(
                    id: Int64(position + 1),
                    series: OutboxRow.Series(
                        market: answer.rows.int4(position, OutboxReader.Column.market),
                        kind: encoder.kind(named: answer.rows.bytes(position, OutboxReader.Column.recordType))),
                    createdAt: 1_700_000_000_999, isPossiblyRedelivered: position == 0,
                    attempt: Int32(2 - position), bodyBytes: 14, answer: answer, position: position)
            }
            let first = encoder.encode([Departure(row: rows[0], previousID: 4711)])
            #expect(first.ids == [1])
            let text = String(decoding: first.takeFrames().map { max($0, 32) }, as: UTF8.self)
            for part in [
                "the-queue", "the-trace", "the-parent", #"{"the":"body"}"#, "Funding", "x-market-id", "x-attempt",
                "x-possibly-redelivered", "x-previous-id", "4711", "traceparent", "application/json",
            ] {
                #expect(text.contains(part), "\(part) is missing")
            }
            let both = encoder.encode(rows)
            #expect(both.ids == [1, 2])
            let second = String(decoding: encoder.encode([rows[1]]).takeFrames().map { max($0, 32) }, as: UTF8.self)
            #expect(second.contains("Trade") && second.contains("x-market-id") && !second.contains("Funding"))
            for header in ["x-attempt", "x-possibly-redelivered", "x-previous-id", "traceparent"] {
                #expect(!second.contains(header), "\(header) says nothing")
            }
        }
    }
}
