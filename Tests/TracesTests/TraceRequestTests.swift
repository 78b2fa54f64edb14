import ProgramRuntime
import Testing

@testable import Traces

@Suite("The request to a collector") struct TraceRequestTests {
    private let request = TraceRequest(resource: ["service.name": "s"])

    private func span(_ seconds: Int64) throws -> EventSpan {
        let header = Array("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".utf8)
        let parent = SampledTrace(traceparent: header.span)
        return .outbox(
            to: "q", parent: try #require(parent), id: 7, kind: "Trade", market: 3, attempt: 1,
            isPossiblyRedelivered: false, createdAt: 1000, publishedAt: 1001, confirmedAt: 1000 + seconds * 1000)
    }

    @Test func numbersAreVarints() {
        var writer = ProtobufWriter()
        writer.number(1, 300)
        writer.fixed32(2, 1)
        writer.text(3, "ab")
        writer.message(4) { $0.number(1, 0) }
        #expect(writer.bytes == [0x08, 0xAC, 0x02, 0x15, 1, 0, 0, 0, 0x1A, 2, 0x61, 0x62, 0x22, 2, 0x08, 0])
    }

    private let trace: [UInt8] = [
        0x0A, 0xF7, 0x65, 0x19, 0x16, 0xCD, 0x43, 0xDD, 0x84, 0x48, 0xEB, 0x21, 0x1C, 0x80, 0x31, 0x9C,
    ]
    private let parent: [UInt8] = [0xB7, 0xAD, 0x6B, 0x71, 0x69, 0x20, 0x33, 0x31]

    @Test func aYoungEventGoesOnWithItsTrace() throws {
        let body = request.body([try span(60)]) { 0x1111_1111_1111_1111 }
        let own: [UInt8] = [0x12, 8] + Array(repeating: 0x11, count: 8)
        #expect(body.contains([0x0A, 16] + trace + own + [0x22, 8] + parent))
        #expect(!body.contains([0x6A, 28, 0x0A, 16] + trace))
    }

    @Test func anOldOneBeginsAnotherThatIsLinked() throws {
        let body = request.body([try span(61)]) { 0x1111_1111_1111_1111 }
        #expect(body.contains([0x6A, 28, 0x0A, 16] + trace + [0x12, 8] + parent))
        #expect(!body.contains([0x22, 8] + parent))
    }

    @Test func aClockThatIsBehindMakesNoNegativeTime() throws {
        let span = try span(-5)
        #expect(span.moments.map(\.time) == [1000, 1001, 1001])
        #expect((span.start, span.end) == (1000, 1001))
        #expect(!request.body([span]) { 1 }.isEmpty)
    }
}
